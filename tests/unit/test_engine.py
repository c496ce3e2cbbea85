"""The whole engine over hosts in memory: what a user may rely on, fault by fault."""

import gc
import hashlib
import threading

import pytest

from sshsync.errors import SshsyncError, StateError, UnknownRepositoryError, UsageError
from sshsync.executors.serial import Serial
from sshsync.executors.threads import Threads
from sshsync.kinds.files import Files
from sshsync.model import events as ev
from sshsync.model.item import Snapshot
from sshsync.state.journal import Journal
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World

FILES = {b"a": b"alpha", b"d/b": b"beta", b"d/e/c": b"", b"odd '$(x)\n\xff": b"odd", b"big": b"B" * 3_000_000}
RETRY = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nretries = 3")


def filled(world: World) -> World:
    world.fill("master", b"/m", FILES)
    return world


def in_sync(world: World) -> None:
    for host, root in (("proxy", b"/p"), ("node1", b"/n"), ("node2", b"/n")):
        assert world.host(host).below(root) == world.host("master").below(b"/m")
        assert not [path for path in world.host(host).files if b".sshsync" in path]


def test_a_chain_is_brought_in_sync(world: World) -> None:
    result = filled(world).run()
    assert result.exit_code == 0
    in_sync(world)
    assert result.report.repositories["node1"].copied == len(FILES)
    assert result.report.repositories["node1"].moved == sum(map(len, FILES.values()))


def test_a_second_run_moves_nothing(world: World) -> None:
    filled(world).run()
    result = world.run()
    assert result.exit_code == 0
    assert not world.seen(ev.Published)
    assert [job.outcome for job in result.report.jobs] == ["unchanged"] * 3


def test_the_second_run_after_that_reads_no_file(world: World) -> None:
    filled(world).run()
    world.run()
    world.run()
    assert {event.hashed for event in world.seen(ev.Scanned)} == {0}


@pytest.mark.parametrize("executor", [Serial(), Threads(4)], ids=["serial", "threads"])
def test_any_executor_gives_the_same_result(world: World, executor: object) -> None:
    assert filled(world).run(executor=executor).exit_code == 0
    in_sync(world)


def test_modes_and_times_are_kept_and_setuid_is_not(world: World) -> None:
    filled(world).host("master").put(b"/m/tool", b"#!", mode=0o755, mtime=1_500_000_000)
    world.run()
    file = world.host("node1").files[b"/n/tool"]
    assert (file.mode, file.mtime) == (0o755, 1_500_000_000)


def test_a_time_that_cannot_be_set_is_told_and_is_no_failure(world: World) -> None:
    filled(world).run()
    world.host("master").files[b"/m/a"].mtime = 1_550_000_000
    proxy = world.host("proxy")
    proxy.faults.append(Fault("none", "mark", first=lambda: proxy.files.pop(b"/p/a")))
    result = world.run("proxy")
    assert result.exit_code == 0
    assert any("cannot be set, such as a" in notice for notice in result.report.repositories["proxy"].notices)


@pytest.mark.parametrize("at", [-86_400, 8**11, 10_413_792_000])
def test_a_time_that_no_archive_holds_is_set_in_place(world: World, at: int) -> None:
    world.fill("master", b"/m", FILES)
    for name in (b"/m/a", b"/m/big"):
        world.host("master").files[name].mtime = at
    result = world.run()
    assert result.exit_code == 0
    for host, root in (("proxy", b"/p"), ("node1", b"/n")):
        assert [world.host(host).files[root + name].mtime for name in (b"/a", b"/big")] == [at, at]
        assert not result.report.repositories[host].notices
    assert [job.outcome for job in world.run().report.jobs] == ["unchanged"] * 3


@pytest.mark.parametrize("at", [-86_400, 10_413_792_000, 10**18])
def test_a_time_that_a_file_system_cuts_is_told_in_every_run_and_fails_none(world: World, at: int) -> None:
    world.fill("master", b"/m", FILES)
    proxy = world.host("proxy")

    def cut() -> None:
        if b"/p/a" in proxy.files:  # the marks of a big file may be set before
            proxy.files[b"/p/a"].mtime = 2**31 - 1

    for _ in range(3):
        world.host("master").files[b"/m/a"].mtime = at
        proxy.faults[:] = [Fault("none", "mark", nth, then=cut) for nth in (1, 1, 1)]
        result = world.run("proxy")
        assert result.exit_code == 0
        notices = result.report.repositories["proxy"].notices
        assert [notice for notice in notices if "cannot be set, such as a" in notice]
        assert result.report.repositories["proxy"].adjusted == 0
    assert result.report.repositories["proxy"].outcome == "unchanged"


def test_a_changed_time_is_adjusted_without_moving_the_file(world: World) -> None:
    filled(world).run()
    world.host("master").files[b"/m/a"].mtime = 1_550_000_000
    result = world.run()
    assert world.host("node2").files[b"/n/a"].mtime == 1_550_000_000
    assert result.report.repositories["node2"].moved == 0
    assert result.report.repositories["node2"].outcome == "done"


@pytest.mark.parametrize(
    "fault",
    [
        Fault("refuse", "unpack"),
        Fault("lose", "unpack"),
        Fault("lose", "read", after=200),
        Fault("lose", "read", 2, after=100_000),
        Fault("cut", "read", after=64),
        Fault("cut", "list", after=90),
        Fault("lose", "list", after=90),
        Fault("lose", "publish"),
        Fault("lose", "publish", 2),
        Fault("cut", "digest", after=60),
        Fault("flip", "read"),
        Fault("flip", "read", 2),
        Fault("flip", "digest", 2),
        Fault("refuse", "probe"),
        Fault("lose", "mark"),
        Fault("lose", "staged"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.script}-{fault.nth}",
)
@pytest.mark.parametrize("host", ["master", "proxy"])
def test_one_fault_is_survived_within_the_run(world: World, fault: Fault, host: str) -> None:
    filled(world).host(host).faults.append(Fault(fault.kind, fault.script, fault.nth, fault.after))
    result = world.run(text=RETRY)
    assert result.exit_code == 0, [str(e) for e in world.events if isinstance(e, ev.ItemFailed | ev.RepositoryFinished)]
    in_sync(world)


def test_an_unreachable_proxy_is_temporary_and_blocks_the_nodes(world: World) -> None:
    filled(world).host("proxy").faults += [Fault("refuse", "probe") for _ in range(50)]
    result = world.run(text=RETRY.replace("retries = 3", "retries = 1"))
    assert result.exit_code == 75
    assert result.report.repositories["proxy"].outcome == "failed"
    assert result.report.repositories["node1"].outcome == "blocked"
    assert "its parent proxy was not scanned" in result.report.repositories["node1"].error


def test_what_an_interrupted_run_left_complete_is_published_without_moving(world: World) -> None:
    proxy = filled(world).host("proxy")
    proxy.make(b"/p")
    big = hashlib.sha256(FILES[b"big"]).hexdigest().encode()
    proxy.put(b"/p/.sshsync/part/" + big, FILES[b"big"])
    proxy.put(b"/p/.sshsync/part/" + b"0" * 64, b"of another version")
    proxy.put(b"/p/.sshsync/batch/0123abcd/a", FILES[b"a"])
    proxy.put(b"/p/.sshsync/batch/0123abcd/d/b", b"BETA")
    proxy.put(b"/p/.sshsync/batch/0123abcd/odd '$(x)\n\xff", b"bad")
    result = world.run("proxy")
    assert result.exit_code == 0
    assert proxy.below(b"/p") == world.host("master").below(b"/m")
    assert not [path for path in proxy.files if b".sshsync" in path]
    salvaged = {name for event in world.seen(ev.Published) if event.salvaged for name, _, _ in event.items}
    assert salvaged == {"a", "big"}
    assert result.report.repositories["proxy"].moved == sum(len(FILES[k]) for k in FILES if k not in (b"a", b"big"))


@pytest.mark.parametrize("after", [0, 40])
def test_a_publication_that_broke_off_is_looked_into_and_not_repeated(world: World, after: int) -> None:
    proxy = filled(world).host("proxy")
    proxy.faults.append(Fault("lose", "publish", after=after))
    result = world.run("proxy", text=RETRY)
    assert result.exit_code == 0
    assert proxy.started.count("unpack") == 1, "what was published before the cut is not sent again"
    assert result.report.repositories["proxy"].copied == len(FILES)


def test_a_scan_that_broke_off_need_not_read_everything_again(world: World) -> None:
    filled(world).host("master").faults.append(Fault("lose", "digest", 3))
    with pytest.raises(SshsyncError):
        scanner, tree = world.scanner(RETRY.replace("retries = 3", "retries = 1"), Files(portion=1))
        scanner.scan(tree["master"])
    assert world.run().exit_code == 0
    scanned = next(event for event in world.seen(ev.Scanned) if event.repository == "master")
    assert scanned.hashed < sum(map(len, FILES.values()))
    in_sync(world)


def test_row_82_one_dead_node_does_not_touch_the_other(world: World) -> None:
    filled(world).host("node1").faults += [Fault("refuse", "probe") for _ in range(9)]
    result = world.run(text=RETRY.replace("retries = 3", "retries = 1"))
    assert result.exit_code == 75
    assert result.report.repositories["node2"].outcome == "done"


def test_a_dead_master_lets_the_nodes_have_what_the_proxy_holds_verified(world: World) -> None:
    filled(world).run()
    del world.host("node1").files[b"/n/a"]
    world.host("master").faults += [Fault("refuse", "") for _ in range(9)]
    result = world.run(text=RETRY.replace("retries = 3", "retries = 1"))
    assert result.report.repositories["proxy"].outcome == "blocked"
    assert world.host("node1").files[b"/n/a"].data == b"alpha"


def test_a_corrupting_host_is_told_by_its_exit_code(world: World) -> None:
    filled(world).host("master").faults += [Fault("flip", script) for script in ("read", "ranges") for _ in range(4)]
    result = world.run(text=RETRY)
    assert result.exit_code == 10
    failed = world.seen(ev.ItemFailed)
    assert failed
    assert "not the origin's digest" in failed[0].reason
    assert b"/p/d/b" in world.host("proxy").files, "the others go on"
    assert b"/p/big" not in world.host("proxy").files


def test_a_full_disk_is_permanent_and_in_the_hosts_words(world: World) -> None:
    filled(world).host("proxy").faults += [Fault("fail", "unpack", words=b"tar: x: No space left on device")]
    result = world.run(text=RETRY)
    assert result.report.repositories["proxy"].outcome == "failed"
    assert "No space left on device" in result.report.repositories["proxy"].error
    assert "a and 3 more" in result.report.repositories["proxy"].error, "it says which files"
    assert not [path for path in world.host("proxy").files if b".sshsync" in path], "nothing half fills the disk on"
    assert not world.seen(ev.Retried)
    world.run(text=RETRY)
    in_sync(world)


def test_an_altered_proxy_item_never_reaches_a_node(world: World) -> None:
    filled(world).run()
    world.host("proxy").put(b"/p/a", b"evil")
    result = world.run("node1")
    assert result.exit_code == 7
    assert world.host("node1").files[b"/n/a"].data == b"alpha"
    assert world.seen(ev.ItemFailed)[0].reason == "its copy on proxy is not the verified one: synchronize proxy, too"
    assert world.run().exit_code == 0, "the next full run repairs it"
    in_sync(world)


def test_a_node_without_records_takes_the_parents_scan_as_origin_and_says_so(world: World) -> None:
    world.fill("proxy", b"/p", FILES)
    result = world.run("node1")
    assert result.exit_code == 0
    assert any("never compared with a master" in notice for notice in result.report.repositories["node1"].notices)


def test_a_corrupted_node_is_repaired(world: World) -> None:
    filled(world).run()
    world.host("node1").put(b"/n/d/b", b"rot!")
    result = world.run()
    assert result.report.repositories["node1"].copied == 1
    in_sync(world)


def test_ancestors_that_no_stage_names_are_not_contacted(world: World) -> None:
    filled(world).run()
    world.host("master").started.clear()
    world.run("node1")
    assert world.host("master").started == []


DELETE = CHAIN.replace("[DEFAULT]", "[DEFAULT]\ndelete = yes\nmax_delete = 10, 50%")


def test_deletions_follow_the_master(world: World) -> None:
    filled(world).run()
    del world.host("master").files[b"/m/d/e/c"]
    assert world.run(text=DELETE).exit_code == 0
    in_sync(world)


def test_without_delete_nothing_is_deleted(world: World) -> None:
    filled(world).run()
    del world.host("master").files[b"/m/a"]
    assert world.run().exit_code == 0
    assert b"/n/a" in world.host("node1").files


def test_row_76_too_many_deletions_are_refused_while_copies_still_happen(world: World) -> None:
    filled(world).run()
    for key in (b"a", b"d/b", b"d/e/c"):
        del world.host("master").files[b"/m/" + key]
    world.host("master").put(b"/m/new", b"new")
    result = world.run(text=DELETE)
    assert result.exit_code == 9
    assert "max_delete" in result.report.repositories["proxy"].error
    assert b"/p/a" in world.host("proxy").files
    assert world.host("proxy").files[b"/p/new"].data == b"new"


def test_row_75_an_emptied_master_is_refused(world: World) -> None:
    filled(world).run()
    world.host("master").files.clear()
    result = world.run(text=DELETE)
    assert result.exit_code == 9
    assert "is empty but held" in result.report.repositories["proxy"].error
    assert len(world.host("proxy").below(b"/p")) == len(FILES)
    lifted = DELETE.replace("[master]", "[master]\nallow_empty = yes").replace("10, 50%", "100, 100%")
    assert world.run(text=lifted).exit_code == 0
    assert not world.host("proxy").below(b"/p")


def test_row_47_a_vanished_child_root_is_refused_but_made_on_the_first_sync(world: World) -> None:
    filled(world).run()
    world.host("proxy").directories.clear()
    world.host("proxy").files.clear()
    result = world.run()
    assert result.exit_code == 9
    assert "its directory is missing" in result.report.repositories["proxy"].error
    assert not world.host("proxy").files


def test_a_cut_listing_never_deletes(world: World) -> None:
    filled(world).run()
    size = 600
    for after in range(0, size, 7):
        world.host("master").faults[:] = [Fault("cut", "list", n, after) for n in (1, 1, 1)]
        world.run(text=DELETE.replace("[DEFAULT]", "[DEFAULT]\nretries = 1"))
        assert len(world.host("proxy").below(b"/p")) == len(FILES)


def test_deletions_wait_until_everything_else_succeeded(world: World) -> None:
    filled(world).run()
    del world.host("master").files[b"/m/a"]
    world.host("master").put(b"/m/new", b"new")
    world.host("master").faults += [Fault("flip", "read") for _ in range(9)]
    result = world.run(text=DELETE)
    assert b"/p/a" in world.host("proxy").files
    assert any("not deleted" in notice for notice in result.report.repositories["proxy"].notices)
    assert b"/n/a" in world.host("node1").files, "a partial parent justifies no deletion below it"


def test_a_dry_run_shows_the_plan_of_the_real_run_and_touches_nothing(world: World) -> None:
    filled(world)
    result = world.run(dry_run=True)
    assert result.exit_code == 11
    planned = {(e.repository, e.name) for e in world.seen(ev.PlannedChange)}
    assert not world.host("proxy").files
    assert b"/p" not in world.host("proxy").directories
    world.run()
    done = {(e.repository, name) for e in world.seen(ev.Published) for name, _, _ in e.items}
    assert planned == done
    assert world.run(dry_run=True).exit_code == 0


def test_excluded_files_are_neither_copied_nor_deleted(world: World) -> None:
    filled(world)
    world.fill("proxy", b"/p", {b"mine.tmp": b"x"})
    world.host("master").put(b"/m/theirs.tmp", b"y")
    world.run("proxy", text=DELETE.replace("[DEFAULT]", "[DEFAULT]\nexclude = *.tmp"))
    assert world.host("proxy").below(b"/p") == {**FILES, b"mine.tmp": b"x"}


def test_a_file_that_changes_while_it_is_read_is_taken_in_its_new_version(world: World) -> None:
    filled(world)
    master = world.host("master")
    master.faults.append(Fault("none", "digest", then=lambda: master.put(b"/m/a", b"ALPHA2")))
    assert world.run().exit_code == 0
    in_sync(world)


def test_a_file_that_never_holds_still_is_deferred(world: World) -> None:
    filled(world)
    master = world.host("master")
    count = iter(range(1000))

    def touch() -> None:
        master.put(b"/m/a", b"version %d" % next(count))

    master.faults += [Fault("none", "read", first=touch) for _ in range(30)]
    result = world.run("proxy")
    assert result.exit_code == 0
    assert result.report.repositories["proxy"].deferred == 1
    assert result.report.repositories["proxy"].outcome == "deferred"
    assert b"/p/a" not in world.host("proxy").files
    assert b"/p/big" in world.host("proxy").files


def test_a_young_file_waits_for_its_time_and_is_deferred_when_still_written(world: World) -> None:
    now = 2_000_000_000
    text = CHAIN.replace("stable_for = 0", "stable_for = 1")
    filled(world)
    master = world.host("master")
    master.clock = lambda: now
    master.put(b"/m/young", b"done", mtime=now)
    master.put(b"/m/growing", b"1", mtime=now)

    def grow(event: ev.Event) -> None:
        if isinstance(event, ev.Waiting):
            master.put(b"/m/growing", b"12", mtime=now + 9)

    result = world.run("proxy", text=text, sinks=[grow])
    assert world.host("proxy").files[b"/p/young"].data == b"done"
    assert b"/p/growing" not in world.host("proxy").files
    assert result.report.repositories["proxy"].outcome == "deferred"
    assert result.exit_code == 0


def test_a_signal_ends_the_run_and_the_same_line_continues_it(world: World) -> None:
    filled(world)
    stored = threading.Event()
    world.host("proxy").faults.append(Fault("none", "store", then=stored.set))

    def stop(event: ev.Event) -> None:
        if isinstance(event, ev.Published):
            assert stored.wait(20), "what has arrived is not all published"
            sync.interrupt(15)

    with world.sync(sinks=[stop]) as sync:
        result = sync.run([["proxy"], ["node1", "node2"]])
    assert result.exit_code == 143
    moved = result.report.repositories["proxy"].moved
    assert moved > 0
    world.events.clear()
    again = world.run()
    assert again.exit_code == 0
    assert world.seen(ev.RunStarted)[0].continued
    started = world.host("proxy").started
    assert (started.count("unpack"), started.count("store")) == (1, 1), "nothing moves twice, published or not"
    assert again.report.repositories["proxy"].copied == len(FILES), "counts go on"
    in_sync(world)


def test_another_line_abandons_an_unfinished_run_and_says_so(world: World) -> None:
    filled(world)
    with world.sync(sinks=[lambda e: sync.interrupt(2) if isinstance(e, ev.Published) else None]) as sync:
        assert sync.run([["proxy"]]).exit_code == 130
    result = world.run()
    assert not world.seen(ev.RunStarted)[0].continued
    assert any("abandoned" in notice.text for notice in world.seen(ev.Remarked))
    assert result.exit_code == 0


def test_a_bug_in_one_job_is_a_bug_report_and_leaves_the_others_alone(world: World) -> None:
    filled(world).run("proxy")

    def explode() -> None:
        raise TypeError("oops")

    world.host("node1").faults.append(Fault("none", "list", then=explode))
    result = world.run("node1,node2")
    assert result.exit_code == 5
    assert "bug: TypeError: oops" in result.report.repositories["node1"].error
    assert result.report.repositories["node2"].outcome == "done"


@pytest.mark.parametrize(
    ("stages", "error"),
    [
        ([["nobody"]], UnknownRepositoryError),
        ([["master"]], UsageError),
        ([["node1"], ["proxy"]], UsageError),
        ([["proxy", "node1"]], UsageError),
        ([["proxy"], ["proxy"]], UsageError),
        ([], UsageError),
    ],
)
def test_senseless_stages_are_refused_before_anything_is_contacted(world: World, stages: list, error: type) -> None:
    with world.sync() as sync, pytest.raises(error):
        sync.run(stages)
    assert all(not host.started for host in world.hosts.values())


def test_two_engines_in_one_process_never_meet(world: World, tmp_path) -> None:
    other = World(tmp_path / "other")
    filled(world)
    other.fill("master", b"/m", {b"z": b"zed"})
    with world.sync() as one, other.sync() as two:
        assert one.run([["proxy"]]).exit_code == 0
        assert two.run([["proxy"]]).exit_code == 0
    assert set(other.host("proxy").below(b"/p")) == {b"z"}
    assert set(world.host("proxy").below(b"/p")) == set(FILES)


def test_status_and_resume_follow_the_journal(world: World) -> None:
    filled(world)
    with world.sync() as sync:
        assert sync.unfinished() is None
        sync.run([["proxy"]])
        assert sync.unfinished() is None
        status = {row.name: row for row in sync.status()}
    assert status["proxy"].in_sync > 0
    assert status["node1"].in_sync == 0
    world.host("node1").faults += [Fault("fail", "list", words=b"no")]
    world.run("node1")
    with world.sync() as sync:
        plan = sync.unfinished()
        assert plan
        assert plan.names == (("node1",),)
        assert {row.name: row.outcome for row in sync.status()}["node1"] == "failed"


def test_who_waits_for_the_end_of_a_run_hears_of_one_that_could_not_be_recorded(world: World) -> None:
    class Full(Journal):
        def keep(self, entry: ev.Entry) -> None:
            if isinstance(entry.event, ev.RunFinished):
                raise StateError("the disk is full")
            super().keep(entry)

    said = world.directory / "said"
    hook = world.directory / "hook"
    hook.write_text(f'#!/bin/sh\necho "$SSHSYNC_OUTCOME $SSHSYNC_EXIT_CODE" > {said}\n')
    hook.chmod(0o755)
    world.fill("master", b"/m", {b"a": b"a"})
    with pytest.raises(StateError, match="full"):
        world.run("proxy", text=f"notify_command = {hook}\n{world.text}", journal=Full)
    assert said.read_text() == "failed 6\n"


def test_what_attempts_leave_behind_does_not_pile_up(world: World) -> None:
    """The connection breaks in the middle of a file, and again while the half of it is removed."""
    proxy = filled(world).host("proxy")
    proxy.faults += [Fault("torn", "store"), Fault("torn", "store"), Fault("torn", "store"), Fault("refuse", "discard")]
    seen: list[int] = []

    def count() -> None:
        if proxy.started[-1] == "store":
            seen.append(sum(b"/.sshsync/part/" in path for path in proxy.files))

    proxy.watch = count
    assert world.run("proxy", text=RETRY.replace("retries = 3", "retries = 6")).exit_code == 0
    assert len(seen) == 4
    assert (seen[0], max(seen)) == (0, 1), "the next try goes on with the one that is there"
    assert not [path for path in proxy.files if b"/.sshsync/part/" in path]
    assert proxy.below(b"/p") == FILES


def test_two_leftovers_of_one_file_are_published_once(world: World) -> None:
    proxy = filled(world).host("proxy")
    proxy.make(b"/p")
    for number in (1, 2):
        proxy.put(b"/p/.sshsync/batch/0123456789abcdef-%d/a" % number, FILES[b"a"])
    report = world.run("proxy").report
    assert (report.repositories["proxy"].copied, report.repositories["proxy"].salvaged) == (len(FILES), 1)


def test_what_nobody_takes_from_any_more_is_held_by_nobody(world: World) -> None:
    """A tree may hold millions of items, and a chain many trees."""
    world.fill("master", b"/m", {b"a": b"alpha"})
    world.run("proxy", "node1")
    held: list[str] = []

    def look(event: ev.Event) -> None:
        if isinstance(event, ev.Scanned) and event.repository == "node1":
            gc.collect()
            held.extend(one.repository for one in gc.get_objects() if type(one) is Snapshot)

    assert world.run("proxy", "node1", sinks=[look]).exit_code == 0
    assert {"proxy", "node1"} <= set(held)
    assert "master" not in held
