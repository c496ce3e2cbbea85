"""A vendor who begins to write after the listing, on real servers."""

import threading
import time
from pathlib import Path

import pytest

from tests.integration.conftest import Site

pytestmark = pytest.mark.integration


def vendor(site: Site, lines: int, pause: float) -> tuple[str, Path]:
    """Return a digestcmd that, the first time, lets a slow writer begin before it digests, and the writer's mark.

    He fills a file whose room was made before, and his tool sets an old time after every line: its size and its
    modification time are those of the listing all the while.
    """
    target, mark, script = site.root("m") / "slow", site.directory / "written", site.directory / "vendor.sh"
    script.write_text(
        f'i=0; while [ $i -lt {lines} ]; do printf "line %03d\\n" $i | dd of="{target}" bs=9 seek=$i conv=notrunc 2>/dev/null; touch -t 202001010000 "{target}"\n'
        f'  [ $i != 1 ] || : > "{site.directory}/begun"; i=$((i + 1)); sleep {pause}; done; : > "{mark}"\n'
    )
    begin = f'if mkdir "{site.directory}/once" 2>/dev/null; then setsid sh "{script}" >/dev/null 2>&1 & while [ ! -e "{site.directory}/begun" ]; do sleep 0.02; done; fi'
    return f"{begin}; sha256sum < ${{FILEPATH}}", mark


@pytest.mark.parametrize(("lines", "pause"), [(40, 0.2), (8, 1)])
def test_a_writer_who_began_after_the_listing_never_shows_half_a_file_below(site: Site, lines: int, pause: float) -> None:
    whole = b"".join(b"line %03d\n" % number for number in range(lines))
    site.fill("m", {"calm": b"calm"})
    site.fill("m", {"slow": bytes(len(whole))}, mtime=1_577_836_800)
    digestcmd, mark = vendor(site, lines, pause)
    site.write(
        f"[DEFAULT]\nstable_for = 4\n[m]\ndigestcmd = {digestcmd}\n{site.server('m').section(path=site.root('m'))}"
        f"[c]\nparent = m\n{site.server('c').section(path=site.root('c'))}"
    )
    seen, ended = set(), threading.Event()

    def read() -> None:
        while not ended.wait(0.02):
            file = site.root("c") / "slow"
            seen.add(file.read_bytes() if file.exists() else None)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        first = site.summary("--sync", "c")
        until = time.monotonic() + 60
        while not mark.exists() and time.monotonic() < until:
            time.sleep(0.05)
        again = site.summary("--sync", "c")
    finally:
        ended.set()
        reader.join()
    assert seen <= {None, whole}
    assert first["exit_code"] == again["exit_code"] == 0
    assert first["by_name"]["c"]["files"]["deferred"] + first["by_name"]["c"]["files"]["copied"] == 2
    site.same("m", "c")
