"""The configuration: everything that is wrong at once, with its place and a suggestion."""

from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync import builtin
from sshsync.config.load import parse, read
from sshsync.config.render import INSTALLED, reference, sample
from sshsync.config.rates import bandwidth
from sshsync.config.resolve import Account, Settings, resolve
from sshsync.config.schema import GlobalOptions, RepositoryOptions
from sshsync.errors import ConfigError
from sshsync.model.policy import MaxDelete
from sshsync.model.topology import Host, Repository
from tests.conftest import ACCOUNT, CHAIN

NAMES = builtin.known()

ARTICLE = r"""
[repomaster]
user = repoowner
password = ******
host = 192.168.0.1
path = /home/repoowner/apprepo
listcmd = find ${REPOPATH} -type f
digestcmd = if [ -f ${FILEPATH} ]; then sha1sum ${FILEPATH} | cut -d' ' -f1; else echo \'NONE\'; fi

[repoproxy]
user = proxyrunner
password = ******
host = 192.168.1.1
path = /dat/repoproxy
parent = repomaster
listcmd = find ${REPOPATH} -type f
digestcmd = if [ -f ${FILEPATH} ]; then sha1sum ${FILEPATH} | cut -d' ' -f1; else echo \'NONE\'; fi
synccmd = scp -p -i /home/proxyrunner/.ssh/id_rsa ${REMOTEUSER}@${REMOTEHOST}:${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}
"""


LOOSE = ["StrictHostKeyChecking=no", "StrictHostKeyChecking=accept-new", "'stricthostkeychecking off'", "UserKnownHostsFile=/dev/null", "GlobalKnownHostsFile=/dev/null", "NoHostAuthenticationForLocalhost=yes"]


def config(text: str):
    return resolve(parse(text.encode(), "f.conf"), ACCOUNT, NAMES)


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config(text)
    assert caught.value.code == 3
    return [str(problem) for problem in caught.value.problems]


def test_the_articles_configuration_loads_unchanged() -> None:
    found = config(ARTICLE)
    proxy = found.tree.repositories["repoproxy"]
    assert proxy.parent == "repomaster"
    assert proxy.host.login.user == "proxyrunner"
    assert proxy.host.login.password == "", "a password of only stars is none"
    assert "${REMOTEUSER}@${REMOTEHOST}" in proxy.commands.sync
    assert found.warnings == ()


def test_defaults_and_shared_values() -> None:
    found = config(CHAIN).tree.repositories
    assert found["proxy"].stable_for == 0
    assert found["proxy"].host.login.user == "tester"
    assert found["proxy"].max_delete == MaxDelete(1000, 25)
    assert found["proxy"].peer_host == "proxy"
    assert found["proxy"].peer_port == 22


def test_values_of_every_kind() -> None:
    found = config(
        "[m]\nhost=h\nport=2222\npath=/a//b/\nkey_file=~/k\ndelete=yes\nmax_delete=10,5%\nstable_for=5m\n"
        "timeout=1h\nexclude=\n  *.tmp\n  # a comment\n  !keep.tmp\nretries=9\npeer_host=p\npeer_port=9\ndigest=sha1\n"
        "[c]\ntransport=local\npath=/c\nparent=m\nallow_empty=on\n"
    )
    m, c = found.tree.repositories.values()
    assert (m.host.port, m.path, m.host.login.key_file) == (2222, "/a/b", "/home/tester/k")
    assert (m.delete, m.max_delete, m.stable_for, m.host.timeout) == (True, MaxDelete(10, 5), 300, 3600)
    assert m.exclude == ("*.tmp", "!keep.tmp")
    assert (m.retries.transient, m.peer_host, m.peer_port, m.digest) == (9, "p", 9, "sha1")
    assert c.host.transport == "local"
    assert c.allow_empty
    assert found.origins["m"]["port"] == "f.conf:3"


@pytest.mark.parametrize("kind", [Settings, Repository, Host, MaxDelete])
def test_a_default_stands_in_the_option_table_only(kind: type) -> None:
    options = {*RepositoryOptions.model_fields, *GlobalOptions.model_fields, "count", "percent"} - {"via"}
    assert [found.name for found in fields(kind) if found.name in options and found.default is not MISSING] == []


def test_a_range_of_repositories() -> None:
    found = config("[m]\nhost=h\npath=/m\n[node[08-10]]\nhost = app{n}.example\npath = /dat/{n}\nparent = m\ngroups = java, site-a\n")
    assert list(found.tree.repositories) == ["m", "node08", "node09", "node10"]
    node = found.tree.repositories["node09"]
    assert (node.host.address, node.path, node.groups) == ("app09.example", "/dat/09", ("java", "site-a"))
    assert found.origins["node09"]["path"] == "f.conf:6"


def test_inherited_values() -> None:
    found = config(
        "[m]\nhost=h\npath=/m\n[a]\nhost=a\npath=/a\nparent=m\ndelete=yes\nport=23\n[b]\ninherit=a\nhost=b\n"
        "[c]\ninherit=b\nhost=c\nport=24\n"
    ).tree.repositories
    assert (found["b"].host.address, found["b"].host.port, found["b"].path, found["b"].delete) == ("b", 23, "/a", True)
    assert (found["c"].host.port, found["c"].parent, found["c"].delete) == (24, "m", True)


JUMPS = "[j]\nhost=j\npath=/j\npassword=hunter2\n[k]\nhost=j\npath=/k\npassword=hunter2\n[l]\ntransport=local\npath=/l\n"


def test_a_jump_host_is_a_value_whatever_names_it() -> None:
    found = config(
        f"{JUMPS}[a]\nhost=a\npath=/a\nvia=j\n[b]\nhost=a\npath=/b\nvia=k\n[c]\nhost=c\npath=/c\nvia=a\n[d]\nhost=d\npath=/d\nvia=l\n"
    ).tree.repositories
    assert found["a"].host == found["b"].host, "they share one connection"
    assert len({repository.host for repository in found.values()}) == 5
    assert found["c"].host.via is found["a"].host
    assert found["a"].host.via is found["j"].host
    assert found["d"].host.via is None, "what lies behind this host is reached from here"
    assert "hunter2" not in repr(found["c"].host)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[m]\nhost=h\npath=/a\ninherit=x", "inherit 'x' is not a section"),
        ("[m]\nhost=h\npath=/a\ninherit=m", "runs in a circle"),
        ("[a[2-1]]\nhost=h\npath=/a", "runs backwards"),
        ("[a1]\nhost=h\npath=/a\n[a[1-2]]\nhost=g{n}\npath=/a", "makes [a1] again; first at f.conf:1"),
        ("[a]\nhost=h\npath=/a\ngroups=b!", "no name for a group"),
        ("[m]\nhost=h\npath=/a\nparnet=x", "f.conf:4: [m] unknown key 'parnet' (did you mean parent?)"),
        ("[m]\nhost=h\npath=/a\nstate_dir=/x", "it belongs in [sshsync]"),
        ("[sshsync]\npath=/x\n[m]\nhost=h\npath=/a", "it belongs in a repository or [DEFAULT]"),
        ("[m]\nhost=h\npath=/a\nparent=nobody", "f.conf:4: [m] parent 'nobody' is not a repository"),
        ("[mast]\nhost=h\npath=/a\n[c]\nhost=g\npath=/a\nparent=mats", "did you mean mast?"),
        ("[a]\nhost=h\npath=/a\nparent=b\n[b]\nhost=g\npath=/a\nparent=a", "runs in a circle"),
        ("[m]\nhost=h\npath=/a\nvia=x", "f.conf:4: [m] via 'x' is not a repository"),
        ("[a]\nhost=h\npath=/a\nvia=b\n[b]\nhost=g\npath=/a\nvia=a", "f.conf:4: [a] via runs in a circle: a -> b -> a"),
        ("".join(f"[h{n}]\nhost=h{n}\npath=/a\nvia=h{n - 1}\n" for n in range(1, 2000)) + "[h0]\nhost=h0\npath=/a", "more than 16 jump hosts"),
        ("[a]\nhost=h\npath=/a\n[b]\nhost=h\npath=/a/\nparent=a", "shares its root with [a]"),
        ("[a]\nhost=h\npath=/a\ntransport=local\n[b]\nhost=g\npath=/a/b\ntransport=local\nparent=a", "[b] shares its root with [a]"),
        (f"{JUMPS}[a]\nhost=h\npath=/a\nvia=j\n[b]\nhost=h\npath=/a\nvia=k\n", "[b] shares its root with [a]"),
        ("[m]\nhost=-oProxyCommand=x\npath=/a", "must not start with '-'"),
        ("[m]\nhost=h\nuser=-x\npath=/a", "must not start with '-'"),
        ("[m]\nhost=h x\npath=/a", "must not hold spaces or control characters"),
        ("[m]\nhost=h\x01\npath=/a", "control characters"),
        ("[m]\nhost=h\npath=relative", "must be an absolute path"),
        ("[m]\nhost=h\npath=//", "must not be the whole host"),
        ("[m]\nhost=h\npath=/" + "a" * 4096, "is longer than any path"),
        ("[m]\nhost=h\npath=/a\nlistcmd=find " + "a" * 8192, "must not be longer than 8192 bytes"),
        ("[m]\nhost=h\npath=/a/../b", "must not hold '.' or '..'"),
        ("[m]\nhost=h\npath=/a\x7f", "control characters"),
        ("[m]\nhost=h", "path is missing"),
        ("[m]\nhost=h\npath=", "path is missing"),
        ("[m]\npath=/a", "host is missing"),
        ("[m]\nhost=h\npath=/a\nport=99999", "f.conf:4: [m] port:"),
        ("[m]\nhost=h\npath=/a\nport=x", "[m] port:"),
        ("[m]\nhost=h\npath=/a\ndelete=maybe", "[m] delete:"),
        ("[m]\nhost=h\npath=/a\ntransport=ftp", "[m] transport 'ftp' is not known"),
        ("[m]\nhost=h\npath=/a\nmax_delete=many", "must be a number, a percentage or both"),
        ("[m]\nhost=h\npath=/a\nstable_for=soon", "must be a time such as 90"),
        ("[m]\nhost=h\npath=/a\nshell=sh -c", "absolute path of a POSIX shell"),
        ("[m]\nhost=h\npath=/a\nexclude=!", "pattern '!'"),
        ("[m]\nhost=h\npath=/a\nsynccmd=cp ${FILE} x", "needs ${FILE} and ${LOCALDIR}"),
        ("[m]\nhost=h\npath=/a\nlistcmd=find ${REPOPAHT}", "did you mean ${REPOPATH}?"),
        ("[m]\nhost=h\npath=/a\n[m]\nhost=h\npath=/b", "stands here again; first at f.conf:1"),
        ("[m]\nhost=h\nhost=g\npath=/a", "host is set again; first at f.conf:2"),
        ("host=h\n[m]\nhost=h\npath=/a", "before the first [section]"),
        ("[]\nhost=h\npath=/a", "[] is no name for a repository"),
        ("[]\nhost=h\npath=/a\nsynccmd=cp ${FILE} x", "[] synccmd needs ${FILE} and ${LOCALDIR}"),
        ("[]\nhost=h\npath=/a\n[m]\nhost=h\npath=/b", "[] is no name for a repository"),
        ("[m]\nhost=h\npath=/a\nwhat is this", "is neither a [section] nor a key = value"),
        ("[-m]\nhost=h\npath=/a", "no name for a repository"),
        ("[a,b]\nhost=h\npath=/a", "no name for a repository"),
        ("[sshsync]\nplan.x = --sink a\n[m]\nhost=h\npath=/a", "f.conf:2: [sshsync] plan.x: '--sink' is neither --sync A,B nor --all"),
        ("[sshsync]\nplan.x = --sync\n[m]\nhost=h\npath=/a", "must be --sync A --sync B,C, or --all"),
        ("[sshsync]\nplan.x = --sync 'a\n[m]\nhost=h\npath=/a", "cannot be read"),
        ("[sshsync]\nplan.x = --sync b\n[m]\nhost=h\npath=/a\n[c]\nhost=g\npath=/a\nparent=m", "unknown repository 'b'"),
        ("[sshsync]\nplan.x = --sync m\n[m]\nhost=h\npath=/a\n[c]\nhost=g\npath=/a\nparent=m", "m is a master"),
        ("[sshsync]\nplan.- = --all\n[m]\nhost=h\npath=/a\n[c]\nhost=g\npath=/a\nparent=m", "is no name for a plan"),
        ("", "no repository is configured"),
        ("[m]\nhost=h\npath=/a\ntransport=local\nvia=x", "cannot have a via"),
        ("[m]\nhost=h\npath=/a\n[c]\nhost=g\npath=/a\nparent=m\ntransfer=command", "transfer = command needs a synccmd"),
        *((f"[m]\nhost=h\npath=/a\nsshcmd=ssh -o {loose} ${{REMOTEHOST}}", "must not loosen the check of host keys") for loose in LOOSE),
        ("[m]\nhost=h\npath=/a\nsshcmd=sshpass -p ${REMOTEPASSWORD} ssh ${REMOTEHOST}", "sshcmd gets no password"),
        ("[m]\nhost=h\npath=/a\nsshcmd=ssh ${REMOTEHOTS}", "did you mean ${REMOTEHOST}"),
        ("[m]\nhost=h\npath=/a\ndigest=md5\n[c]\nhost=g\npath=/a\nparent=m\ndigest=sha1", "one chain compares one digest"),
    ],
)
def test_rows_78_to_80_each_fault_is_told_with_its_place(text: str, words: str) -> None:
    assert any(words in problem for problem in problems(text)), problems(text)


def test_an_sshcmd_that_checks_host_keys_is_taken_as_it_is() -> None:
    words = "ssh -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/etc/known ${REMOTEHOST}"
    text = f"[m]\nhost=h\nuser=u\npath=/a\npeer_user=reader\n[n]\nhost=n\npath=/n\nuser=v\n[c]\nhost=g\npath=/a\nparent=m\ntransfer=direct\nsshcmd={words}"
    found = config(text)
    repositories = found.tree.repositories
    assert found.warnings == ()
    assert repositories["c"].commands.ssh == words
    assert not repositories["c"].forward_agent
    assert [repositories[name].peer_user for name in ("m", "n")] == ["reader", "v"]
    assert "BatchMode=yes" in repositories["m"].commands.ssh, "what is taken by default never asks"


def test_row_78_all_faults_are_told_at_once_in_file_order() -> None:
    found = problems("[m]\nhost=-h\nport=x\npath=rel\nfoo=1\n[c]\npath=/c\nparent=m\ndelete=x\n")
    assert len(found) == 6
    places = [int(problem.split(":")[1]) for problem in found]
    assert places == sorted(places)


def test_row_78_text_that_is_not_utf8_is_told_by_line() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(parse(b"[m]\nhost=h\npath=/\xff\n", "f.conf"), ACCOUNT)
    assert "f.conf:3: is no UTF-8 text" in str(caught.value)


def test_warnings_do_not_stop() -> None:
    found = config("[m]\nhost=h\npath=/a\nlistcmd=find ${WHATEVER} ${REMOTEPASSWORD}\n")
    assert [w.text for w in found.warnings] == [
        "[m] listcmd uses ${WHATEVER}, which sshsync does not set",
        "[m] listcmd uses a password: the commands it starts may show it in `ps`",
    ]


def test_secrets_do_not_show() -> None:
    found = config("[m]\nhost=h\npath=/a\npassword=hunter2\n")
    assert "hunter2" not in repr(found.tree)
    assert "hunter2" not in " ".join(problems("[m]\nhost=h\npath=/a\npassword=hunter2\x01\n"))


def test_a_file_that_others_may_change_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "c"
    file.write_text(CHAIN)
    file.chmod(0o666)
    assert any("others may change it" in str(problem) for problem in read(file).problems)
    file.chmod(0o600)
    assert read(file).problems == []
    with pytest.raises(ConfigError, match="config init"):
        read(tmp_path / "absent")


@pytest.mark.parametrize(
    ("mode", "value", "refused"),
    [
        (0o600, "hunter2", False),
        (0o640, "hunter2", False),
        (0o644, "hunter2", True),
        (0o644, "******", False),
        (0o644, "${env:APP_PASSWORD}", False),
    ],
)
def test_a_password_in_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int, value: str, refused: bool) -> None:
    file = tmp_path / "c"
    file.write_text(f"{CHAIN}password = {value}\n")
    file.chmod(mode)
    found = [str(problem) for problem in read(file).problems]
    line = CHAIN.count("\n") + 1
    assert found == [f"{file}:{line}: [node2] password stands in a file that others may read (chmod 600 {file}, or use password_file)"] * refused


def test_what_is_in_the_environment_is_filled_in() -> None:
    account = Account("me", "/home/me", "/var/lib/sshsync", {"HOME": "/home/me", "SITE": "berlin", "WHO": "app", "PW": "hunter2"})
    text = (
        "[sshsync]\nstate_dir = ${HOME}/state\nnotify_command = sh -c 'echo ${SSHSYNC_RUN} ${env:SITE}'\n"
        "[m]\nhost = ${env:SITE}.example\nuser = ${env:WHO}\npassword = ${env:PW}\nkey_file = ${env:HOME}/key\npath = /a\n"
        "digestcmd = sha1sum ${FILEPATH}\n"
    )
    found = resolve(parse(text.encode(), "f.conf"), account)
    master = found.tree.repositories["m"]
    assert found.settings.state_dir == "/home/me/state"
    assert found.settings.notify_command == "sh -c 'echo ${SSHSYNC_RUN} berlin'", "a command knows its own variables"
    assert (master.host.address, master.host.login.user, master.host.login.key_file) == ("berlin.example", "app", "/home/me/key")
    assert master.host.login.password == "hunter2"
    assert master.commands.digest == "sha1sum ${FILEPATH}"
    assert "hunter2" not in repr(account)


def test_what_is_not_in_the_environment_is_told_once_and_where() -> None:
    text = "[sshsync]\nstate_dir = ${HOEM}/state\n[DEFAULT]\nuser = ${env:WHO}\n[m]\nhost = h\npath = /a\n[c[1-3]]\nhost = c{n}\npath = /a\nparent = m\n"
    with pytest.raises(ConfigError) as caught:
        resolve(parse(text.encode(), "f.conf"), ACCOUNT)
    assert [str(problem) for problem in caught.value.problems] == [
        "f.conf:2: [sshsync] state_dir: 'HOEM' is not set in the environment",
        "f.conf:4: [DEFAULT] user: 'WHO' is not set in the environment",
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("port = x", "port: must be a whole number"),
        ("port = 1.5", "port: must be a whole number"),
        (f"port = {'9' * 5000}", "port: must be a smaller number"),
        ("port = 0", "port: must be at least 1"),
        ("port = 65536", "port: must be at most 65535"),
        ("delete = maybe", "delete: must be yes or no"),
        ("digest = crc32", "digest: must be one of md5, sha1, sha256, sha512"),
        ("transfer = ftp", "transfer: must be one of auto, relay, command, scp, direct"),
        ("timeout = 0", "timeout: must be at least 1"),
    ],
)
def test_what_a_value_has_to_be_is_said_in_our_words(line: str, words: str) -> None:
    assert problems(f"[m]\nhost = h\npath = /a\n{line}\n") == [f"f.conf:4: [m] {words}"]


@given(st.sampled_from([*RepositoryOptions.model_fields, *GlobalOptions.model_fields]), st.text(max_size=12))
def test_no_library_speaks_of_any_value(key: str, value: str) -> None:
    section = "[m]" if key in RepositoryOptions.model_fields else "[sshsync]"
    text = f"[m]\nhost = h\npath = /a\n{section}\n{key} = {value}\n".replace("/a\n[m]", "/a")
    said = ""
    try:
        config(text)
    except ConfigError as error:
        said = str(error).replace(repr(value), "")
    for words in ("nput should", "unable to", "pydantic", "alid string", "no value for it"):
        assert words not in said


@pytest.mark.parametrize("value", ["500k", "500K", "0.5m", "0.5M"])
def test_units_of_a_rate_may_be_capitals_or_not(value: str) -> None:
    found = config(f"[m]\nhost = h\npath = /a\nbwlimit = {value}\n").tree.repositories["m"]
    assert found.bwlimit == bandwidth("500000")


def test_names_of_kinds_and_transports_are_those_of_the_tables() -> None:
    text = b"[m]\nhost = h\npath = /m\ntype = file\n[c]\nhost = c\npath = /c\ntransport = carrier-pigeon\n"
    with pytest.raises(ConfigError) as caught:
        resolve(parse(text, "f.conf"), ACCOUNT, NAMES)
    assert [(problem.place, problem.text) for problem in caught.value.problems] == [
        ("f.conf:4", "[m] type 'file' is not known"),
        ("f.conf:8", "[c] transport 'carrier-pigeon' is not known"),
    ]
    assert [problem.hint for problem in caught.value.problems] == ["did you mean files?", "it is one of: ssh, local"]


def test_a_child_is_of_its_parents_type() -> None:
    text = b"[m]\nhost = h\npath = /m\n[c]\nhost = c\npath = /c\nparent = m\ntype = other\n"
    with pytest.raises(ConfigError, match="type 'other' is not that of its parent m"):
        resolve(parse(text, "f.conf"), ACCOUNT)


def test_sample_and_reference_come_from_the_table() -> None:
    fields = {**RepositoryOptions.model_fields, **GlobalOptions.model_fields}
    for name, entry in fields.items():
        assert f"\n#{name} = " in sample() or f"\n#{name} =" in sample()
        assert f"| `{name}` |" in reference()
        assert entry.description
    root = Path(__file__).resolve().parents[2]
    assert (root / "etc" / "sshsync.conf").read_text() == sample(INSTALLED), "run script/docs"
    assert (root / "docs" / "configuration.md").read_text() == reference(), "run script/docs"


def test_the_sample_is_valid_but_for_its_missing_repositories() -> None:
    assert problems(sample(INSTALLED)) == problems(sample())
    assert problems(sample()) == ["f.conf: no repository is configured (add a [name] section with a path)"]
    lines = [line.removeprefix("# ") for line in sample().splitlines()]
    example = "\n".join(lines[lines.index("[repomaster]") : lines.index("Then: sshsync --sync repoproxy --sync appnode1")])
    assert list(config(example).tree.repositories) == ["repomaster", "repoproxy", "appnode1"]


KEYS = st.sampled_from([*RepositoryOptions.model_fields, "nonsense"])
VALUES = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(["/a", "h", "22", "yes", "m", "local"])


@given(st.lists(st.tuples(KEYS, VALUES), max_size=8), st.lists(st.tuples(KEYS, VALUES), max_size=8))
def test_no_text_crashes_the_reader(one: list, two: list) -> None:
    text = "[m]\n" + "".join(f"{k} = {v}\n" for k, v in one) + "[c]\nparent = m\n" + "".join(f"{k} = {v}\n" for k, v in two)
    try:
        config(text)
    except ConfigError as error:
        assert error.problems


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(content: bytes) -> None:
    try:
        resolve(parse(content, "f"), ACCOUNT)
    except ConfigError as error:
        assert error.problems


@given(st.dictionaries(st.sampled_from(["host", "user", "listcmd", "via"]), st.from_regex(r"[a-z$ {}]{1,10}", fullmatch=True)))
def test_values_come_back_as_written(values: dict[str, str]) -> None:
    raw = parse(("[m]\n" + "".join(f"{k} = {v}\n" for k, v in values.items())).encode(), "f")
    assert {k: v.text for k, v in raw.sections["m"].values.items()} == {k: v.strip() for k, v in values.items()}


def test_plans() -> None:
    chain = "[m]\nhost=h\npath=/a\n[p]\nhost=g\npath=/a\nparent=m\n[n[1-2]]\nhost=n{n}\npath=/a\nparent=p\ngroups=x\n"
    made = config("[sshsync]\nplan.nightly = --sync p\n   -s n[1-2]\nplan.rest = --sync=p --sync=@x\nplan.all = --all\n" + chain)
    assert made.settings.plans == {"nightly": ("p", "n[1-2]"), "rest": ("p", "@x"), "all": ()}
