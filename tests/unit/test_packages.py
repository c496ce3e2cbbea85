"""What package managers list, as it is read: recorded answers, hostile ones, and such as are cut at any byte."""

import ast
import json
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sshsync.errors import ConfigError, SshsyncError
from sshsync.kinds import pip as of_pip
from sshsync.kinds import rpm as of_rpm
from sshsync.kinds.base import Answer, Kind, Remark, Request, Subject
from sshsync.kinds.packages import Packages
from sshsync.kinds.pip import Pip
from sshsync.kinds.pip_changes import PipChanges
from sshsync.kinds.rpm import Rpm
from sshsync.kinds.rpm_changes import RpmChanges
from sshsync.model.item import Snapshot
from sshsync.remote.probe import Capabilities
from sshsync.versions import order
from tests import values
from tests.conftest import ACCOUNT
from tests.values import FULL
from sshsync import builtin
from sshsync.config.load import parse
from sshsync.config.resolve import Config, resolve

TOKEN = b"0123456789abcdef"
SITE = "/srv/app/lib/python3.11/site-packages"
PIP = Packages(Pip(), PipChanges(order("pip")), order("pip"))
RPM = Packages(Rpm(), RpmChanges(order("rpm")), order("rpm"))


def scan(kind: Kind, payload: bytes, *, status: int = 0, errors: bytes = b"", remarks: list[str] | None = None, **more: object) -> Snapshot:
    repository = values.repository("web.x", host=values.host(), **{"path": "/srv/app", **more})
    dialogue = kind.scan(Subject(repository, Capabilities(), TOKEN, "sha256"))
    step = next(dialogue)
    assert isinstance(step, Request)
    try:
        step = dialogue.send(Answer(status, payload, errors))
        while True:
            assert isinstance(step, Remark)
            if remarks is not None:
                remarks.append(step.words)
            step = next(dialogue)
    except StopIteration as end:
        return end.value


def pip(*said: dict[str, object], **more: object) -> Snapshot:
    head = {"python": "3.11.2", "prefix": "/srv/app", "writable": True}
    lines = [head, *({"place": SITE, "damage": "", **one} if "name" in one else one for one in said)]
    return scan(PIP, b"".join(TOKEN + b" " + json.dumps(line).encode() + b"\n" for line in lines), **more)


def rpm(*lines: str) -> Snapshot:
    return scan(RPM, b"".join(TOKEN + b" " + line.encode() + b"\n" for line in ("arch x86_64 root", *lines)))


def versions(found: Snapshot) -> dict[str, str | None]:
    return {key.decode(): item.digest and item.digest.removeprefix("version:") for key, item in found.items.items()}


def test_names_are_normalized_and_versions_are_text() -> None:
    found = pip({"name": "Zope.Interface", "version": "5.0"}, {"name": "My__Pkg", "version": "1.00"})
    assert versions(found) == {"zope-interface": "5.0", "my-pkg": "1.00"}
    assert (found.root, found.complete) == (b"/srv/app", True)


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("origin", "version"),
    [
        ({"url": "ssh://git@git.example.org/myapp", "vcs": "git", "commit": COMMIT, "sha256": ""}, f"git+ssh://git@git.example.org/myapp@{COMMIT}"),
        ({"url": "https://joe:secret@example.org/x.git", "vcs": "git", "commit": COMMIT, "sha256": ""}, f"git+https://joe:****@example.org/x.git@{COMMIT}"),
        ({"url": "file:///srv/app", "editable": True, "commit": COMMIT, "sha256": ""}, f"file:///srv/app@{COMMIT}"),
        ({"url": "file:///srv/app", "editable": True, "commit": "", "sha256": ""}, "1.2 @ file:///srv/app"),
        ({"url": "file:///tmp/one/x-1.2-py3-none-any.whl", "sha256": "ab" * 32}, f"1.2 @ x-1.2-py3-none-any.whl#sha256={'ab' * 32}"),
        ({"url": "https://example.org/x-1.2.tar.gz", "sha256": ""}, "1.2 @ https://example.org/x-1.2.tar.gz"),
    ],
)
def test_what_came_from_elsewhere_is_told_apart_by_its_origin(origin: dict[str, object], version: str) -> None:
    assert versions(pip({"name": "x", "version": "1.2", **origin})) == {"x": version}


def test_a_place_with_blanks_and_letters_of_any_language_is_an_address() -> None:
    assert versions(pip({"name": "x", "version": "1", "url": "file:///srv/my \u00e4pp\n", "editable": True})) == {"x": "1 @ file:///srv/my%20%C3%A4pp%0A"}


def test_the_same_file_is_the_same_wherever_it_lay() -> None:
    one, other = (pip({"name": "x", "version": "1", "url": f"file:///{place}/x-1.whl", "sha256": "ab" * 32}) for place in ("a", "b"))
    assert one.items == other.items


def test_what_is_damaged_has_no_version_and_tells_why() -> None:
    found = pip(
        {"name": "gone", "version": "1.0", "damage": "2 of its files are missing, such as gone/x.py"},
        {"name": "cut", "version": "", "damage": "its metadata is cut or missing"},
        {"name": "twice", "version": "1.0"},
        {"name": "Twice", "version": "2.0"},
        {"name": "django", "version": "4.2"},
        {"left": "~jango", "place": SITE},
        {"name": "whole", "version": "1.0"},
    )
    assert {key for key, version in versions(found).items() if version is None} == {"gone", "cut", "twice", "django"}
    assert found.damaged[b"gone"] == "half installed: 2 of its files are missing, such as gone/x.py"
    assert found.damaged[b"twice"] == "it is there twice: 1.0 and 2.0"
    assert found.damaged[b"django"] == "half installed: a change of it broke off and left ~jango"


def test_what_is_left_of_something_that_is_gone_is_a_remark() -> None:
    remarks: list[str] = []
    assert versions(pip({"left": "~umpy", "place": SITE}, remarks=remarks)) == {}
    assert remarks == [f"a broken change left ~umpy in {SITE}"]


def test_of_two_places_the_first_that_python_looks_into_counts() -> None:
    assert versions(pip({"name": "x", "version": "1"}, {"name": "x", "version": "2", "place": "/usr/lib/python3/dist-packages"})) == {"x": "1"}


def test_a_place_that_cannot_be_listed_makes_the_list_incomplete() -> None:
    found = pip({"name": "x", "version": "1"}, {"closed": SITE + "/more", "why": "Permission denied"})
    assert not found.complete
    assert found.problems[0].reason == "Permission denied"


def test_a_package_of_another_architecture_has_a_name_of_its_own() -> None:
    found = rpm("rpm glibc 0:2.34-1.el9 x86_64", "rpm glibc 0:2.34-1.el9 i686", "rpm tzdata 0:2024a-1.el9 noarch", "rpm perl 4:5.32-1 x86_64")
    assert versions(found) == {"glibc": "2.34-1.el9", "glibc.i686": "2.34-1.el9", "tzdata": "2024a-1.el9", "perl": "4:5.32-1"}


def test_several_versions_side_by_side_are_one_set_and_keys_are_no_packages() -> None:
    one = rpm("rpm kernel 0:6.2-1 x86_64", "rpm kernel 0:6.1-1 x86_64", "rpm gpg-pubkey 0:fd431d51-4ae0493b (none)")
    other = rpm("rpm kernel 0:6.1-1 x86_64", "rpm kernel 0:6.2-1 x86_64")
    assert versions(one) == {"kernel": "6.1-1 6.2-1"}
    assert one.items == other.items


def test_no_package_at_all_is_never_the_truth_of_a_system() -> None:
    with pytest.raises(SshsyncError, match="no package at all") as found:
        rpm()
    assert found.value.code == 9
    assert versions(pip()) == {}, "an environment may be empty"


BAD = [
    {"name": "$(touch x)", "version": "1"},
    {"name": "-r", "version": "1"},
    {"name": "x", "version": "1; rm"},
    {"name": "x", "version": ""},
    {"name": "x" * 300, "version": "1"},
    {"name": "x", "version": "1", "url": "https://a/" + "b" * 5000},
    {"name": ["x"], "version": "1"},
    {"name": "x", "version": 1},
    {"name": "x\n", "version": "1"},
    {"name": "\u0130", "version": "1"},
    {"prefix": 7},
]


@pytest.mark.parametrize("said", BAD, ids=str)
def test_what_is_no_package_refuses_the_whole_list_of_an_environment(said: dict[str, object]) -> None:
    with pytest.raises(SshsyncError) as found:
        pip({"name": "good", "version": "1"}, said)
    assert found.value.code == 9
    assert len(str(found.value)) < 400


@pytest.mark.parametrize(
    "line",
    ["rpm a 1", "rpm a b c", "rpm ../a 0:1-1 noarch", "rpm a 0:1 noarch", "rpm a 0:1-1;x noarch", "rpm a 0:1-1 $(x)", "other a", "", "rpm \u00e9 0:1-1 noarch", "rpm a* 0:1-1 noarch", "rpm -a 0:1-1 noarch", "rpm a x:1-1 noarch", "rpm a 0:1-1-1 noarch"],
)
def test_what_is_no_package_refuses_the_whole_list_of_a_system(line: str) -> None:
    with pytest.raises(SshsyncError) as found:
        rpm("rpm good 0:1-1 noarch", line)
    assert found.value.code == 9


def spoiled(whole: bytes, signs: str) -> st.SearchStrategy[bytes]:
    """Return what has a byte in it that it never holds, anywhere."""
    return st.builds(lambda at, byte: whole[:at] + bytes([byte]) + whole[at:], st.integers(0, len(whole)), st.sampled_from(sorted(set(range(256)) - set(signs.encode()))))


LETTERS, DIGITS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
LIST = [b"rpm bash 0:5.1.8-9.el9 x86_64", b"rpm kernel 0:6.1-1 x86_64", b"rpm kernel 0:6.2-1 x86_64", b"rpm perl 4:5.32-1 x86_64", b"rpm tzdata 0:2024a-1 noarch"]
NO_NAME = spoiled(b"name", LETTERS + DIGITS + "._+-") | st.sampled_from([b"-r", b"--all", b".hidden", b"+x", b"", b"../x", b"$(id)", b"https://x/y.rpm", b"\xc4\xb1", b"n" * 256, b"@core", b"a b", b"*"])
NO_VERSION = spoiled(b"1:2.0~rc1^g-1.el9", LETTERS + DIGITS + "._+~^:-") | st.sampled_from([b"1-1-1", b"1:2:3-1", b":1-1", b"x:1-1", b"-1", b"1-", b"", b"*", b"01:1-1", b"(none):1-1", b"1-" + b"1" * 4096])
NO_ARCHITECTURE = spoiled(b"x86_64", LETTERS.lower() + DIGITS + "_-") | st.sampled_from([b"", b"(None)", b"(none", b"i686;", b"X86_64"])
HOSTILE_LINES = (
    st.builds(b"rpm %b 0:1-1 noarch".__mod__, st.tuples(NO_NAME)) | st.builds(b"rpm name %b noarch".__mod__, st.tuples(NO_VERSION)) | st.builds(b"rpm name 0:1-1 %b".__mod__, st.tuples(NO_ARCHITECTURE))
)  # fmt: skip


@settings(max_examples=1000 if FULL else 200)
@given(HOSTILE_LINES, st.integers(0, len(LIST)))
def test_one_line_that_is_no_package_refuses_the_whole_list_of_a_system(line: bytes, at: int) -> None:
    lines = [b"arch x86_64 root", *LIST[:at], line, *LIST[at:]]
    with pytest.raises(SshsyncError, match="what rpm lists there cannot be true") as found:
        scan(RPM, b"".join(TOKEN + b" " + one + b"\n" for one in lines))
    assert found.value.code == 9
    assert str(found.value).isprintable() and len(str(found.value)) < 400


@pytest.mark.parametrize("said", [b"arch x86_64", b"arch", b"root", b"none", b"none a b", b"rpm", b"{", b'{"work": 7}', b'{"left": ["a", 1]}', b"[]", b"{" * 20000])
def test_what_is_said_of_a_system_beside_its_packages_is_whole_or_refuses_the_list(said: bytes) -> None:
    with pytest.raises(SshsyncError, match="what rpm lists there cannot be true") as found:
        scan(RPM, b"".join(TOKEN + b" " + one + b"\n" for one in [b"arch x86_64 root", *LIST, said]))
    assert found.value.code == 9
    assert str(found.value).isprintable() and len(str(found.value)) < 400


def test_a_list_without_end_is_refused() -> None:
    with pytest.raises(SshsyncError, match="more than 200000 packages"):
        scan(RPM, b"".join(TOKEN + b" rpm p%d 0:1-1 noarch\n" % number for number in range(200_001)))


ANY = st.binary(max_size=60) | st.sampled_from([b"[" * 100_000, b'{"name": ' + b"1" * 5000 + b"}", b"null", b"[]", b"\xff\xfe", b'{"name": "\\ud800", "version": "1"}'])


@given(st.lists(ANY, max_size=4), st.sampled_from([PIP, RPM]))
def test_whatever_a_host_says_is_a_list_or_a_refusal(lines: list[bytes], kind: Kind) -> None:
    payload = b"".join(TOKEN + b" " + line + b"\n" for line in lines)
    try:
        found = scan(kind, payload)
    except SshsyncError:
        return
    assert all(key and all(33 <= byte < 127 for byte in key) for key in found.items)


@pytest.mark.parametrize(
    ("kind", "status", "errors", "path", "words"),
    [
        (PIP, 45, b"", "", "cannot list its packages: status 45"),
        (PIP, 44, b"", "", "has no python3"),
        (PIP, 48, b"", "/srv/app", "/srv/app/bin/python is missing"),
        (PIP, 1, b"Traceback:\nImportError: no module named json", "/srv/app", "/srv/app/bin/python cannot list its packages: ImportError: no module named json"),
        (RPM, 48, b"", "", "has no rpm"),
        (RPM, 1, b"error: cannot open Packages database in /var/lib/rpm", "", "rpm cannot list its packages: error: cannot open Packages"),
    ],
)
def test_why_nothing_was_listed_is_told(kind: Kind, status: int, errors: bytes, path: str, words: str) -> None:
    with pytest.raises(SshsyncError, match=words) as found:
        scan(kind, b"", status=status, errors=errors, path=path)
    assert str(found.value).startswith("web.x: ")


@pytest.mark.parametrize(
    ("kind", "include", "exclude", "tools", "taken"),
    [
        (PIP, (), (), False, {"django", "zope-interface"}),
        (PIP, (), (), True, {"django", "zope-interface", "pip", "setuptools"}),
        (PIP, ("Zope_*", "pip"), (), False, {"zope-interface", "pip"}),
        (PIP, (), ("DJANGO",), False, {"zope-interface"}),
        (RPM, (), (), False, {"django", "zope-interface", "pip", "setuptools"}),
    ],
)
def test_what_takes_part(kind: Kind, include: tuple[str, ...], exclude: tuple[str, ...], tools: bool, taken: set[str]) -> None:
    test = kind.wanted(values.repository("x", host=values.host(), include=include, exclude=exclude, tools=tools))
    assert {name for name in ("django", "zope-interface", "pip", "setuptools") if test(name.encode())} == taken


def configured(text: str) -> Config:
    return resolve(parse(text.encode(), "f.conf"), ACCOUNT, builtin.known())


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as found:
        configured(text)
    return [str(problem) for problem in found.value.problems]


HOST = "[app]\nhost = app.example.org\nuser = joe\npath = /srv/files\nexclude = *.tmp\ntimeout = 90\ngroups = web\n"


def test_from_another_type_comes_what_concerns_the_host() -> None:
    found = configured(HOST + "[app.pip]\ninherit = app\ntype = pip\n[app.two]\ninherit = app.pip\npython = python3.12\n").tree.repositories
    for name in ("app.pip", "app.two"):
        one = found[name]
        assert (one.type, one.host.address, one.host.login.user, one.host.timeout, one.groups) == ("pip", "app.example.org", "joe", 90.0, ("web",))
        assert (one.path, one.exclude) == ("", ())
    assert found["app.two"].python == "python3.12"


def test_a_type_by_default_is_a_type_like_any_other() -> None:
    found = configured("[DEFAULT]\ntype = rpm\n[a]\nhost = a\n[b]\nhost = b\ninherit = a\n[c]\nhost = c\ntype = files\npath = /srv\n").tree.repositories
    assert [found[name].type for name in "abc"] == ["rpm", "rpm", "files"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("stable_for = 10", "stable_for makes no sense with type = pip (what is installed is listed"),
        ("digest = md5", "digest makes no sense with type = pip"),
        ("synccmd = scp ${FILE} ${LOCALDIR}", "synccmd makes no sense"),
    ],
)
def test_options_of_files_are_refused_with_the_reason(line: str, words: str) -> None:
    found = problems(HOST + f"[app.pip]\ninherit = app\ntype = pip\n{line}\n")
    assert any(one.startswith("f.conf:11: [app.pip] ") and words in one for one in found), found


def test_options_of_a_resolver_are_refused_where_there_is_none() -> None:
    for option in ("besides = any", "held = change"):
        name = option.split()[0]
        found = problems(HOST + f"{option}\n[app.pip]\ninherit = app\ntype = pip\n{option}\n")
        assert any(f"[app.pip] {name} makes no sense with type = pip (it concerns dnf" in one for one in found), found
        assert any(f"[app] {name} makes no sense with type = files (it concerns dnf" in one for one in found), found


def test_options_of_environments_are_refused_elsewhere() -> None:
    assert any("python makes no sense with type = files (it concerns" in one for one in problems(HOST + "python = python3\n"))
    assert any("tools makes no sense with type = rpm" in one for one in problems("[a]\nhost = a\ntype = rpm\ntools = yes\n"))


def test_what_stands_in_default_is_for_those_whom_it_concerns() -> None:
    assert configured("[DEFAULT]\nstable_for = 10\n[a]\nhost = a\ntype = rpm\n").tree.repositories["a"].type == "rpm"


def test_defaults_for_files_are_none_for_packages() -> None:
    found = configured("[DEFAULT]\npath = /srv/files\ninclude = *.jar\ntimeout = 90\n[a]\nhost = a\n[a.pip]\ninherit = a\ntype = pip\n").tree.repositories
    assert (found["a"].path, found["a"].include) == ("/srv/files", ("*.jar",))
    assert (found["a.pip"].path, found["a.pip"].include, found["a.pip"].host.timeout) == ("", (), 90.0)


def test_two_pythons_of_one_host_are_two_repositories() -> None:
    two = "[a]\nhost = a\ntype = pip\n[b]\nhost = a\ntype = pip\npython = python3.12\n[c]\nhost = a\ntype = rpm\n"
    assert set(configured(two).tree.repositories) == {"a", "b", "c"}
    assert any("they are one" in one for one in problems(two + "[d]\nhost = a\ntype = pip\n"))


def test_no_option_is_asked_for_that_packages_do_not_need() -> None:
    assert set(configured("[a]\nhost = a\ntype = rpm\n[b]\nhost = b\ntype = pip\n").tree.repositories) == {"a", "b"}


def sent(request: Request) -> list[bytes]:
    """Return the programs in Python that a host may be told to carry out: of more than one, it takes the one that fits."""
    variables = request.command.variables
    return [variables["PROGRAM"] + variables.get(dnf, b"") for dnf in ("DNF4", "DNF5")]


@pytest.mark.parametrize("mode", ["wait", "fetch"])
@pytest.mark.parametrize("request_for", [of_pip.job, of_rpm.job])
def test_the_parts_of_a_program_for_hosts_give_each_name_one_meaning(request_for: Callable[..., Request], mode: str) -> None:
    """They are one program there: what one calls as another would have it be somebody else's."""
    for text in sent(request_for(values.repository("app", host=values.host()), mode, {})):
        program = ast.parse(text)
        made = [one.name for one in program.body if isinstance(one, ast.FunctionDef | ast.ClassDef)]
        named = [target.id for one in program.body if isinstance(one, ast.Assign) for target in one.targets if isinstance(target, ast.Name)]
        assert [name for name, count in Counter([*made, *named]).items() if count > 1] == []
        assert len(made) > 10


def test_who_only_looks_or_waits_sends_no_resolver_along() -> None:
    """A job of hours is asked for every few seconds, and an unchanged system is looked at each night: also over 1 KB/s."""
    repository = values.repository("app", "model", host=values.host())
    looks = [Rpm().request(Subject(repository, Capabilities(), TOKEN, "version"), make=make) for make in (False, True)]
    waits = [of_rpm.job(repository, mode, {}) for mode in ("wait", "settle", "keep", "rotate", "clear")]
    sizes = [sum(map(len, request.command.variables.values())) for request in (*looks, *waits)]
    assert max(sizes[:2]) < 3_000
    assert max(sizes) < 10_000 < sum(map(len, of_rpm.job(repository, "fetch", {}).command.variables.values())) < 45_000
