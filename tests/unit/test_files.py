"""The kind `files`: dialogues driven without any host."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.errors import CommandError, ListingError, ToolMissingError
from sshsync.kinds import files, globs
from sshsync.kinds.base import Answer, Request, Subject
from sshsync.kinds.files import Files, digest_of
from sshsync.kinds.listing import paths
from sshsync.kinds.stamps import told
from sshsync.model.item import Stamp
from sshsync.model.topology import Commands
from sshsync.remote.probe import Capabilities
from tests.conftest import CHAIN, configure

TOKEN = b"tok"
SHA = "a" * 64


def subject(tmp_path, commands: Commands | None = None, **more: object) -> Subject:
    repository = configure(CHAIN, tmp_path).tree.repositories["master"]
    if commands:
        repository = replace(repository, commands=commands)
    able = Capabilities(stat="gnu", digests={"sha256": "sha256sum"})
    return Subject(repository, able, TOKEN, "sha256", **more)  # type: ignore[arg-type]


def drive(dialogue, *answers: Answer):
    """Feed prepared answers and return the result."""
    step = next(dialogue)
    try:
        for answer in answers:
            while not isinstance(step, Request):
                step = next(dialogue)
            step = dialogue.send(read(step, answer))
        while not isinstance(step, Request):
            step = next(dialogue)
    except StopIteration as end:
        return end.value
    raise AssertionError("the dialogue wants more")


def read(request: Request, answer: Answer) -> Answer:
    """Let the reader of a request take an answer in small pieces, after another one that broke off."""
    if request.reader is None:
        return answer
    for whole in (answer.payload[: len(answer.payload) // 2], answer.payload):
        request.reader.begin()
        for start in range(0, len(whole), 7):
            request.reader.feed(whole[start : start + 7])
    return replace(answer, payload=b"")


def ok(payload: bytes = b"", status: int = 0, errors: bytes = b"") -> Answer:
    return Answer(status, payload, errors)


def listed(payload: bytes = b"", status: int = 0, errors: bytes = b"") -> Answer:
    return Answer(status, b"tok root /m\n" + payload, errors)


def by_listcmd(payload: bytes) -> Answer:
    return ok(b"tok root /m\ntok left part/x\ntok listed\n" + payload)


def record(name: bytes, mode: str = "81a4", size: str = "3") -> bytes:
    return f"tok {mode} {size} 1700000000.5 1700000001.25 7 ./".encode() + name + b"\n"


def test_a_listing_becomes_items(tmp_path) -> None:
    listing = ok(b"noise\ntok root /real/m\ntok left batch/x\ntok left lease/y\n" + record(b"a") + record(b"d/b\nc", "81ed") + record(b"link", "a1ff") + record(b".sshsync/part/x"))
    digests = ok(f"{SHA}  ./a\n".encode())
    odd = ok(f"tok {SHA}  -\n".encode())
    found = drive(Files().scan(subject(tmp_path)), listing, digests, odd)
    assert found.root == b"/real/m"
    assert found.left == (b"batch/x", b"lease/y")
    assert set(found.items) == {b"a", b"d/b\nc"}
    assert found.items[b"a"].digest == found.items[b"d/b\nc"].digest == f"sha256:{SHA}"
    assert found.items[b"a"].stamp == Stamp(3, 1_700_000_000_500_000_000, 1_700_000_001_250_000_000, 7)
    assert found.items[b"d/b\nc"].mode == 0o755
    assert found.skipped == 1
    assert found.complete


def test_what_the_cache_knows_is_not_read(tmp_path) -> None:
    stamp = Stamp(3, 1_700_000_000_500_000_000, 1_700_000_001_250_000_000, 7)
    known = subject(tmp_path, cached=lambda: [(b"a", stamp, f"sha256:{SHA}"), (b"b", stamp, f"sha256:{SHA}")])
    found = drive(Files().scan(known), listed(record(b"a")))
    assert found.items[b"a"].digest == f"sha256:{SHA}"
    assert found.hashed == 0


def test_a_missing_root_is_no_error(tmp_path) -> None:
    assert not drive(Files().scan(subject(tmp_path)), ok(status=44)).existed


def test_a_root_that_is_a_file_is_an_error(tmp_path) -> None:
    with pytest.raises(CommandError, match="is not a directory"):
        drive(Files().scan(subject(tmp_path)), ok(status=1, errors=b"/m is not a directory"))


@pytest.mark.parametrize("root", [b"/\n", b"//\n", b"", b"\n", b"m\n", b"/m/../x\n", b"/m/.\n", b"/m/\n", b"/m\n/n\n", b"/m\0\n"])
def test_a_root_that_is_none_is_refused(tmp_path, root: bytes) -> None:
    with pytest.raises(ListingError, match="no directory that a root could be"):
        drive(Files().scan(subject(tmp_path)), ok(b"tok root " + root))


@pytest.mark.parametrize("size", ["-1", "1e9", "9" * 19, "+1", "1_0", "٣", "0x1", ""])
def test_what_is_no_size_is_refused(tmp_path, size: str) -> None:
    listing = f"tok 81a4 {size} 1700000000.5 1700000000.5 7 ./a\n".encode()
    with pytest.raises(ListingError, match="no readable size"):
        drive(Files().scan(subject(tmp_path)), listed(listing))


@pytest.mark.parametrize(
    ("printed", "at"),
    [
        ("99999999999999.5", 99_999_999_999_999_500_000_000),
        ("-99999999999999.5", -99_999_999_999_999_500_000_000),
        ("-1.500000000", -1_500_000_000),
        ("-0.5", -500_000_000),
        ("-2", -2_000_000_000),
        ("0.000000001", 1),
    ],
)
def test_no_time_is_changed(tmp_path, printed: str, at: int) -> None:
    listing = f"tok 81a4 1 {printed} {printed} 99999999999999999999 ./a\n".encode()
    found = drive(Files().scan(subject(tmp_path)), listed(listing), ok(f"{SHA}  ./a\n".encode()))
    item = found.items[b"a"]
    assert (item.stamp.mtime_ns, item.stamp.ctime_ns) == (at, at)
    assert item.mtime == at // 10**9
    assert 0 <= item.stamp.inode < 2**63


def test_an_incomplete_listing_is_marked(tmp_path) -> None:
    listing = listed(record(b"a") + record(b"b"), status=1, errors=b"find: ./secret: Permission denied")
    found = drive(Files().scan(subject(tmp_path)), listing, ok(f"{SHA}  ./b\n".encode()), listed(record(b"a")))
    assert not found.complete
    assert "Permission denied" in found.problems[0].reason
    assert found.items[b"a"].digest is None


def test_a_listing_that_failed_altogether_is_an_error(tmp_path) -> None:
    with pytest.raises(CommandError, match="Permission denied"):
        drive(Files().scan(subject(tmp_path)), listed(status=1, errors=b"find: .: Permission denied"))


HOSTILE = [
    record(b"../x"), record(b"/etc/x"), record(b"a//b"), record(b"a/./b"), record(b"a/"), record(b""), record(b"a\0b"),
    record(b"a") + record(b"a"), record(b"x" * 256), record(b"d/" * 2100 + b"x"), record(b"a", "zz"), record(b"a", size="-"),
    b"tok nonsense\n", b"tok 1 2 3 4 5 a\n", record(b"a", size="1e9"), record(b".."), record(b"a/.."),
]  # fmt: skip


@pytest.mark.parametrize("listing", HOSTILE, ids=lambda listing: repr(listing[:60]))
def test_row_72_hostile_listings_are_refused(tmp_path, listing: bytes) -> None:
    with pytest.raises(ListingError, match="nothing was changed"):
        drive(Files().scan(subject(tmp_path)), listed(listing))


@given(st.binary(max_size=200))
def test_no_listing_crashes_the_parser(tmp_path_factory, noise: bytes) -> None:
    made = subject(tmp_path_factory.getbasetemp())
    try:
        found = drive(Files().scan(made), listed(b"tok " + noise), ok(), ok())
    except (ListingError, CommandError, AssertionError):
        return
    assert all(b".." not in key.split(b"/") for key in found.items)


@pytest.mark.parametrize(
    ("payload", "keys"),
    [
        (b"/m/a\n/m/d/b\n", [b"a", b"d/b"]),
        (b"/m/a\0/m/with\nfeed\0", [b"a", b"with\nfeed"]),
        (b"", []),
        (b"/m/.sshsync/part/x\n/m/a", [b"a"]),
    ],
)
def test_listcmd_output(payload: bytes, keys: list[bytes]) -> None:
    assert paths(payload, b"/m", "master") == keys


@pytest.mark.parametrize("payload", [b"a\n", b"/other/a\n", b"/m/../x\n", b"/m/a\n/m/a\n", b"/m/a\nb\n", b"/m/\n", b"\n\n", b"/mx/a\n"])
def test_suspicious_listcmd_output_is_refused(payload: bytes) -> None:
    with pytest.raises(ListingError):
        paths(payload, b"/m", "master")


def test_templates_are_asked_for_everything(tmp_path) -> None:
    own = subject(tmp_path, Commands("find", "sha1sum"))
    digests = ok(b"tok " + b"b" * 40 + b"  x\ntok NONE\n")
    found = drive(Files().scan(own), by_listcmd(b"/m/a\n/m/b\n"), ok(record(b"a") + record(b"b")), digests, ok(record(b"b")))
    assert found.items[b"a"].digest == "sha1:" + "b" * 40
    assert found.items[b"b"].digest is None


def test_a_file_that_vanished_after_the_listing_makes_it_incomplete(tmp_path) -> None:
    own = subject(tmp_path, Commands("find", "sha1sum"))
    stat = ok(record(b"a"), status=1, errors=b"stat: ./b: No such file")
    found = drive(Files().scan(own), by_listcmd(b"/m/a\n/m/b\n"), stat, ok(b"tok " + b"c" * 40 + b"\n"))
    assert not found.complete


def test_a_stat_answer_about_something_else_is_refused(tmp_path) -> None:
    own = subject(tmp_path, Commands("find"))
    with pytest.raises(ListingError, match="was not asked for"):
        drive(Files().scan(own), by_listcmd(b"/m/a\n"), ok(record(b"b")))


def test_answers_that_are_missing_are_an_error(tmp_path) -> None:
    own = subject(tmp_path, Commands("", "sha1sum"))
    with pytest.raises(CommandError, match="0 answers for 1 files"):
        drive(Files().scan(own), listed(record(b"a")), ok(b""))


def test_a_host_that_cannot_compute_the_digest_is_named(tmp_path) -> None:
    poor = subject(tmp_path)
    poor = Subject(poor.repository, Capabilities(stat="gnu"), TOKEN, "sha256")
    with pytest.raises(ToolMissingError, match="sha256"):
        drive(Files().scan(poor), listed(record(b"a")))


def test_row_41_a_digestcmd_that_never_prints_a_digest_is_an_error(tmp_path) -> None:
    own = subject(tmp_path, Commands("", "nosuchtool"))
    with pytest.raises(CommandError, match="check its digestcmd|no digest of any of its 1 file"):
        drive(Files().scan(own), listed(record(b"a")), ok(b"tok \n"), listed(record(b"a")))


def test_much_is_digested_in_portions(tmp_path) -> None:
    sizes = {b"a": 3 << 30, b"b": 3 << 30, **{b"%d" % n: 1 for n in range(10_001)}}
    asked = []
    dialogue = Files().digests(subject(tmp_path), b"/m", b".", sizes)
    request = next(dialogue)
    try:
        while True:
            asked.append(request.stdin.count(b"\n"))
            lines = "".join(f"{SHA}  ./{name}\n" for name in request.stdin.decode().split())
            request = dialogue.send(ok(lines.encode()))
    except StopIteration as end:
        assert set(end.value) == set(sizes)
    assert asked == [1, 10_000, 2]


def test_big_files_are_digested_by_the_tool_that_reads_faster(tmp_path) -> None:
    made = subject(tmp_path)
    able = Capabilities(stat="gnu", digests={"sha256": "sha256sum"}, bulk={"sha256": "openssl dgst -r -sha256"})
    made = Subject(made.repository, able, TOKEN, "sha256")
    for size, tool in ((1000, b"sha256sum"), (100_000_000, b"openssl dgst -r -sha256")):
        dialogue = Files().digests(made, b"/m", b".", {b"a": size})
        assert next(dialogue).command.variables["TOOL"] == tool
        assert drive(Files().digests(made, b"/m", b".", {b"a": size}), ok(f"{SHA} *./a\n".encode())) == {b"a": f"sha256:{SHA}"}


def test_looking_again_leaves_out_what_is_gone(tmp_path) -> None:
    answers = ok(record(b"a"), status=1), ok(f"{SHA}  ./a\n".encode())
    found = drive(Files().look_again(subject(tmp_path), b"/m", [b"a", b"b"]), *answers)
    assert set(found.items) == {b"a"}


@pytest.mark.parametrize(
    ("printed", "digest"),
    [
        (b"d41d8cd98f00b204e9800998ecf8427e", "md5:d41d8cd98f00b204e9800998ecf8427e"),
        (b"A" * 40 + b"  file", "sha1:" + "a" * 40),
        (b"\\" + b"a" * 64 + b"  odd", "sha256:" + "a" * 64),
        (b"'" + b"a" * 128 + b"'", "sha512:" + "a" * 128),
        (b"NONE", None),
        (b"'NONE'", None),
        (b"", None),
        (b"g" * 40, None),
        (b"a" * 41, None),
        (b"sha1sum: x: No such file", None),
    ],
)
def test_row_41_digest_output(printed: bytes, digest: str | None) -> None:
    assert digest_of(printed) == digest


@pytest.mark.parametrize(
    ("include", "exclude", "key", "wanted"),
    [
        ((), (), b"a", True),
        (("*.iso",), (), b"d/x.iso", True),
        (("*.iso",), (), b"d/x.txt", False),
        ((), ("*.tmp",), b"d/x.tmp", False),
        ((), ("/top/",), b"top/x", False),
        ((), ("/top/",), b"d/top/x", True),
        (("*.iso",), ("old/",), b"old/x.iso", False),
        ((), ("*.tmp", "!keep.tmp"), b"keep.tmp", True),
        ((), ("*.tmp",), b"\xff.tmp", False),
    ],
)
def test_patterns(include: tuple, exclude: tuple, key: bytes, wanted: bool) -> None:
    assert globs.wanted(include, exclude)(key) is wanted


def test_a_bad_pattern_is_told() -> None:
    assert files.HASH_RATE
    assert globs.faults(["fine", "also/fine"]) == []
    assert globs.faults(["!"])


def test_a_pattern_may_end_in_a_space_that_a_backslash_keeps(tmp_path) -> None:
    text = CHAIN.replace("[DEFAULT]\n", "[DEFAULT]\nexclude = one\\ \n  two\\ \t\n  three  \ninclude = four\\ \n")
    master = configure(text, tmp_path).tree.repositories["master"]
    assert master.exclude == ("one\\ ", "two\\ ", "three")
    assert master.include == ("four\\ ",)
    test = globs.wanted((), master.exclude)
    assert [test(key) for key in (b"one ", b"two ", b"three", b"one", b"three ")] == [False, False, False, True, True]


def test_a_template_keeps_no_space_at_the_end_of_a_line(tmp_path) -> None:
    text = CHAIN.replace("[master]\n", "[master]\nlistcmd = find ${REPOPATH} \\ \n  -type f\n")
    assert configure(text, tmp_path).tree.repositories["master"].commands.listing == "find ${REPOPATH} \\\n-type f"


@pytest.mark.parametrize("pattern", ["!", "/", "!/", "a[b", "[!", "a\\", "[[:nothing:]]"])
def test_a_pattern_that_can_match_nothing_is_told(pattern: str) -> None:
    assert len(globs.faults(["fine", pattern])) == 1


def renamed(*times: int, word: bytes = b"came") -> bytes:
    """What a host tells of files whose change times are these, in the order in which they were renamed."""
    lines = [b"tok 81a4 5 1600000000 %d 7 ./d/f%d\n" % (at, number) for number, at in enumerate(times)]
    return b"tok " + word + b"\n" + b"".join(lines)


@pytest.mark.parametrize(
    ("payload", "known"),
    [
        (renamed(5, 5, 6), [0, 1, 2]),
        (renamed(5, 7, 6), [0, 2]),
        (renamed(9, 5, 6, 8, 7), [1, 2, 4]),
        (renamed(9, 5, 7, word=b"within"), [0, 1, 2]),
        (renamed(9, word=b"within") + renamed(5) + b"tok failed 7\n", [0]),
        (renamed(6, 5) + b"tok came\n", [1]),
    ],
)
def test_what_changed_after_the_next_one_was_renamed_is_not_known_again(payload: bytes, known: list[int]) -> None:
    found = told(payload, TOKEN)
    assert sorted(found) == [b"d/f%d" % number for number in known]
