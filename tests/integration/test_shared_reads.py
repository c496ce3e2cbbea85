"""Children of one parent over real servers: what several want is read once, and who stands still holds nobody up."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.integration.conftest import Site
from tests.integration.holding import program, running, stopped_receiver, until
from tests.sshd import require

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

MIB = 1 << 20


def family(site: Site, children: list[str], more: str = "", environment: str = "") -> None:
    """Configure a parent and its children; none of these begins to be served before all of them are ready for it."""
    arrived = site.root("arrived")
    wait = program(
        site.directory / "wait",
        f'#!/bin/sh\n: >{arrived}/$1\ni=0\nwhile [ $(ls {arrived} | wc -l) -lt {len(children)} ] && [ $i -lt 900 ]; do\n'
        "  sleep 0.1\n  i=$((i + 1))\ndone\n",
    )
    sections = [f"[DEFAULT]\nstable_for = 0\ntimeout = 60\n{more}[m]\n{site.server('m', environment=environment).section(path=site.root('m'))}"]
    sections += [f"[{name}]\nparent = m\npre_cmd = {wait} {name}\n{site.server(name).section(path=site.root(name))}" for name in children]
    site.write("\n".join(sections))


def counting(site: Site, children: int) -> tuple[Path, Path]:
    """Return a directory of tools for the parent that leave a copy of all that they print, and where that lies.

    Once the children are ready its disk takes three seconds to begin: whoever comes later than others has come by then.
    """
    made, copies, slow = site.root("tools"), site.root("copies"), site.root("slow")
    begin = (
        f"if [ $(ls {site.directory}/arrived | wc -l) -ge {children} ]; then mkdir {slow}/1 2>/dev/null && sleep 3 && : >{slow}/go\n"
        f"  i=0\n  while [ ! -e {slow}/go ] && [ $i -lt 900 ]; do\n    sleep 0.1\n    i=$((i + 1))\n  done\nfi\n"
    )
    for name in ("dd", "cat"):
        found = shutil.which(name)
        require(bool(found), name)
        program(made / name, f'#!/bin/sh\n{begin}{found} "$@" | tee {copies}/{name}.$$\n')
    return made, copies


def test_what_several_children_want_is_read_once(site: Site, figure) -> None:
    children = [f"c{number}" for number in range(6)]
    tools, copies = counting(site, len(children))
    family(site, children, environment=f"PATH={tools}:{os.environ['PATH']}")
    site.fill("m", {"big": os.urandom(12 * MIB), **{f"d/{number:03}": os.urandom(9_000) for number in range(200)}})
    found = site.summary("--sync", ",".join(children))
    assert found["exit_code"] == 0
    site.same("m", *children)
    size = 12 * MIB + 200 * 9_000
    told = {name: entry["bytes"] for name, entry in found["by_name"].items() if name in children}
    assert {entry["moved"] for entry in told.values()} == {size}, "what each says it moved is its own"
    read = sum(file.stat().st_size for file in copies.iterdir())
    figure("read of the parent, in sizes of what its six children got", round(read / size, 2))
    assert size <= read < 1.1 * size
    assert size - 100 <= sum(entry["moved"] - entry["shared"] for entry in told.values()) < 1.1 * size


def test_a_stopped_sibling_does_not_hold_the_others(site: Site) -> None:
    """More than what is kept for him goes by while he stands still; then he goes on by himself."""
    children = ["c0", "c1", "c2"]
    family(site, children)
    site.fill("m", {"big": os.urandom(72 * MIB)})
    with running(site, "--json", "--sync", ",".join(children)) as run:
        stopped = stopped_receiver(site, "c0", run)
        try:
            others = until(lambda: {e["repository"] for e in run.events("repository_finished")} >= {"c1", "c2"} or not run.going, "the others are done")
            assert others
            assert run.going, run.said
            site.same("m", "c1", "c2")
        finally:
            stopped.send(signal.SIGCONT)
            for descriptor in stopped.held:
                os.close(descriptor)
        assert run.ended() == 0
    site.same("m", *children)


def test_a_sibling_with_a_limit_limits_nobody_else(site: Site) -> None:
    family(site, ["c0", "c1", "c2"])
    site.config.write_text(site.config.read_text().replace("[c1]\n", "[c1]\nbwlimit = 1M\n"))
    site.fill("m", {"big": os.urandom(6 * MIB)})
    with running(site, "--json", "--sync", "c0,c1,c2") as run:
        assert run.ended() == 0
        ends = [event["repository"] for event in run.events("repository_finished") if event["repository"] in ("c0", "c1", "c2")]
    assert ends[-1] == "c1"
    site.same("m", "c0", "c1", "c2")
