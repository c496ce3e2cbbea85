"""`file_mode` on a real disk, by whatever way the bytes come."""

import os

import pytest

from tests.integration.conftest import Site, contents

pytestmark = pytest.mark.integration

COPY = "synccmd = cp ${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}"


@pytest.mark.parametrize("way", ["", COPY, "pipeline = yes"], ids=["relay", "command", "pipeline"])
def test_files_arrive_with_the_mode_that_is_asked_for(site: Site, way: str) -> None:
    site.fill("m", {"a": b"alpha", "d/b": b"beta", "d/e/c": b"", "big": os.urandom(1_500_000)})
    for name, mode in (("a", 0o4755), ("d/b", 0o666), ("big", 0o444)):
        (site.root("m") / name).chmod(mode)
    site.fill("c", {"d/b": b"beta"})
    site.here("m", "p", "c", defaults=f"{way}\nfile_mode = 0640")
    assert site.summary("--all")["exit_code"] == 0
    for name in ("p", "c"):
        assert {mode for _, mode, _ in contents(site.root(name)).values()} == {0o640}
    assert {entry["outcome"] for entry in site.summary("--all")["repositories"]} == {"unchanged"}
    assert "file_mode = 0640" in site.cli("config", "show", "c").stdout
