"""Encoding, framing, probing: the words spoken to a host."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.kinds.files import Files
from sshsync.model.policy import TransferKind
from sshsync.model.topology import Commands
from sshsync.model.words import visible
from sshsync.remote import encode, probe
from sshsync.remote.frame import MOST_NOISE, Deframer, FrameError, records
from sshsync.remote.scripts import EVERY, PROBE, Script
from tests import values

NAMES = st.binary(min_size=1, max_size=60).filter(lambda n: b"\0" not in n)
ECHO = Script("echo", 'main() { printf "%s" "$WORD"; }\n')
SHELLS = [words for words in (["bash"], ["dash"], ["busybox", "sh"], ["tcsh"], ["fish"]) if shutil.which(words[0])]
HOSTILE = [b"$(touch X)", b"`id`", b"a\nb", b"end\n", b"!x", b"!!", b"back\\", b"\\'", b"'", b'"', b"-rf", b";x", b"%s", b"\xff\xfe",
           b"^a^b", b"\r", b"\x1b[0m", b" lead", b"trail ", b"a=b", b"*", b"~", bytes(range(1, 256))]  # fmt: skip


@pytest.mark.parametrize("login", SHELLS, ids=lambda words: words[0])
@pytest.mark.parametrize("word", HOSTILE, ids=repr)
def test_any_login_shell_hands_a_word_on_unharmed(login: list[str], word: bytes) -> None:
    line = encode.command_line("/bin/sh", ECHO.text, {"TOKEN": b"t0k", "WORD": word})
    done = subprocess.run([*login, "-c", line], capture_output=True, check=False)
    frame = Deframer(b"t0k")
    assert frame.feed(done.stdout) == word
    assert frame.status == 0


@given(NAMES)
def test_a_name_is_one_safe_line_and_comes_back(name: bytes) -> None:
    line = encode.name(name)
    assert b"\n" not in line
    assert line.isascii()
    done = subprocess.run(["printf", "%b", line], capture_output=True, check=True)
    assert done.stdout == name


@given(st.binary(max_size=300))
def test_an_argument_is_one_quoted_word(word: bytes) -> None:
    made = encode.argument(word)
    inner = made[1:-1]
    assert made[:1] == made[-1:] == b"'"
    assert b"'" not in inner
    assert b"!" not in inner
    assert b"\n" not in inner


@given(st.text(max_size=500) | st.binary(max_size=500))
def test_visible_words_hold_no_control_characters(words: str | bytes) -> None:
    shown = visible(words)
    assert len(visible(words, 20)) <= 20 * 10 + 1
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or 0xD800 <= ord(char) < 0xE000 for char in shown)
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [(b"a\nb", "a\\nb"), (b"\xff", "\\xff"), ("\u202ex", "\\u202ex"), (b"a\\b", "a\\\\b"), ("é", "é"), (b"\t", "\\t"), (b"\r", "\\r")],
)
def test_visible_words(words: str | bytes, shown: str) -> None:
    assert visible(words) == shown


@given(st.binary(max_size=400), st.integers(0, 255), st.lists(st.integers(1, 40), max_size=30), st.binary(max_size=50))
def test_a_payload_survives_any_cutting_into_pieces(payload: bytes, status: int, cuts: list[int], noise: bytes) -> None:
    token = b"0123456789abcdef"
    whole = noise + token + b" begin\n" + payload + b"\n" + token + b" end %d\n" % status
    frame = Deframer(token)
    got = b""
    for cut in [*cuts, len(whole)]:
        got += frame.feed(whole[:cut])
        whole = whole[cut:]
    assert got == payload
    assert frame.status == status


@given(st.binary(max_size=200), st.data())
def test_a_cut_answer_has_no_status(payload: bytes, data: st.DataObject) -> None:
    token = b"0123456789abcdef"
    whole = token + b" begin\n" + payload + b"\n" + token + b" end 0\n"
    frame = Deframer(token)
    got = frame.feed(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert frame.status is None
    assert payload.startswith(got)


END = st.sampled_from([b"\ntoken end ", b"\ntoken end 12|", b"\ntoken end x", b"\ntoken end 1234\n", b"\ntoken", b"x\n", b"7x"])


@given(st.lists(END, max_size=8).map(b"".join), st.lists(st.integers(1, 30), max_size=20))
def test_what_only_looks_like_an_end_is_payload(payload: bytes, cuts: list[int]) -> None:
    payload += b"|"
    whole = b"token begin\n" + payload + b"\ntoken end 3\n"
    frame, got = Deframer(b"token"), b""
    for cut in [*cuts, len(whole)]:
        got += frame.feed(whole[:cut])
        whole = whole[cut:]
    assert (got, frame.status) == (payload, 3)


def test_an_end_that_never_ends_is_not_held() -> None:
    frame = Deframer(b"token")
    frame.feed(b"token begin\n\ntoken end ")
    given = sum(len(frame.feed(b"x" * 1000)) for _ in range(100))
    assert given > 99_000
    assert len(frame.noise()) < 100


def test_endless_noise_is_given_up() -> None:
    frame = Deframer(b"token")
    with pytest.raises(FrameError) as caught:
        frame.feed(b"x" * (MOST_NOISE + 1))
    assert caught.value.noise.startswith(b"xxx")


def test_what_follows_the_end_is_ignored_and_noise_can_be_shown() -> None:
    frame = Deframer(b"token")
    assert frame.feed(b"hello ") == b""
    assert frame.noise() == b"hello "
    assert frame.feed(b"token begin\nX\ntoken end 3\nrest") == b"X"
    assert frame.feed(b"more") == b""
    assert frame.status == 3


def test_row_73_a_name_cannot_forge_a_record() -> None:
    payload = b"tok 1 ./a\nNOT 2 ./b\ntok 3 ./c\n"
    assert records(payload, b"tok") == [b"1 ./a\nNOT 2 ./b", b"3 ./c"]


def test_the_probe_finds_this_machines_tools() -> None:
    done = subprocess.run(encode.argv("/bin/sh", PROBE.text, {"TOKEN": b"t"}), capture_output=True, check=True)
    found = probe.parse(Deframer(b"t").feed(done.stdout), 0)
    assert Files().needs(values.repository("here", host=values.host()), found, "sha256") == ""
    assert found.digests["sha256"]
    assert found.clock > 1_000_000_000


def test_a_host_without_tools_names_them_all() -> None:
    found = probe.parse(b"tool=mv\ntool=rm\nnonsense\nstat=weird\nnow=x\n", 5.0)
    lacks = Files().needs(values.repository("here", host=values.host()), found, "sha256")
    assert lacks.startswith("lacks find, mkdir, rmdir, chmod, touch, stat, cat or scp; cannot compute sha256")
    assert found.clock == 0


@pytest.mark.parametrize(
    ("tools", "command", "lacks"),
    [
        (b"ssh fullblock", "ssh x", ""),
        (b"ssh", "ssh x", "has no dd that knows iflag=fullblock"),
        (b"fullblock", "ssh x", "has no ssh, which transfer = direct needs"),
        (b"fullblock", "/opt/bin/ssh x", ""),
    ],
)
def test_a_child_that_cannot_pull_from_its_parent_says_why(tools: bytes, command: str, lacks: str) -> None:
    plain = b"find mv rm mkdir rmdir chmod touch cat dd " + tools
    found = probe.parse(b"stat=gnu\nsha256=sha256sum\n" + b"".join(b"tool=%s\n" % tool for tool in plain.split()), 0)
    child = values.repository("c", "m", host=values.host(), transfer=TransferKind.DIRECT, commands=Commands(ssh=command))
    said = Files().needs(child, found, "sha256")
    assert said.startswith(lacks)
    assert bool(said) == bool(lacks)
    assert Files().needs(values.repository("m", host=values.host(), transfer=TransferKind.DIRECT), found, "sha256") == ""


@pytest.mark.parametrize(("form", "option"), [("gnu", b"-c"), ("busybox", b"-c"), ("bsd", b"-f"), ("perl", b"-e")])
def test_each_stat_form_prints_the_same_fields(form: str, option: bytes) -> None:
    words = probe.Capabilities(stat=form).stat_words(b"T0K")
    assert words["OPTION"] == option
    assert words["FORMAT"].count(b"T0K %") == 1
    assert words["FORMAT"].count(b"%") == 6


@pytest.mark.parametrize(("form", "tool", "able"), [("gnu", "printf", True), ("gnu", "find", False), ("busybox", "printf", False)])
def test_find_prints_the_records_itself_where_they_are_as_fine_as_those_of_stat(form: str, tool: str, able: bool) -> None:
    words = probe.Capabilities(stat=form, tools=frozenset({tool})).list_words(b"T0K")
    assert words["PRINT"].startswith(b"T0K %y:%m ") == able
    assert bool(words["PRINT"]) == able


@pytest.mark.parametrize("script", EVERY, ids=lambda script: script.name)
@pytest.mark.parametrize("shell", [words for words in (["dash"], ["bash"], ["busybox", "sh"]) if shutil.which(words[0])])
def test_every_script_is_good_posix_shell(script: Script, shell: list[str]) -> None:
    assert subprocess.run([*shell, "-n"], input=script.text.encode(), capture_output=True, check=False).returncode == 0
    line = encode.command_line("/bin/sh", script.text, {"TOKEN": b"x" * 32})
    assert len(line) < 20_000, "command lines stay far below the limit of 128 KiB"
