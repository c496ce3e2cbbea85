"""Files that vanish between their digest and their reading: each costs itself, not the pack that it travels in."""

import os
import shutil

import pytest

from tests.integration.conftest import Site, contents
from tests.integration.holding import program, running, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

COUNT = 1500
MOST = 20
"""Publications, or tries of a batch, that so many small files may cost; they fit into two streams."""

GONE = {
    "three, far apart": ["d3/f0003", "d3/f0703", "d9/f1409"],
    "three in a row": ["d5/f0205", "d5/f0215", "d5/f0225"],
    "the first and the last": ["d0/f0000", "d9/f1499"],
}


def configure(site: Site, gone: list[str], more: str = "") -> None:
    """The hook before the first change takes the files away: they were listed and digested, and are not read yet."""
    names = " ".join(str(site.root("m") / name) for name in gone)
    hook = program(site.directory / "vanish", f"#!/bin/sh\nrm -f {names}\n")
    site.server("c", "LogLevel VERBOSE")
    site.write(
        f"[DEFAULT]\nstable_for = 0\n[m]\n{site.server('m').section(path=site.root('m'))}"
        f"[c]\nparent = m\npre_cmd = {hook}\n{more}{site.servers['c'].section(path=site.root('c'))}"
    )


def arrives_but_for(site: Site, gone: list[str], reason: str) -> None:
    """One run: the files that are gone are named, all others arrive, and it is no more work than it has to be."""
    with running(site, "--json", "--sync", "c") as run:

        def too_many() -> bool:
            return len(run.events("published")) >= MOST or not run.going

        until(too_many, "the end of the run", 200)
        assert len(run.events("published")) < MOST, (
            f"after {run.events('published')[-1]['items'][-1][0]} one file is published at a time"
        )
        assert run.ended() == 7, run.said
        found = run.summary()["by_name"]["c"]
        assert found["outcome"] == "partial"
        assert found["files"]["failed"] == len(gone)
        assert sorted(problem["item"] for problem in found["problems"]) == gone
        assert all(reason in problem["reason"] for problem in found["problems"]), found["problems"]
        assert found["files"]["copied"] == COUNT - len(gone)
        assert len(run.events("retried")) < MOST
    assert contents(site.root("c")) == contents(site.root("m"))
    commands = site.servers["c"].log.read_text(errors="replace").count("Starting session: command")
    assert commands < 100, f"{commands} commands on the child"
    assert site.summary("--sync", "c")["by_name"]["c"]["outcome"] == "unchanged"
    site.same("m", "c")


@pytest.mark.parametrize("case", GONE)
def test_what_vanished_from_a_pack_costs_only_itself(site: Site, case: str) -> None:
    site.fill("m", {f"d{n % 10}/f{n:04}": b"%d" % n * 20 for n in range(COUNT)})
    configure(site, GONE[case])
    arrives_but_for(site, GONE[case], "vanished")


def test_what_cannot_be_read_any_more_costs_only_itself(site: Site) -> None:
    """The master's `cat` refuses three files, which are there as ever: to find them may take some halving."""
    gone = GONE["three, far apart"]
    site.fill("m", {f"d{n % 10}/f{n:04}": b"%d" % n * 20 for n in range(COUNT)})
    tools = site.root("tools")
    cases = "|".join(f"*/{name}" for name in gone)
    program(
        tools / "cat",
        f'#!/bin/sh\nfor f do case $f in {cases}) echo "cat: $f: Input/output error" >&2; bad=1;; *) {shutil.which("cat")} "$f";; esac; done\n'
        "exit ${bad:-0}\n",
    )
    site.server("m", environment=f"PATH={tools}:{os.environ['PATH']}")
    configure(site, [])
    with running(site, "--json", "--sync", "c") as run:
        until(lambda: len(run.events("published")) >= 5 * MOST or not run.going, "the end of the run", 200)
        assert len(run.events("published")) < 5 * MOST, "one file is published at a time"
        assert run.ended() == 7, run.said
        found = run.summary()["by_name"]["c"]
        assert sorted(problem["item"] for problem in found["problems"]) == gone
        assert found["files"]["copied"] == COUNT - len(gone)
