"""A run that is narrowed looks at a part: it changes nothing else, and nobody takes what it says for the whole."""

import json
from pathlib import Path

import pytest

from sshsync.errors import UsageError
from sshsync.model import events as ev
from sshsync.model.narrow import WHOLE, Narrow
from sshsync.model.plan import Job, Manner, Plan
from sshsync.report import as_history, as_html, as_json, as_text
from sshsync.core import narrowing
from sshsync.core.timeline import timeline
from sshsync.state.journal import Journal
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World
from tests.unit.test_parts import BIG, RETRY, parts
from tests.unit.test_underway import THERE, fail, known

RPM = Narrow(("*.rpm",))
FILES = {b"a.rpm": b"alpha", b"d/b.rpm": b"beta", b"c.txt": b"text", b"d/e.txt": b"more"}
OWNED = {"proxy": b"/p", "node1": b"/n", "node2": b"/n"}
DELETING = CHAIN.replace("[DEFAULT]", "[DEFAULT]\ndelete = yes\nmax_delete = 100%")


def filled(world: World, text: str = "") -> World:
    world.text = text or world.text
    world.fill("master", b"/m", FILES)
    return world


def names(world: World, host: str) -> set[bytes]:
    return {path for path in world.host(host).below(OWNED.get(host, b"/m"))}


def hashed(world: World) -> dict[str, int]:
    return {event.repository: event.hashed for event in world.seen(ev.Scanned) if event.hashed}


def moments(world: World) -> dict[str, float]:
    with world.sync() as sync:
        return {row.name: row.in_sync for row in sync.status()}


def outcomes(world: World) -> dict[str, str]:
    with world.sync() as sync:
        return {row.name: row.outcome for row in sync.status()}


def test_only_what_matches_is_read_and_brought_through_the_chain(world: World) -> None:
    result = filled(world).run(narrow=RPM)
    assert result.exit_code == 0
    for host in OWNED:
        assert names(world, host) == {b"a.rpm", b"d/b.rpm"}
    assert hashed(world)["master"] == len(b"alpha" + b"beta"), "of the rest no byte is read"
    assert [job.looked for job in result.report.jobs] == [2, 2, 2]


def test_what_the_configuration_leaves_out_stays_out(world: World) -> None:
    text = CHAIN.replace("[proxy]", "[proxy]\ninclude = *.rpm\nexclude = d/")
    assert filled(world, text).run("proxy", narrow=Narrow(("*",))).exit_code == 0
    assert names(world, "proxy") == {b"a.rpm"}
    assert world.run("proxy", narrow=Narrow((), ("*.txt",))).exit_code == 0
    assert names(world, "proxy") == {b"a.rpm"}


def test_no_repository_is_in_sync_by_it(world: World) -> None:
    result = filled(world).run(narrow=RPM)
    assert set(moments(world).values()) == {0.0}
    assert set(outcomes(world).values()) == {""}
    assert {job.as_of for job in result.report.jobs} == {0.0}
    assert {event.as_of for event in world.seen(ev.RepositoryFinished)} == {0.0}


def test_an_earlier_success_stays_what_it_was(world: World) -> None:
    filled(world).run()
    before = moments(world)
    world.host("master").put(b"/m/a.rpm", b"another")
    assert world.run(narrow=RPM).exit_code == 0
    assert moments(world) == before
    assert set(outcomes(world).values()) == {"done"}


def test_an_earlier_failure_is_not_mended_by_it(world: World) -> None:
    filled(world).run()
    world.host("node1").faults += [Fault("fail", "publish", words=b"broken disk") for _ in range(9)]
    world.host("master").put(b"/m/c.txt", b"another")
    assert world.run().exit_code
    bad = outcomes(world)["node1"]
    world.host("node1").faults.clear()
    assert world.run(narrow=RPM).exit_code == 0
    assert outcomes(world)["node1"] == bad != "done"
    assert world.run().exit_code == 0
    assert outcomes(world)["node1"] in ("done", "unchanged")


@pytest.mark.parametrize("narrow", [RPM, Narrow((), ("*.txt",)), Narrow(("d/", "a*"), ("*.txt",))])
def test_deletions_stay_within_it(world: World, narrow: Narrow) -> None:
    filled(world, DELETING).run()
    for key in (b"a.rpm", b"c.txt", b"d/e.txt"):
        del world.host("master").files[b"/m/" + key]
    result = world.run(narrow=narrow)
    assert result.exit_code == 0
    for host in OWNED:
        assert names(world, host) == {b"d/b.rpm", b"c.txt", b"d/e.txt"}
    assert [job.deleted for job in result.report.jobs] == [1, 1, 1], "what stays is not counted"
    assert world.run().exit_code == 0
    for host in OWNED:
        assert names(world, host) == {b"d/b.rpm"}


def test_deletions_within_it_are_guarded_as_ever(world: World) -> None:
    filled(world, DELETING.replace("100%", "0")).run()
    del world.host("master").files[b"/m/a.rpm"], world.host("master").files[b"/m/c.txt"]
    result = world.run("proxy", narrow=RPM)
    assert result.exit_code == 9
    assert "1 of 4 item(s) would be deleted: a.rpm" in result.report.repositories["proxy"].error
    assert result.report.repositories["proxy"].allow == "--max-delete 1"


def test_what_is_in_the_way_of_it_is_not_removed_for_it(world: World) -> None:
    filled(world, DELETING).run("proxy")
    master = world.host("master")
    del master.files[b"/m/c.txt"]
    master.put(b"/m/c.txt/new.rpm", b"new")
    result = world.run("proxy", narrow=RPM)
    assert result.exit_code == 6 or result.exit_code == 7
    assert world.host("proxy").files[b"/p/c.txt"].data == b"text"
    assert "c.txt" in result.report.repositories["proxy"].problems[0].reason


def test_a_whole_run_after_it_takes_nothing_for_looked_at(world: World) -> None:
    filled(world)
    for _ in range(3):
        assert world.run(narrow=RPM).exit_code == 0
    result = world.run()
    assert result.exit_code == 0
    for host in OWNED:
        assert names(world, host) == set(FILES)


def test_a_part_that_is_level_does_not_make_the_whole_so(world: World) -> None:
    """The part is equal on both sides and was seen so often; the rest differs, in size and times that nobody looked at."""
    filled(world).run()
    proxy = world.host("proxy")
    proxy.files[b"/p/c.txt"].data = b"evil"
    for _ in range(3):
        assert world.run("proxy", narrow=RPM).exit_code == 0
    with world.sync() as sync, sync.visit() as visit:
        assert visit.run([["proxy"]]).exit_code == 0
    verified = CHAIN.replace("[DEFAULT]", "[DEFAULT]\ndigest_cache = no")
    assert world.run("proxy", text=verified).exit_code == 0
    assert proxy.files[b"/p/c.txt"].data == b"text"


def test_it_leaves_no_note_that_nothing_differs(world: World) -> None:
    """Neither that nothing differs, nor at which listing all digests are known."""

    def noted() -> list[str]:
        found = []

        class Noting(Journal):
            def note(self, name: str, value: str) -> None:
                found.append(name)
                super().note(name, value)

        assert world.run("proxy", narrow=narrow, journal=Noting).exit_code == 0
        return found

    filled(world)
    for narrow in (RPM, Narrow(("*",)), RPM, Narrow(("*",))):
        assert noted() == []
    narrow = WHOLE
    assert any(name.startswith("level ") for name in [*noted(), *noted()]), "a whole run leaves it"


def test_a_level_link_is_looked_at_in_part_all_the_same(world: World) -> None:
    filled(world)
    for _ in range(3):
        assert world.run().exit_code == 0
    result = world.run(narrow=RPM)
    assert [(job.outcome, job.looked) for job in result.report.jobs] == [("unchanged", 2)] * 3
    assert hashed(world) == {}, "what is on record is not read again"


def test_the_share_that_is_read_again_keeps_its_turns(world: World) -> None:
    text = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nverify_share = 50%")
    filled(world, text).run("proxy")

    def turn() -> set[str]:
        with world.sync() as sync:
            found = sync.config.tree.repositories
            return {sync.journal.noted(f"verify_share {found[name].identity}") for name in ("master", "proxy")}

    before = turn()
    assert world.run("proxy", narrow=RPM).exit_code == 0
    assert turn() == before


def test_the_guard_of_an_emptied_master_is_about_all_of_it(world: World) -> None:
    filled(world, DELETING).run("proxy")
    assert world.run("proxy", narrow=RPM).exit_code == 0
    for key in FILES:
        del world.host("master").files[b"/m/" + key]
    result = world.run("proxy", narrow=RPM)
    assert result.exit_code == 9
    assert "master is empty but held 4 item(s) before" in result.report.repositories["proxy"].error


def test_what_nobody_ever_compared_is_counted_within_it(world: World) -> None:
    filled(world).run("proxy", narrow=RPM)
    world.host("proxy").put(b"/p/hand.txt", b"by hand")
    result = world.run("node1", narrow=RPM)
    assert result.exit_code == 0
    assert result.report.repositories["node1"].notices == []


def test_a_part_on_its_way_that_it_does_not_want_stays(world: World) -> None:
    """A whole run broke off in the middle of a big file: a small one that is wanted at once costs nothing of that."""
    filled(world, RETRY).run("proxy")
    world.host("master").put(b"/m/big.bin", BIG)
    fail(world, THERE)
    there, sent = parts(world), known(world)
    assert there and sent
    world.host("master").put(b"/m/a.rpm", b"another")
    assert world.run("proxy", narrow=RPM).exit_code == 0
    assert parts(world) == there
    assert known(world) == sent
    result = world.run("proxy")
    assert result.exit_code == 0
    assert result.report.repositories["proxy"].moved <= len(BIG) - THERE
    assert not parts(world)


def test_nothing_matches(world: World) -> None:
    result = filled(world).run("proxy", narrow=Narrow(("*.rmp",)))
    job = result.report.repositories["proxy"]
    assert (result.exit_code, job.outcome) == (6, "failed")
    assert "nothing on master matches --include *.rmp: did you mean *.rpm?" in job.error
    assert names(world, "proxy") == set()


def test_of_several_patterns_each_that_matches_nothing_is_told(world: World) -> None:
    result = filled(world).run("proxy", narrow=Narrow(("*.rpm", "d/b.rmp", "!d/")))
    assert result.exit_code == 0
    assert result.report.repositories["proxy"].notices == ["nothing on master matches --include d/b.rmp: did you mean d/b.rpm?"]


def test_what_only_the_child_has_is_something(world: World) -> None:
    filled(world, DELETING).run("proxy")
    del world.host("master").files[b"/m/a.rpm"]
    result = world.run("proxy", narrow=Narrow(("a.rpm",)))
    assert result.exit_code == 0
    assert result.report.repositories["proxy"].deleted == 1


def test_all_is_left_out(world: World) -> None:
    result = filled(world).run("proxy", narrow=Narrow((), ("*",)))
    assert result.exit_code == 6
    assert "nothing on master takes part in what is narrowed to all without *" in result.report.repositories["proxy"].error


def test_a_pattern_that_can_match_nothing_is_refused_before_anything_is_asked(world: World) -> None:
    with pytest.raises(UsageError, match="write it as in include"):
        filled(world).run("proxy", narrow=Narrow(("[[:nothing:]]",)))
    assert not (world.directory / "state" / "journal.sqlite").exists()
    assert not world.events


def test_nobody_else_is_asked(world: World) -> None:
    filled(world).run()
    world.host("master").faults += [Fault("refuse", "list") for _ in range(9)]
    assert world.run("node1", narrow=RPM).exit_code == 0
    assert {event.repository for event in world.seen(ev.Scanned)} == {"proxy", "node1"}


def test_a_dry_run_says_the_same_and_leaves_nothing(world: World) -> None:
    result = filled(world).run(dry_run=True, narrow=RPM)
    assert result.exit_code == 11
    assert {event.name for event in world.seen(ev.PlannedChange)} == {"a.rpm", "d/b.rpm"}
    assert "was a dry run: 6 changes planned, narrowed to *.rpm: 6 files of 3 repositories looked at, nothing is said of the rest" in as_text.headline(result.report)
    world.run(narrow=RPM)
    dry = world.run(dry_run=True, narrow=RPM)
    assert dry.exit_code == 0
    assert [row[1] for row in as_text.rows(dry.report)] == ["alike (part)"] * 3


def test_empty_directories_within_it(world: World) -> None:
    text = DELETING.replace("[DEFAULT]", "[DEFAULT]\nempty_dirs = yes")
    filled(world, text)
    for place in (b"/m/void", b"/m/pool/void"):
        world.host("master").make(place)
    assert world.run("proxy", narrow=Narrow(("pool/",))).exit_code == 0
    assert b"/p/pool/void" in world.host("proxy").directories
    assert b"/p/void" not in world.host("proxy").directories


@pytest.mark.parametrize("executor", ["pipeline", "stages"])
def test_who_takes_from_its_parent_meanwhile_takes_the_part(world: World, executor: str) -> None:
    text = CHAIN.replace("[DEFAULT]", "[DEFAULT]\npipeline = yes") if executor == "pipeline" else CHAIN
    assert filled(world, text).run(narrow=RPM).exit_code == 0
    for host in OWNED:
        assert names(world, host) == {b"a.rpm", b"d/b.rpm"}
    assert set(moments(world).values()) == {0.0}


def interrupted(world: World, narrow: Narrow = WHOLE) -> str:
    """Have a run interrupted before its first file, and return its id."""
    with world.sync() as sync, sync.visit() as visit:
        world.host("proxy").faults.append(Fault("none", "publish", first=lambda: visit.interrupt(15)))
        result = visit.run([["proxy"], ["node1", "node2"]], manner=Manner(narrow))
    assert result.exit_code == 143
    world.host("proxy").faults.clear()
    return result.report.run


def test_the_same_line_and_resume_go_on_with_the_same_patterns(world: World) -> None:
    filled(world)
    run = interrupted(world, RPM)
    with world.sync() as sync:
        plan = sync.unfinished()
        assert plan and plan.narrowed == RPM
        assert plan.command == "sshsync --sync proxy --sync node1,node2 --include '*.rpm'"
    result = world.run(narrow=RPM)
    assert (result.exit_code, result.report.run, result.report.continued) == (0, run, 1)
    assert result.report.narrowed == RPM
    assert names(world, "node1") == {b"a.rpm", b"d/b.rpm"}


@pytest.mark.parametrize(("first", "second"), [(RPM, WHOLE), (WHOLE, RPM), (RPM, Narrow(("*.txt",))), (RPM, Narrow(("*.rpm",), ("d/",)))])
def test_other_patterns_are_another_line(world: World, first: Narrow, second: Narrow) -> None:
    filled(world)
    run = interrupted(world, first)
    result = world.run(narrow=second)
    assert result.exit_code == 0
    assert result.report.run != run
    assert f"the unfinished run {run} asked for something else and is abandoned" in result.report.repositories["proxy"].notices


def test_one_that_was_killed_says_nothing_about_how_repositories_are(world: World) -> None:
    filled(world).run()
    before = outcomes(world)
    journal = world.sync().journal
    with world.sync() as sync, sync.journal.writing(sync.config.tree.repositories.values()):
        for event in (ev.RunStarted("r9", 9.0, [["proxy"]], include=["*.rpm"]), ev.RepositoryStarted("proxy", "master"), ev.RepositoryFinished("node1", ev.Outcome.FAILED, 1.0, narrowed=True)):
            sync.journal.keep(ev.Entry("r9", 9.0, event))
    journal.close()
    assert outcomes(world) == before


# ------------------------------------------------------------------ in words


def test_in_words_everywhere(world: World) -> None:
    result = filled(world).run(narrow=Narrow(("*.rpm",), ("d/",)))
    report = result.report
    told = "narrowed to *.rpm without d/: 3 files of 3 repositories looked at, nothing is said of the rest"
    assert told in as_text.headline(report)
    assert "in sync" not in as_text.headline(report)
    assert [(row[1], row[-1]) for row in as_text.rows(report)] == [("done (part)", "-")] * 3
    summary = as_json.summary(report)
    assert summary["narrowed"] == {"include": ["*.rpm"], "exclude": ["d/"]}
    with world.sync() as sync:
        page = as_html.page(report, timeline(sync.journal.events(report.run)))
        (row,) = sync.journal.runs(1)
        found = as_history.run(row, sync.journal.end(report.run), sync.journal.manner(report.run))
        assert sync.history().narrowed == report.narrowed
    assert told in page
    assert ">in sync<" not in page and "exit code 0: in sync" not in page
    cells = as_history.cells(found)
    assert cells[4] == "3 of 3 in part"
    assert cells[-1] == "--sync proxy --sync node[1-2] --include '*.rpm' --exclude d/".replace("node[1-2]", cells[-1].split("--sync ")[2].split()[0])
    assert json.loads(as_json.answer_line(found))["narrowed"] == {"include": ["*.rpm"], "exclude": ["d/"]}


def test_a_whole_run_is_narrowed_to_nothing(world: World) -> None:
    report = filled(world).run().report
    assert as_json.summary(report)["narrowed"] is None
    assert "everything is in sync" in as_text.headline(report)


def test_one_that_fails_says_so_of_its_part(world: World) -> None:
    filled(world)
    world.host("node1").faults += [Fault("fail", "publish", words=b"broken disk") for _ in range(9)]
    report = world.run(narrow=RPM).report
    assert "1 of 3 repositories without what was asked for, narrowed to *.rpm: 6 files" in as_text.headline(report)


def test_patterns_in_words_are_fit_for_a_screen_and_a_shell() -> None:
    narrow = Narrow(("a b", "\x1b[31m"), ("it's",))
    assert "\x1b" not in narrow.words
    assert narrow.options.startswith("--include 'a b' --include ")
    assert narrow.options.endswith("""--exclude 'it'"'"'s'""")
    assert (WHOLE.words, WHOLE.options, bool(WHOLE)) == ("", "", False)
    assert Plan(((Job("c", "m", 0),),), Manner(Narrow((), ("*.tmp",)))).command == "sshsync --sync c --exclude '*.tmp'"


def test_monitoring_hears_of_whole_runs_only(world: World, tmp_path: Path) -> None:
    files = {key: tmp_path / key for key in ("metrics_file", "status_file")}
    lines = [*(f"{key} = {file}" for key, file in files.items()), f"report_dir = {tmp_path}/pages"]
    filled(world, "\n".join(lines) + CHAIN)
    assert world.run(narrow=RPM).exit_code == 0
    assert not any(file.exists() for file in files.values())
    assert "narrowed to *.rpm" in (tmp_path / "pages" / "latest.html").read_text()
    assert world.run().exit_code == 0
    before = {key: file.read_text() for key, file in files.items()}
    assert world.run(narrow=RPM).exit_code == 0
    assert {key: file.read_text() for key, file in files.items()} == before


@pytest.mark.parametrize(
    ("pattern", "keys", "meant"),
    [
        ("*.rmp", [b"a.rpm"], "*.rpm"),
        ("libx", [b"d/libs"], "libs"),
        ("lb/", [b"lib/x"], "lib/"),
        ("d/libx.so", [b"d/lib.so", b"x"], "d/lib.so"),
        ("zzz", [b"a.rpm"], ""),
        ("zzz", [], ""),
    ],
)
def test_what_may_be_meant(pattern: str, keys: list[bytes], meant: str) -> None:
    assert narrowing.absent(pattern, "m", keys) == f"nothing on m matches --include {pattern}" + (f": did you mean {meant}?" if meant else "")
