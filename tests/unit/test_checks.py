"""What the configuration names on the controller: whatever cannot be used is told with its place, before anything is contacted."""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel

from sshsync import checks
from sshsync.api import Sync
from sshsync.config.load import parse
from sshsync.config.resolve import Config, resolve
from sshsync.errors import ConfigError, StateError
from sshsync.transports.ssh_auth import load_key, printed_by, read_password
from tests.conftest import ACCOUNT

SITE = """[sshsync]
state_dir = {state}
{settings}
[m]
host = m
path = /m
{login}
[c]
host = c
path = /c
parent = m
via = m
"""


def made(tmp_path: Path, login: str = "", settings: str = "") -> Config:
    text = SITE.format(state=tmp_path / "state", login=login, settings=settings)
    return resolve(parse(text.encode(), "f.conf"), ACCOUNT)


def problems(config: Config) -> list[str]:
    try:
        checks.everything(config)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, Path]:
    """Files that hold no secret, each in its way."""
    found = {name: tmp_path / name for name in ("missing", "directory", "broken", "empty", "no first line", "binary", "foreign")}
    found["directory"].mkdir()
    found["broken"].symlink_to(tmp_path / "nowhere")
    contents = {"empty": b"", "no first line": b"\nsecret\n", "binary": b"p\xff\xfew\n", "foreign": b"secret\n"}
    for name, content in contents.items():
        found[name].write_bytes(content)
        found[name].chmod(0o600)
    return found


WORDS = {
    "missing": "No such file",
    "directory": "is no regular file",
    "broken": "No such file",
    "empty": "its first line is empty",
    "no first line": "its first line is empty",
    "binary": "is no UTF-8 text",
}


@pytest.mark.parametrize("name", WORDS)
def test_a_password_file_that_holds_none_is_told_with_its_place(tmp_path: Path, odd: dict[str, Path], name: str) -> None:
    config = made(tmp_path, f"password_file = {odd[name]}")
    (told,) = problems(config)
    assert told.startswith(f"f.conf:7: password file {odd[name]}")
    assert WORDS[name] in told
    with pytest.raises(StateError):
        read_password(odd[name])
    with Sync(config) as sync:
        for call in (lambda: sync.run([["c"]]), lambda: sync.survey(["c"])):
            with pytest.raises(ConfigError, match=r"f\.conf:7"):
                call()


NO_KEYS = [(name, "") for name in ("missing", "directory", "broken", "empty", "binary")]
NO_KEYS += [(name, "\nkey_passphrase_command = cat") for name in ("missing", "directory", "broken")]


@pytest.mark.parametrize(("name", "more"), NO_KEYS)
def test_a_key_file_that_holds_no_key_is_told_with_its_place(tmp_path: Path, odd: dict[str, Path], name: str, more: str) -> None:
    (told,) = problems(made(tmp_path, f"key_file = {odd[name]}{more}"))
    assert told.startswith(f"f.conf:7: key file {odd[name]}")


@pytest.mark.parametrize("content", [b"", b"\x00" * 50, b"\xff" * 50, b"-----BEGIN OPENSSH PRIVATE KEY-----\n", b"ssh-ed25519 AAAA x\n",
    b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n", b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAA\n-----END OPENSSH PRIVATE KEY-----\n"])  # fmt: skip
def test_whatever_is_no_key_is_an_error_with_words(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(StateError, match="key file"):
        load_key(file)


def test_secrets_of_another_account_are_told_by_whoever_may_not_read_them(tmp_path: Path) -> None:
    """Root's own file, mode 0600, in the hands of the service's account."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    secret.chmod(0o600)
    for above in tmp_path.parents:
        if above.stat().st_mode & 0o001 == 0:
            above.chmod(above.stat().st_mode | 0o011)
    tmp_path.chmod(0o711)
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom sshsync.errors import StateError\nfrom sshsync.transports import ssh_auth\n"
        f"file = Path({str(secret)!r}); os.setuid(65534)\n"
        "for use in (ssh_auth.read_password, ssh_auth.load_key, lambda f: ssh_auth.check_readable(f, 'key file')):\n"
        "    try: use(file)\n    except StateError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stderr
    assert all("Permission denied" in line for line in lines)


@pytest.mark.parametrize(("content", "password"), [(b"secret", "secret"), (b"s\x0bec ret \r\nx", "s\x0bec ret "), ("gehe\u2028im\n".encode(), "gehe\u2028im")])
def test_a_password_is_the_first_line_whatever_it_is_made_of(tmp_path: Path, content: bytes, password: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    file.chmod(0o600)
    assert read_password(file) == password


def test_the_jump_hosts_secrets_count(tmp_path: Path, odd: dict[str, Path]) -> None:
    with pytest.raises(ConfigError):
        checks.secrets(made(tmp_path, f"password_file = {odd['empty']}"), ["c"])


def test_known_hosts_that_cannot_be_read_are_told(tmp_path: Path, odd: dict[str, Path]) -> None:
    (told,) = problems(made(tmp_path, f"known_hosts = {odd['directory']}"))
    assert told.startswith(f"f.conf:7: cannot read {odd['directory']}: Is a directory")
    assert problems(made(tmp_path, f"known_hosts = {odd['missing']}")) == [], "a file that is not there says nothing"


@pytest.mark.parametrize("option", ["password_command", "key_passphrase_command"])
@pytest.mark.parametrize(("command", "words"), [("it's", "No closing quotation"), ("no-such-program-here x", "not on the PATH"), ("/nonexistent/x", "No such file")])
def test_programs_that_cannot_be_run_are_told(tmp_path: Path, option: str, command: str, words: str) -> None:
    (told,) = problems(made(tmp_path, f"{option} = {command}"))
    assert told.startswith(f"f.conf:7: {option}: ")
    assert words in told
    with pytest.raises(StateError):
        printed_by(command, option)


@pytest.mark.parametrize("option", ["log_file", "lock_file", "report_dir", "metrics_file", "status_file"])
def test_where_nothing_can_be_written_is_told(tmp_path: Path, odd: dict[str, Path], option: str) -> None:
    (told,) = problems(made(tmp_path, settings=f"{option} = {odd['empty']}/below/x"))
    assert told.startswith(f"f.conf:3: {option}: ")
    assert str(odd["empty"]) in told
    assert problems(made(tmp_path, settings=f"{option} = {tmp_path}/x")) == []


def test_directories_that_are_made_need_not_be_there(tmp_path: Path) -> None:
    assert problems(made(tmp_path, settings=f"log_file = {tmp_path}/a/b/log\nreport_dir = {tmp_path}/r/s")) == []
    (told,) = problems(made(tmp_path, settings=f"metrics_file = {tmp_path}/a/b/prom"))
    assert "there is no directory" in told
    assert not list(tmp_path.iterdir()), "looking makes nothing"


SECRETS = {
    "password": "hunter2-pw", "password_command": "echo hunter2-pc", "key_passphrase_command": "echo hunter2-kc",
    "ping_url": "https://hc/hunter2-ping", "notify_url": "json://user:hunter2-url@host", "notify_command": "tell --token hunter2-nc",
}  # fmt: skip


def reachable(root: object) -> Iterator[object]:
    """Yield whatever hangs on an object and has a face of its own; bare values and containers have none."""
    seen, waiting = set(), [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if type(one).__module__.startswith("sshsync") and not isinstance(one, type):
            yield one
            slots = (getattr(one, name, None) for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ()))
            waiting += [*slots, *vars(one).values()] if hasattr(one, "__dict__") else list(slots)
        elif isinstance(one, dict | list | tuple | set | frozenset):
            waiting += gc.get_referents(one)


def test_no_object_shows_a_secret(tmp_path: Path) -> None:
    login = "\n".join(f"{key} = {value}" for key, value in SECRETS.items() if "url" not in key and "notify" not in key)
    settings = "\n".join(f"{key} = {value}" for key, value in SECRETS.items() if "url" in key or "notify" in key)
    text = SITE.format(state=tmp_path / "state", login=login, settings=settings)
    raw = parse(text.encode(), "f.conf")
    config = resolve(raw, ACCOUNT)
    assert config.tree.repositories["m"].host.login.password == "hunter2-pw"
    with Sync(config) as sync:
        found = [*reachable(sync), *reachable(raw)]
        assert {"Config", "Sync", "Settings", "Login", "Host", "RepositoryOptions", "Value"} <= {type(one).__name__ for one in found}
        for one in found:
            assert "hunter2" not in repr(one) + str(one), type(one)
        assert any(is_dataclass(one) and fields(one) for one in found)
        assert any(isinstance(one, BaseModel) for one in found)


@pytest.mark.parametrize("line", ["password hunter2", "password= hunter2\x07", "password_file = x\npassword hunter2"])
def test_no_complaint_about_a_line_shows_a_secret(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(parse(f"[m]\nhost = m\npath = /m\n{line}\n".encode(), "f.conf"), ACCOUNT)
    assert "hunter2" not in str(caught.value) + repr(caught.value)
