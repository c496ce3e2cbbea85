"""`links = copy` through whole runs: links arrive as they are, go with those that the parent lost, and lead nowhere else."""

import pytest

from sshsync.config.load import parse
from sshsync.config.resolve import resolve
from sshsync.errors import ConfigError
from sshsync.model import events as ev
from sshsync.transports.memory import Fault, Tools
from tests.conftest import ACCOUNT, CHAIN, World

COPY = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nlinks = copy")
DELETE = COPY.replace("[DEFAULT]", "[DEFAULT]\ndelete = yes\nmax_delete = 100%")
KEPT = {
    b"current": b"releases/2", b"d/up": b"../a", b"d/e/top": b"../..", b"loop": b"loop", b"gone": b"not/there", b"line\nfeed": b"a\nb\n", b"\xff": b"\xfe\xff\n\n",
    b"-rf": b"-rf", b" x ": b" x ", b"$(touch x)": b"'\"", b"back\\slash": b"\\0101",
}  # fmt: skip
ROOTS = {"proxy": b"/p", "node1": b"/n", "node2": b"/n"}


def filled(world: World, links: dict[bytes, bytes] = KEPT) -> World:
    world.fill("master", b"/m", {b"a": b"alpha", b"d/b": b"beta", b"releases/1/x": b"one", b"releases/2/x": b"two"})
    for name, target in links.items():
        world.host("master").link(b"/m/" + name, target)
    return world


def links(world: World, host: str) -> dict[bytes, bytes]:
    root = {"master": b"/m", **ROOTS}[host] + b"/"
    return {one[len(root) :]: target for one, target in world.host(host).links.items() if one.startswith(root)}


def alike(world: World) -> bool:
    return all(links(world, host) == links(world, "master") for host in ROOTS)


def outcomes(world: World, text: str) -> set[str]:
    return {str(job.outcome) for job in world.run(text=text).report.jobs}


def failed(world: World) -> dict[tuple[str, str], str]:
    return {(event.repository, event.name): event.reason for event in world.seen(ev.ItemFailed)}


@pytest.mark.parametrize("more", ["", "pipeline = yes"])
@pytest.mark.parametrize("tools", [Tools(), Tools(stat="busybox", cutters=()), Tools(stat="perl", programs=Tools().programs - {"readlink", "printf"})])
def test_links_arrive_as_they_are_and_a_second_run_changes_nothing(world: World, more: str, tools: Tools) -> None:
    text = COPY.replace("[DEFAULT]", f"[DEFAULT]\n{more}")
    for host in ("master", *ROOTS):
        world.host(host).tools = tools
    filled(world)
    assert world.run(text=text).exit_code == 0, world.seen(ev.ItemFailed)
    assert alike(world)
    started = [len(world.host(host).started) for host in ROOTS]
    assert outcomes(world, text) == {"unchanged"}
    assert [host for host, before in zip(ROOTS, started, strict=True) if "link" in world.host(host).started[before:]] == []
    assert outcomes(world, text) == {"unchanged"}, "nor a third, that reads no listing"


def test_nobody_gets_them_who_does_not_ask(world: World) -> None:
    filled(world)
    assert world.run(text=CHAIN).exit_code == 0
    assert links(world, "proxy") == {}
    assert world.run(text=CHAIN.replace("[node1]", "[node1]\nlinks = copy")).exit_code == 0
    assert links(world, "node1") == {}, "a parent that has none hands none on"


def test_a_change_of_the_key_alone_is_seen_and_a_dry_run_names_each(world: World) -> None:
    filled(world)
    for _ in range(2):
        assert world.run(text=CHAIN).exit_code == 0
    assert world.run(text=COPY, dry_run=True).exit_code == 11
    told = {(event.repository, event.kind, event.name) for event in world.seen(ev.PlannedChange)}
    assert {("proxy", "link", "current"), ("node2", "link", "current")} <= told
    assert {event.links for event in world.seen(ev.Planned)} == {len(KEPT)}
    assert links(world, "proxy") == {}, "a dry run makes none"
    assert outcomes(world, COPY) == {"done"}
    assert alike(world)
    assert world.run(text=COPY, dry_run=True).exit_code == 0


def test_a_link_that_leads_elsewhere_now_is_changed_everywhere(world: World) -> None:
    filled(world)
    assert world.run(text=COPY).exit_code == 0
    world.host("master").unlink(b"/m/current")
    world.host("master").link(b"/m/current", b"releases/1")
    assert world.run(text=COPY, dry_run=True).exit_code == 11
    assert {(event.kind, event.name) for event in world.seen(ev.PlannedChange)} == {("relink", "current")}
    assert outcomes(world, COPY) == {"done"}
    assert alike(world)
    assert {event.text for event in world.seen(ev.Decided) if "links" in event.text} == {"links: 1 changed"}


def test_what_the_parent_lost_goes_only_where_deletions_are_asked_for(world: World) -> None:
    filled(world)
    assert world.run(text=COPY).exit_code == 0
    world.host("master").unlink(b"/m/d/up")
    world.host("node2").link(b"/n/own/link", b"/nowhere")
    world.host("node1").link(b"/n/kept", b"/nowhere")
    assert outcomes(world, COPY) == {"unchanged"}
    assert world.run(text=DELETE, dry_run=True).exit_code == 11
    assert ("node2", "delete", "own/link") in {(event.repository, event.kind, event.name) for event in world.seen(ev.PlannedChange)}
    keep = DELETE.replace("[node1]", "[node1]\nexclude = kept")
    assert world.run(text=keep).exit_code == 0
    assert links(world, "proxy") == links(world, "node2") == links(world, "master")
    assert links(world, "node1").keys() - links(world, "master").keys() == {b"kept"}
    assert {name for event in world.seen(ev.Deleted) for name in event.names} == {"d/up", "own/link"}
    assert b"/n/own" not in world.host("node2").directories, "the directory that this empties goes, too"
    assert outcomes(world, keep) == {"unchanged"}


def test_deletions_of_links_count_against_the_limit_and_links_are_made_all_the_same(world: World) -> None:
    filled(world)
    few = DELETE.replace("100%", "2")
    for number in range(3):
        world.host("proxy").link(b"/p/old%d" % number, b"a")
    result = world.run("proxy", text=few)
    assert result.exit_code == 9
    assert "3 of 3 item(s) would be deleted: old0, old1, old2" in str(result.report.jobs[0].error)
    assert links(world, "proxy").keys() == {*KEPT, b"old0", b"old1", b"old2"}
    assert world.run("proxy", text=DELETE).exit_code == 0
    assert links(world, "proxy") == KEPT


def test_a_link_that_leads_outside_is_told_by_name_and_the_rest_goes_on(world: World) -> None:
    filled(world, {**KEPT, b"app/current": b"/etc/passwd", b"d/out": b"../../x", b"d/odd": b"b/../../../x"})
    world.host("proxy").link(b"/p/d/out", b"b")
    assert world.run("proxy", text=DELETE).exit_code == 7
    assert links(world, "proxy") == {**KEPT, b"d/out": b"b"}, "what is refused changes nothing of what is there"
    assert {name: event.split(" (")[0] for (_, name), event in failed(world).items()} == {
        "app/current": "leads to /etc/passwd, outside of the repository",
        "d/out": "leads to ../../x, outside of the repository",
        "d/odd": "leads to b/../../../x, which has .. behind a name: that may be outside of the repository",
    }
    assert {event.outcome for event in world.seen(ev.ItemFailed)} == {"blocked"}
    assert world.host("proxy").below(b"/p")[b"releases/2/x"] == b"two"
    assert world.run("proxy", text=DELETE, dry_run=True).exit_code == 7
    assert ("proxy", "app/current") in failed(world)
    assert world.run("proxy", text=DELETE.replace("[proxy]", "[proxy]\nexclude = app/current\n    d/out\n    d/odd")).exit_code == 0


PLACES = {
    "a link where a file was": ({b"x": b"a"}, {}, {}, {b"x": b"old"}),
    "a link where a directory was": ({b"x": b"a"}, {}, {}, {b"x/y": b"old", b"x/z/w": b"old"}),
    "a link where a directory with links was": ({b"x": b"a"}, {}, {b"x/l": b"y", b"x/z/l": b"/etc"}, {b"x/y": b"old"}),
    "a link in a directory where a file was": ({b"x/l": b"../a"}, {}, {}, {b"x": b"old"}),
    "a link in a directory where a link was": ({b"x/l": b"../a"}, {}, {b"x": b"/outside"}, {}),
    "a file where a link was": ({}, {b"x": b"new"}, {b"x": b"/outside/file"}, {}),
    "a file where a link to a directory was": ({}, {b"x": b"new"}, {b"x": b"/outside"}, {}),
    "a directory where a link was": ({}, {b"x/y": b"new", b"x/z/w": b"new"}, {b"x": b"/outside"}, {}),
    "a deep directory where a link was": ({b"t/u/l": b"v"}, {b"t/u/v/w": b"new"}, {b"t/u/v": b"/outside"}, {}),
    "two that change places": ({b"one": b"two"}, {b"two": b"2"}, {b"two": b"one"}, {b"one": b"1"}),
}
"""By case: links and files that the master has, links and files that the child has."""


@pytest.mark.parametrize("case", PLACES)
def test_links_files_and_directories_change_places(world: World, case: str) -> None:
    theirs, files, ours, own = PLACES[case]
    filled(world, theirs).fill("master", b"/m", files)
    host = world.host("proxy")
    world.fill("proxy", b"/p", own)
    host.put(b"/outside/file", b"not ours")
    for name, target in ours.items():
        host.link(b"/p/" + name, target)
    world.run("proxy", text=COPY)
    standing = {**host.below(b"/p"), **links(world, "proxy")}
    assert own.items() <= standing.items(), "without delete nothing goes"
    # A file takes the place of a link as it does of another file.
    dropped = set(files)
    assert {name: target for name, target in ours.items() if name not in dropped}.items() <= standing.items()
    result = world.run("proxy", text=DELETE)
    assert result.exit_code == 0, failed(world)
    assert links(world, "proxy") == theirs
    assert host.below(b"/p") == world.host("master").below(b"/m")
    assert {path: file.data for path, file in host.files.items() if path.startswith(b"/outside/")} == {b"/outside/file": b"not ours"}
    assert outcomes(world, DELETE) >= {"unchanged"}


def test_what_finds_no_place_is_told_by_name_and_nothing_is_lost(world: World) -> None:
    filled(world, {b"x": b"a", b"y": b"a", b"z/l": b"a", b"fine": b"a"})
    world.fill("proxy", b"/p", {b"x": b"old", b"y/in": b"old", b"z": b"old"})
    assert world.run("proxy", text=COPY).exit_code == 7
    assert failed(world) == {
        ("proxy", "x"): "a file is in its place, and is only removed with delete = yes",
        ("proxy", "y"): "y/in is in a directory there, and is only removed with delete = yes",
        ("proxy", "z/l"): "z is a file where its directory belongs, and is only removed with delete = yes",
    }
    assert links(world, "proxy") == {b"fine": b"a"}
    assert world.host("proxy").below(b"/p").items() >= {b"x": b"old", b"y/in": b"old", b"z": b"old"}.items()
    refused = DELETE.replace("100%", "1")
    assert world.run("proxy", text=refused).exit_code == 9
    assert failed(world)[("proxy", "x")] == "a file is in its place, and its deletion is refused"
    assert world.host("proxy").below(b"/p").items() >= {b"x": b"old", b"y/in": b"old", b"z": b"old"}.items()


def test_a_link_leads_to_what_came_before_it_changes_and_away_from_what_goes_after_it(world: World) -> None:
    filled(world)
    assert world.run("proxy", text=COPY).exit_code == 0
    master, proxy = world.host("master"), world.host("proxy")
    master.unlink(b"/m/current")
    master.link(b"/m/current", b"releases/3")
    world.fill("master", b"/m", {b"releases/3/x": b"three"})
    master.unlink(b"/m/releases/2/x")
    seen: list[bool] = []
    proxy.watch = lambda: seen.append(proxy.exists(b"/p/current/x"))
    assert world.run("proxy", text=DELETE).exit_code == 0
    assert seen
    assert all(seen), "at every moment it leads to a release that is there"
    assert proxy.file(b"/p/current/x").data == b"three"


def test_a_link_is_not_switched_to_what_has_not_arrived_and_the_others_are(world: World) -> None:
    filled(world, {b"current": b"releases/2", b"other": b"a"})
    assert world.run(text=COPY).exit_code == 0
    master = world.host("master")
    for name, target in ((b"current", b"releases/3"), (b"other", b"d/b"), (b"new", b"releases/3/y")):
        master.links.pop(b"/m/" + name, None)
        master.link(b"/m/" + name, target)
    world.fill("master", b"/m", {b"releases/3/x": b"three", b"releases/3/y": b"three"})
    world.fill("proxy", b"/p", {b"releases/3/y/own": b"in its place"})
    assert world.run("proxy", text=COPY).exit_code == 7
    assert links(world, "proxy") == {b"current": b"releases/2", b"other": b"d/b"}
    told = {event.name: (event.reason, event.outcome) for event in world.seen(ev.ItemFailed)}
    assert told["current"] == told["new"] == ("leads to releases/3/y, which has not arrived yet", "deferred")
    world.host("proxy").unlink(b"/p/releases/3/y/own")
    world.host("proxy").rmdir(b"/p/releases/3/y")
    assert world.run(text=COPY).exit_code == 0
    assert alike(world)


def test_where_something_failed_no_file_goes_for_a_link(world: World) -> None:
    filled(world, {b"x": b"a"})
    world.fill("proxy", b"/p", {b"x": b"old"})
    world.host("master").link(b"/m/out", b"/etc")
    assert world.run("proxy", text=DELETE).exit_code == 7
    assert world.host("proxy").below(b"/p")[b"x"] == b"old"
    assert links(world, "proxy") == {}


FILE = b"f:644 5 1600000000.0000000000 1600000000.0000000000 7 ./"
LINK = b"l:777 5 1600000000.0000000000 1600000000.0000000000 8 ./"


def answers(world: World, *records: bytes, status: int = 0, words: bytes = b"") -> None:
    """Have the master list some files of its own, and what these records say, and nothing else."""
    master = world.host("master")
    master.tools = Tools(programs=master.tools.programs - {"gzip"})
    files = [FILE + key for key in (b"a", b"d/b", b"releases/1/x")]
    payload = b"".join(b"TOKEN " + record + b"\n" for record in (b"root /m", *files, *records))
    master.faults.append(Fault("answer", "list", 1, after=status, words=words, payload=payload))


def test_nothing_goes_where_the_listing_is_not_complete(world: World) -> None:
    filled(world)
    assert world.run("proxy", text=DELETE).exit_code == 0
    for status, lost in ((1, False), (0, True)):
        answers(world, LINK + b"current", b"link ./current", b"leads releases/1", status=status, words=b"find: './d/e': Permission denied" if status else b"")
        world.run("proxy", text=DELETE)
        assert links(world, "proxy")[b"current"] == b"releases/1", "what is told is taken"
        assert (b"gone" not in links(world, "proxy")) is lost
        assert (b"releases/2/x" not in world.host("proxy").below(b"/p")) is lost


def test_a_link_on_the_way_is_refused_and_nothing_is_made_behind_it(world: World) -> None:
    filled(world, {b"deep/er/l": b"a", b"fine": b"a"})
    host = world.host("proxy")
    host.make(b"/p")
    host.make(b"/outside")
    host.link(b"/p/deep", b"/outside")
    assert world.run("proxy", text=COPY).exit_code == 7
    assert "only removed with delete = yes" in failed(world)[("proxy", "deep/er/l")]
    assert not [one for one in (*host.links, *host.directories) if one.startswith(b"/outside/")]
    assert links(world, "proxy") == {b"deep": b"/outside", b"fine": b"a"}


def test_an_answer_that_is_lost_costs_another_try_and_nothing_else(world: World) -> None:
    filled(world)
    world.host("proxy").faults.append(Fault("lose", "link", 1))
    assert world.run(text=COPY).exit_code == 0
    assert alike(world)


def test_what_children_take_is_not_told_to_be_left_out(world: World) -> None:
    filled(world)

    def told(text: str) -> dict[str, int]:
        world.run(text=text)
        return {event.repository: event.skipped for event in world.seen(ev.Scanned)}

    assert told(CHAIN)["master"] == len(KEPT)
    assert told(COPY) == dict.fromkeys(("master", *ROOTS), 0)
    assert told(COPY.replace("[node1]", "[node1]\nlinks = skip"))["proxy"] == len(KEPT)


def test_a_host_that_cannot_tell_where_links_lead_says_so(world: World) -> None:
    filled(world)
    world.host("master").tools = Tools(programs=Tools().programs - {"readlink", "printf"}, stat="busybox", cutters=())
    assert world.run("proxy", text=DELETE).exit_code == 0
    notes = [event.text for event in world.seen(ev.Remarked)]
    assert notes == ["links are not looked at: master tells of items only (a listcmd does, and a host with neither readlink nor perl)"]
    assert {event.repository: event.skipped for event in world.seen(ev.Scanned)}["master"] == len(KEPT)


def test_a_child_without_ln_is_refused_before_anything_changes(world: World) -> None:
    filled(world)
    world.host("proxy").tools = Tools(programs=Tools().programs - {"ln"})
    result = world.run("proxy", text=COPY)
    assert "lacks ln, which links = copy needs" in str(result.report.jobs[0].error)
    assert world.host("proxy").below(b"/p") == {}
    assert world.run("proxy", text=CHAIN).exit_code == 0


UNTOLD = "does not tell where it leads; nothing was changed"
TRICKS = [
    ((LINK + b"l",), 0, "l changed while it was listed"),
    ((LINK + b"l", b"leads a"), 9, "is no answer of stat"),
    ((LINK + b"l", b"link ./l"), 0, "l changed while it was listed"),
    ((LINK + b"l", b"link ./l", b"link ./l"), 9, UNTOLD),
    ((LINK + b"l", b"link ./l", b"leads a", b"link ./l", b"leads b"), 9, UNTOLD),
    ((b"link ./a", b"leads b"), 0, "a changed while it was listed"),
    ((b"link ./../x", b"leads b"), 0, "../x changed while it was listed"),
    ((b"link ./.sshsync/x", b"leads b"), 0, ".sshsync/x changed while it was listed"),
    ((LINK + b"l", b"link ./l", b"leads "), 7, "where this link leads cannot be read"),
    ((LINK + b"l", b"link ./l", b"leads " + b"x/" * 2500), 7, "longer than every host can take"),
    ((LINK + b"l", b"link ./l", b"leads a\0b"), 7, "no name"),
    ((LINK + b"a/l", b"link ./a/l", b"leads b"), 7, "a/l"),
    ((LINK + b"d", b"link ./d", b"leads releases"), 7, "d: d/b is in a directory there, and stays"),
]
"""What a master lists beside three files, how a run ends then, and what it says."""


@pytest.mark.parametrize(("records", "code", "words"), TRICKS)
def test_a_listing_that_cannot_be_true_makes_no_link_and_takes_nothing_away(world: World, records: tuple[bytes, ...], code: int, words: str) -> None:
    filled(world)
    assert world.run("proxy", text=DELETE).exit_code == 0
    proxy = world.host("proxy")
    before = links(world, "proxy"), proxy.below(b"/p")
    answers(world, *records)
    result = world.run("proxy", text=DELETE)
    said = [f"{name}: {reason}" for (_, name), reason in failed(world).items()] + [event.text for event in world.seen(ev.Remarked)]
    assert result.exit_code == code, said
    assert any(words in line for line in (*said, str(result.report.jobs[0].error))), said
    assert (links(world, "proxy"), proxy.below(b"/p")) == before


@pytest.mark.parametrize("value", ["1", "yes", "Copy"])
def test_another_value_is_refused_with_those_that_exist(value: str) -> None:
    with pytest.raises(ConfigError, match="must be one of skip, copy, follow"):
        resolve(parse(f"[one]\nhost = one\npath = /r\nlinks = {value}\n".encode(), "f.conf"), ACCOUNT)


@pytest.mark.parametrize(("text", "seen"), [(COPY, True), (CHAIN, False), (COPY.replace("[proxy]", "[proxy]\nexclude = current"), False)])
def test_a_watcher_sees_one_that_changes_where_somebody_takes_it(world: World, text: str, seen: bool) -> None:
    filled(world)
    with world.sync(text) as sync:
        plan = sync.plan([["proxy"]])
        before = sync.look(plan).state
        world.host("master").unlink(b"/m/current")
        world.host("master").link(b"/m/current", b"releases/1")
        assert (sync.look(plan).state != before) is seen
