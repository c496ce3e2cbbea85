"""The pure decisions, as tables."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.core import algorithm, fold, guard, planner, selection, verify
from sshsync.core.diff import diff
from sshsync.core.ready import barrier
from sshsync.core.tree import build, faults
from sshsync.errors import ConfigError, UnknownRepositoryError, UsageError
from sshsync.model import events as ev
from sshsync.model import written
from sshsync.model.change import Action, Changes, Copy, Delete
from sshsync.model.events import Outcome
from sshsync.model.item import Item, Snapshot
from sshsync.model.problem import Problem
from sshsync.model.row import Stamp
from sshsync.model.order import Ended
from sshsync.model.plan import Job, Plan
from sshsync.model.policy import MaxDelete, TransferKind
from sshsync.model.report import RepositoryReport, RunReport
from sshsync.model.topology import Commands, Repository
from sshsync.transfers import load
from sshsync.transfers.choose import choose
from sshsync.transfers.load import Loose, Pack, Part
from sshsync.model.words import Place
from tests import values

PLACE = Place("directory", "look at it")


def repository(name: str, parent: str = "", *, host: str = "", path: str = "/r", **more: object) -> Repository:
    return values.repository(name, parent, host=values.host(host or name), path=path, **more)


def tree(*repositories: Repository):
    return build(repositories)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("node1", ["node1"]),
        ("node[1-3]", ["node1", "node2", "node3"]),
        ("node[08-10,20]x", ["node08x", "node09x", "node10x", "node20x"]),
        ("[1-2]", ["1", "2"]),
    ],
)
def test_ranges(text: str, names: list[str]) -> None:
    assert [name for name, _ in selection.expand(text)] == names


@pytest.mark.parametrize("text", ["a[", "a]", "a[]", "a[x]", "a[3-1]", "a[-1]", "a[1-]", "a[1-2-3]", "a[1-99999999]", "a[1][2]"])
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"\["):
        selection.expand(text) if text != "a]" else selection.expand("[" + text)


def test_a_selection_by_lists_ranges_and_groups() -> None:
    made = tree(repository("m"), *(repository(f"n{n}", "m", groups=("odd",) if n % 2 else ()) for n in range(1, 5)))
    assert selection.select(made, "n[1-2],n4, n1") == ["n1", "n2", "n4"]
    assert selection.select(made, "@odd,n2") == ["n1", "n3", "n2"]
    assert selection.select(made, "n3,n*") == ["n3", "n1", "n2", "n4"]
    assert selection.select(made, "?") == ["m"]
    with pytest.raises(UnknownRepositoryError, match=r"no repository matches 'n\[1-2\]\*' .known: m, n1"):
        selection.select(made, "n[1-2]*")
    with pytest.raises(UnknownRepositoryError, match="groups: odd"):
        selection.select(made, "@even")
    with pytest.raises(UnknownRepositoryError, match="no repository has a groups key"):
        selection.select(CHAIN, "@x")
    with pytest.raises(UsageError):
        selection.select(made, "n[3-1]")


CHAIN = tree(repository("m"), repository("p", "m"), repository("n1", "p"), repository("n2", "p"))


def item(key: bytes, digest: str | None = "sha256:1", size: int = 1, mtime: int = 0, mode: int = 0o644) -> Item:
    return Item(key, digest, Stamp(size, mtime * 10**9, 0, 1), mode)


def snapshot(*items: Item, **more: object) -> Snapshot:
    return Snapshot("r", b"/r", {i.key: i for i in items}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("repositories", "words"),
    [
        ([repository("a", "x")], "parent 'x' is not a repository"),
        ([repository("a", "b"), repository("b", "a")], "runs in a circle"),
        ([repository("a", "a")], "runs in a circle: a -> a"),
        ([repository("a", host="h"), repository("b", "a", host="h")], "shares its root with [a]"),
        ([repository("a", host="h"), repository("b", "a", host="h", path="/r/below")], "shares its root"),
        ([repository("a", host="h", path=""), repository("b", "a", host="h", path="")], "has no path, like [a] on the same host"),
    ],
)
def test_faults_of_a_tree(repositories: list[Repository], words: str) -> None:
    found = faults({r.name: r for r in repositories})
    assert any(words in text for _, _, text in found)
    with pytest.raises(ValueError, match="."):
        build(repositories)


def test_a_good_tree_knows_its_chains() -> None:
    assert faults(CHAIN.repositories) == []
    assert CHAIN.origin("n1").name == "m"
    assert CHAIN.level("n1") == 2
    assert CHAIN.parent("m") is None
    assert CHAIN.parent("p") is CHAIN.repositories["m"]
    assert [r.name for r in CHAIN.chain("n2")] == ["m", "p", "n1", "n2"]
    assert CHAIN.repositories["m"].identity == "ssh://u@m/r"
    assert replace(values.host("x"), transport="local").label == "local"
    assert values.host("x", 23).label == "x:23"


def test_no_host_is_behind_this_host_itself_nor_this_host_behind_one() -> None:
    local = replace(values.host(), transport="local")
    for host, via in ((values.host(), local), (local, values.host())):
        with pytest.raises(ValueError, match="no jump host"):
            replace(host, via=via)


def test_a_plan() -> None:
    made = planner.plan(CHAIN, [["p"], [], ["n1", "n2"]])
    assert made.names == (("p",), ("n1", "n2"))
    assert made.command == "sshsync --sync p --sync n1,n2"
    assert [job.parent for job in made.jobs] == ["m", "p", "p"]
    assert planner.everything(CHAIN) == (("p",), ("n1", "n2"))


@pytest.mark.parametrize(
    ("stages", "error", "words"),
    [
        ([["n11"]], UnknownRepositoryError, "did you mean"),
        ([["zzz"]], UnknownRepositoryError, "known: m"),
        ([["m"]], UsageError, "is a master"),
        ([["n1"], ["p"]], UsageError, "earlier stage"),
        ([["p", "n1"]], UsageError, "earlier stage"),
        ([["p"], ["p"]], UsageError, "named twice"),
        ([], UsageError, "no repository"),
    ],
)
def test_senseless_plans(stages: list, error: type, words: str) -> None:
    with pytest.raises(error) as caught:
        planner.plan(CHAIN, stages)
    assert words in str(caught.value)


def test_a_master_without_children_is_told_apart() -> None:
    with pytest.raises(UsageError, match="it has no children"):
        planner.plan(tree(repository("m")), [["m"]])


@pytest.mark.parametrize(
    ("size", "free", "words"),
    [(66_517, 0, "66517 B more are needed there but 0 B are free"), (5_100_000, 4_200_000, "5.1 MB more are needed there but 4.2 MB are free")],
)
def test_what_does_not_fit_is_told_in_numbers_that_differ(size: int, free: int, words: str) -> None:
    found = Changes((Copy(item(b"a", size=size)),), ())
    refusal = guard.no_room(found, free)
    assert refusal
    assert words in refusal.words
    assert not guard.no_room(found, size)


def test_the_barrier_waits_for_the_whole_stage() -> None:
    plan = planner.plan(CHAIN, [["p"], ["n1", "n2"]])
    p, n1, n2 = plan.jobs
    well = Ended(Outcome.DONE)
    assert barrier(plan, set(), {}) == (p,)
    assert barrier(plan, {p}, {}) == ()
    assert barrier(plan, {p}, {p: well}) == (n1, n2)
    assert barrier(plan, {p, n1}, {p: well}) == (n2,)
    assert barrier(plan, set(plan.jobs), dict.fromkeys(plan.jobs, well)) == ()


def test_a_diff_names_every_kind() -> None:
    parent = snapshot(item(b"new"), item(b"same"), item(b"other", "sha256:2"), item(b"moded", mode=0o755), item(b"none", None))
    child = snapshot(item(b"same"), item(b"other"), item(b"moded"), item(b"gone"), item(b"none"))
    found = diff(parent, child, delete=True)
    assert [(c.action, c.key) for c in found.changes] == [
        (Action.COPY, b"new"),
        (Action.REPLACE, b"other"),
        (Action.ADJUST, b"moded"),
        (Action.DELETE, b"gone"),
    ]
    assert set(found.unchanged) == {b"same", b"moded"}
    assert found.blocked == (Problem(b"none", "no digest of it could be made on r: see what is said of r"),)
    assert [c.size for c in found.changes] == [1, 1, 0, 0]
    assert len(found.transfers) == 2


@pytest.mark.parametrize("incomplete", ["parent", "child"])
def test_incomplete_knowledge_never_deletes(incomplete: str) -> None:
    parent = snapshot(complete=incomplete != "parent")
    child = snapshot(item(b"a"), complete=incomplete != "child")
    assert diff(parent, child, delete=True).changes == ()


def test_what_would_be_deleted_on_complete_knowledge_is_counted() -> None:
    child = snapshot(item(b"a"), item(b"d/x"), item(b"b"))
    parent = snapshot(item(b"b"), complete=False, problems=(Problem(b"d", "vanished", gone=True),))
    assert diff(parent, child, delete=True).withheld == 2
    assert diff(parent, child, delete=True, wanted=lambda key: key != b"a").withheld == 1
    assert diff(parent, child, delete=False).withheld == 0
    assert diff(replace(parent, complete=True), child, delete=True).withheld == 0


def test_what_could_not_be_looked_at_is_blocked_and_what_vanished_is_not() -> None:
    closed = snapshot(problems=(Problem(b"d", "Permission denied"), Problem(b"e", "vanished", gone=True)), complete=False)
    whole = snapshot()
    assert [problem.key for problem in diff(closed, whole, delete=False).blocked] == [b"d"]
    assert diff(closed, whole, delete=False).blocked[0].reason.startswith("r cannot list it: Permission denied (make it readable")
    assert [problem.key for problem in diff(whole, closed, delete=True).blocked] == [b"d"], "there may be something to delete"
    assert diff(whole, closed, delete=False).blocked == ()


def test_times_before_the_epoch_are_times_like_any_other() -> None:
    found = diff(snapshot(item(b"a", mtime=-5)), snapshot(item(b"a", mtime=0)), delete=False)
    assert [change.action for change in found.changes] == [Action.ADJUST]
    assert diff(snapshot(item(b"a", mtime=-5)), snapshot(item(b"a", mtime=-5)), delete=False).changes == ()


def test_what_every_archive_can_carry_is_as_near_as_it_can() -> None:
    carried = {at: item(b"a", mtime=at).portable().mtime for at in (-1, 0, 5, 8**11 - 1, 8**11, 10**19)}
    assert carried == {-1: 0, 0: 0, 5: 5, 8**11 - 1: 8**11 - 1, 8**11: 8**11 - 1, 10**19: 8**11 - 1}


def test_problems_shield_what_lies_below_them() -> None:
    parent = snapshot(problems=(Problem(b"d", "unreadable"),))
    child = snapshot(item(b"d/x"), item(b"d"), item(b"dx"))
    assert [c.key for c in diff(parent, child, delete=True).changes] == [b"dx"]


def test_blocked_items_are_left_as_they_are() -> None:
    found = diff(snapshot(item(b"a", "sha256:2")), snapshot(item(b"a")), delete=True, blocked={b"a": "altered"})
    assert found.changes == ()
    assert found.blocked[0].reason == "altered"


def test_unwanted_items_are_counted() -> None:
    found = diff(snapshot(item(b"a"), item(b"b")), snapshot(), delete=True, wanted=lambda key: key == b"a")
    assert found.excluded == 1
    assert len(found.changes) == 1


@pytest.mark.parametrize(
    ("deletions", "items", "refused"),
    [(0, 0, False), (25, 100, False), (26, 100, True), (1000, 100_000, False), (1001, 100_000, True), (1, 1, True)],
)
def test_row_76_max_delete_counts_whichever_is_first_reached(deletions: int, items: int, refused: bool) -> None:
    gone = tuple(Delete(item(b"%d" % n)) for n in range(deletions))
    child = snapshot(*(item(b"%d" % n) for n in range(items)))
    assert bool(guard.too_many_deletions(Changes(gone, ()), child, MaxDelete(1000, 25))) is refused


def test_guards_of_emptiness() -> None:
    assert guard.emptied(snapshot(), 3, PLACE, allow_empty=False)
    assert not guard.emptied(snapshot(), 3, PLACE, allow_empty=True)
    assert not guard.emptied(snapshot(), 0, PLACE, allow_empty=False)
    assert not guard.emptied(snapshot(item(b"a")), 3, PLACE, allow_empty=False)
    assert guard.vanished(snapshot(existed=False), 3, PLACE)
    assert not guard.vanished(snapshot(existed=False), 0, PLACE)
    assert not guard.vanished(snapshot(), 3, PLACE)


@pytest.mark.parametrize(
    ("transfer", "sync", "key", "strategy"),
    [
        ("auto", "", b"a", "relay"),
        ("auto", "scp", b"a/b-c_d.e", "command"),
        ("auto", "scp", b"a b", "relay"),
        ("auto", "scp", b"a$(x)", "relay"),
        ("auto", "scp", b"~x", "relay"),
        ("auto", "scp", b"d/#x", "relay"),
        ("auto", "scp", b"\xc3\xa9", "relay"),
        ("relay", "scp", b"a", "relay"),
        ("command", "scp", b"a;b", ""),
        ("command", "scp", b"a", "command"),
        ("scp", "", b"a;b", "scp"),
        ("auto", "", b"a no cat", "scp"),
        ("auto", "scp", b"a no cat", "scp"),
        ("auto", "scp", b"no-cat", "command"),
        ("direct", "", b"a;b", "direct"),
        ("direct", "scp", b"a", "direct"),
    ],
)
def test_the_choice_of_a_strategy(transfer: str, sync: str, key: bytes, strategy: str) -> None:
    child = repository("c", "m", transfer=TransferKind(transfer), commands=Commands(sync=sync))
    choice = choose(key, child, streams=b"cat" not in key)
    assert choice.strategy == strategy
    assert choice.reason


def change(key: bytes, size: int = 1, digest: str = "sha256:ab") -> Copy:
    return Copy(item(key, digest, size))


def test_batches_keep_to_their_limits_and_forms() -> None:
    small = [change(b"s%d" % n, 1000) for n in range(2500)]
    big = change(b"big", load.SMALL)
    command = [change(b"c%d" % n) for n in range(70)]
    made = load.batches([*((c, "relay") for c in (*small, big)), *((c, "command") for c in command)], pack=True)
    assert [type(b.load) for b in made] == [Loose, Loose, Pack, Pack, Pack, Part]
    assert [len(b.changes) for b in made] == [64, 6, 1000, 1000, 500, 1]
    assert made[-1].load.at("7-1").place == "part/ab.7-1"
    assert made[0].load.at("7-1").place == "batch/7-1"
    assert (made[0].strategy, made[2].strategy) == ("command", "relay")
    assert made[2].load.size == 1_000_000
    assert [type(b.load) for b in load.batches([(c, "relay") for c in small[:2]], pack=False)] == [Part, Part]
    assert [(type(b.load), b.strategy) for b in load.batches([(big, "scp")], pack=True)] == [(Loose, "scp")]


@pytest.mark.parametrize("pack", [True, False])
def test_what_a_child_pulls_comes_loose_when_it_is_small_and_in_a_part_when_it_is_big(pack: bool) -> None:
    changes = [*(change(b"s%d" % n, 1000) for n in range(1500)), change(b"big", load.SMALL)]
    made = load.batches([(c, "direct") for c in changes], pack=pack)
    assert [(type(b.load), b.strategy, len(b.changes)) for b in made] == [(Loose, "direct", 1000), (Loose, "direct", 500), (Part, "direct", 1)]


def test_an_attempt_names_every_place_where_it_may_leave_something() -> None:
    pack = Pack((change(b"a"),)).at("7-1")
    assert pack.places == ("batch/7-1",), "marks of who writes go along with a name"
    part = Part((change(b"a"),)).at("7-2")
    assert part.places == ("batch/7-2", "part/ab.7-2")
    assert part.only([]).attempt == "7-2"


def test_a_spoiled_batch_is_halved_down_to_one() -> None:
    whole = load.Batch("relay", Pack(tuple(change(b"%d" % n) for n in range(5))))
    parts = load.halves(whole)
    assert [len(part.changes) for part in parts] == [2, 3]
    assert sum((part.changes for part in parts), ()) == whole.changes
    assert load.halves(parts[0].only(parts[0].changes[:1])) == (parts[0].only(parts[0].changes[:1]),)


def test_what_is_in_the_way_of_a_copy() -> None:
    held = snapshot(*(item(key) for key in (b"d", b"f/a/b", b"f/x", b"f-", b"f0", b"other")))
    copies = (change(b"d/e/x"), change(b"f"), change(b"fine"))
    gone = (Delete(item(b"d")), Delete(item(b"f/x")))
    changes = Changes((*copies, *gone), ())
    found = guard.in_the_way(changes, held)
    assert found == {b"d/e/x": (b"d",), b"f": (b"f/a/b", b"f/x")}
    assert guard.without_room(changes, found, "") == {b"f": b"f/a/b"}
    assert guard.without_room(changes, found, "too many") == {b"d/e/x": b"d", b"f": b"f/a/b"}
    assert guard.in_the_way(Changes(gone, ()), held) == {}


def test_files_are_published_directory_by_directory() -> None:
    assert list(load.by_directory([b"b", b"d/x", b"a", b"d/e/y", b"d/w"])) == [
        (b".", [b"a", b"b"]),
        (b"d/e", [b"y"]),
        (b"d", [b"w", b"x"]),
    ]


def test_only_the_origins_digest_passes_verification() -> None:
    changes = [change(b"a"), change(b"b"), change(b"c")]
    verdict = verify.verify(changes, {b"a": "sha256:ab", b"b": "sha256:xx", b"d": "sha256:ab"})
    assert [c.key for c in verdict.good] == [b"a"]
    assert [(c.key, d) for c, d in verdict.bad] == [(b"b", "sha256:xx"), (b"c", None)]


def test_what_may_be_passed_on() -> None:
    seen = snapshot(item(b"ok"), item(b"altered", "sha256:evil"), item(b"new"), item(b"other", "sha1:1"), item(b"none", None))
    recorded = {b"ok": "sha256:1", b"altered": "sha256:1", b"other": "sha256:1", b"none": "sha256:1"}
    assert verify.standing(seen, recorded.items()) == verify.Standing(frozenset({b"altered"}), 3)
    assert verify.standing(seen, recorded.items(), {b"altered", b"new", b"gone"}) == verify.Standing(frozenset(), 2)


@given(*[st.dictionaries(st.sampled_from([b"a", b"b", b"c", b"d", b"e"]), st.sampled_from(["sha256:1", "sha256:2"]))] * 3)
def test_what_is_put_on_record_is_what_is_not_there_yet(recorded: dict, parent: dict, child: dict) -> None:
    held, below = ({key: item(key, digest) for key, digest in found.items()} for found in (parent, child))
    equal = [key for key in parent if child.get(key) == parent[key]]
    after = dict(recorded)
    for key, found in verify.news(sorted(recorded.items()), equal, held, below):
        assert (found and found.digest) != after.get(key), "what is on record already is not told"
        after[key] = found and found.digest
    known = {key: digest for key, digest in after.items() if digest}
    gone = recorded.keys() - parent.keys() - child.keys()
    assert known == {key: digest for key, digest in recorded.items() if key not in gone} | {key: parent[key] for key in equal}


@given(st.floats(0.1, 100), st.integers(0, 10_000), st.sets(st.binary(min_size=1, max_size=8), max_size=30))
def test_whatever_the_share_all_of_it_is_due_within_its_turns(share: float, first: int, keys: set[bytes]) -> None:
    turns = range(first, first + int(100 / share))
    due = [key for turn in turns for key in keys if verify.is_due(key, share, turn)]
    assert sorted(due) == sorted(keys), "each once, whenever it came"


def test_without_a_share_nothing_is_due_and_two_percent_are_a_fiftieth() -> None:
    keys = [b"%d" % number for number in range(50_000)]
    assert not any(verify.is_due(key, 0.0, 7) for key in keys)
    assert 800 < sum(verify.is_due(key, 2.0, 7) for key in keys) < 1200


def test_young_and_settled() -> None:
    seen = snapshot(item(b"old", mtime=100), item(b"young", mtime=990), now=1000)
    assert set(verify.young(seen, 60)) == {b"young"}
    assert verify.young(seen, 0) == {}
    assert verify.settled(item(b"a"), item(b"a"))
    assert not verify.settled(item(b"a"), item(b"a", size=2))
    assert not verify.settled(item(b"a"), None)


@pytest.mark.parametrize(
    ("template", "name"),
    [("sha1sum x", "sha1"), ("md5sum", "md5"), ("openssl dgst -sha256 f", "sha256"), ("digest -a sha512", "sha512"), ("my.sh", ""),
     ("sha1sum || md5sum", "")],
)  # fmt: skip
def test_the_algorithm_that_a_template_names(template: str, name: str) -> None:
    assert algorithm.hinted(template) == name


def test_the_algorithm_of_a_chain() -> None:
    one = repository("m", commands=Commands(digest="sha1sum ${FILEPATH}"))
    assert algorithm.of_chain([one, repository("p", "m")]) == "sha1"
    assert algorithm.of_chain([repository("m")]) == "sha256"
    assert algorithm.of_chain([repository("m", digest="md5")]) == "md5"
    with pytest.raises(ConfigError, match="sha1 and md5"):
        algorithm.of_chain([one, repository("p", "m", digest="md5")])


def report(*jobs: tuple[str, int, bool], dry: bool = False, planned: int = 0) -> RunReport:
    made = RunReport(dry_run=dry)
    for number, (outcome, code, transient) in enumerate(jobs):
        entry = RepositoryReport(f"r{number}", outcome=Outcome(outcome), code=code, transient=transient)
        entry.planned_changes = planned
        made.repositories[entry.name] = entry
        made.stages.append([entry.name])
    return made


@pytest.mark.parametrize(
    ("jobs", "code"),
    [
        ([("done", 0, False), ("unchanged", 0, False), ("deferred", 0, False)], 0),
        ([("failed", 6, False)], 6),
        ([("failed", 6, False), ("done", 0, False)], 7),
        ([("partial", 0, False)], 7),
        ([("failed", 75, True)], 75),
        ([("failed", 75, True), ("blocked", 75, True), ("done", 0, False)], 75),
        ([("failed", 75, True), ("failed", 6, False)], 6),
        ([("refused", 9, False), ("failed", 75, True)], 9),
        ([("refused", 9, False), ("failed", 10, False)], 10),
        ([("failed", 5, False), ("failed", 10, False)], 5),
    ],
)
def test_exit_codes(jobs: list, code: int) -> None:
    assert fold.exit_code(report(*jobs)) == code
    assert fold.exit_code(report(*jobs), signal=15) == 143


def test_exit_codes_of_dry_runs() -> None:
    assert fold.exit_code(report(("done", 0, False), dry=True, planned=1)) == 11
    assert fold.exit_code(report(("done", 0, False), dry=True)) == 0


def test_an_items_code_counts() -> None:
    made = fold.fold(
        [
            ev.RunStarted("id", 1.0, [["a"]]),
            ev.RepositoryStarted("a", "m"),
            ev.ItemFailed("a", "x", "bad digest", Outcome.FAILED, 10),
            ev.ItemFailed("a", "y", "later", Outcome.DEFERRED, 0),
            ev.ItemFailed("a", "z", "altered", Outcome.BLOCKED),
            ev.RepositoryFinished("a", "partial", 2.0, 5, 9.0),
        ]
    )
    entry = made.repositories["a"]
    assert (entry.failed, entry.deferred, entry.blocked, entry.seconds, entry.as_of) == (1, 1, 1, 2.0, 9.0)
    assert fold.exit_code(made) == 10
    assert fold.outcome(made) is Outcome.PARTIAL


@pytest.mark.parametrize(
    ("outcomes", "whole"),
    [(["done", "unchanged"], "done"), (["unchanged"], "unchanged"), (["failed", "done"], "partial"), (["failed", "blocked"], "failed")],
)
def test_the_outcome_of_a_run(outcomes: list[str], whole: str) -> None:
    assert fold.outcome(report(*((name, 0, False) for name in outcomes))) == whole


def test_a_report_of_every_event() -> None:
    stream: list[ev.Event] = [
        ev.RunStarted("id", 1.0, [["a"]]),
        ev.RepositoryStarted("a", "m"),
        ev.Scanned("m", 3, 30, 0, 30, 1.0, True),
        ev.Scanned("a", 2, 20, 1, 20, 1.0, True),
        ev.Planned("a", 1, 1, 1, 1, 1, 20),
        ev.Progress("a", 20),
        ev.Published("a", [("x", "d", 10)], 10),
        ev.Published("a", [("y", "d", 10)], 0, True),
        ev.Resent("a", 5),
        ev.Adjusted("a", ["z"]),
        ev.Deleted("a", ["w"]),
        ev.Retried("a", "transfer", 1, "lost", 1.0),
        ev.Remarked("a", "note"),
        ev.Remarked("a", "note"),
        ev.Verified("a", [("x", "d", 10)]),
        ev.PlannedChange("a", "copy", "x", 10),
        ev.RepositoryFinished("a", "done", 1.5, 4, 1.0),
        ev.RunFinished("id", 3.0, "done", 0),
    ]
    made = fold.fold(filter(None, (written.from_json(written.to_json(event)) for event in stream)))
    entry = made.repositories["a"]
    assert (entry.copied, entry.moved, entry.resent, entry.deleted, entry.adjusted) == (2, 10, 5, 1, 1)
    assert (entry.retries, entry.skipped, entry.salvaged, entry.total, entry.notices) == (1, 1, 1, 4, ["note"])
    assert (made.exit_code, made.finished, made.outcome) == (0, 3.0, "done")
    assert [job.name for job in made.jobs] == ["a"]


def test_unknown_events_are_passed_over_and_names_survive() -> None:
    assert written.from_json({"type": "Later", "x": 1}) is None
    assert written.from_json({"type": "Notice", "repository": "a", "text": "t", "added": 1}) == ev.Remarked("a", "t")


@pytest.mark.parametrize(
    "values",
    [
        {"type": "Notice", "repository": 7, "text": "t"},
        {"type": "Waiting", "repository": "a", "seconds": float("nan"), "reason": "r"},
        {"type": "Waiting", "repository": "a", "seconds": -1.0, "reason": "r"},
        {"type": "RunStarted", "run": "r", "at": 1e300, "stages": [["a"]]},
        {"type": "RunStarted", "run": "r", "at": 1.0, "stages": ["a"]},
        {"type": "Published", "repository": "a", "items": [["a", "sha256:1"]], "bytes": 1},
        {"type": "ItemFailed", "repository": "a", "name": "n", "reason": "r", "outcome": "none"},
        {"type": "ItemFailed", "repository": "a", "name": "n", "reason": "r", "code": True},
    ],
)
def test_what_no_event_could_have_written_is_refused(values: dict) -> None:
    with pytest.raises(ValueError, match=values["type"]):
        written.from_json(values)
    assert ev.key_of(ev.key_text(b"\xff\n")) == b"\xff\n"
    assert Plan(((Job("a", "b", 0),),)).jobs[0].repository == "a"


def test_what_has_no_path_shares_no_root() -> None:
    pathless = [repository("a", host="h", path=""), repository("b", "a", host="g", path=""), repository("c", host="h"), repository("d", host="h", path="", type="other")]
    assert faults({one.name: one for one in pathless}) == []
    assert len({one.identity for one in pathless}) == 4, "what is on record is kept apart"
