"""Chains over real OpenSSH servers, by the real command line."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from tests.integration.conftest import OLD, Site, contents
from tests.sshd import require

pytestmark = pytest.mark.integration

NAMES = [
    "plain", "sp ace", "q'uote", 'd"q', "$(touch INJECTED)", "`touch INJECTED`", "new\nline", "tail\n", "!bang", "back\\", "-rf",
    "tab\t", "~x", ";x", "*", "?", "[a]", "é", os.fsdecode(b"\xff\xfe\x80"), "%s%n", "{a,b}", "^a^b", "cr\r", "#x", "a&b", "a|b",
    "a>b", ".hidden", "...", "\x1b[31m", "deep/er/and-deeper/x", "-d/-e", "sp dir/in dir", "\\'", "a=b", "é\n/x", "x" * 250,
    os.fsdecode(bytes(sorted(set(range(1, 256)) - {47}))),
]  # fmt: skip


def awkward() -> dict[str, bytes]:
    files = {name: f"content {number}".encode() for number, name in enumerate(NAMES)}
    return {**files, "empty": b"", "big.bin": os.urandom(5_000_000), "edge": b"e" * 1_048_576}


def test_relay_through_the_chain_with_awkward_names(chain) -> None:
    site = chain()
    site.fill("master", awkward())
    (site.root("master") / "plain").chmod(0o4751)
    os.utime(site.root("master") / "plain", (OLD, OLD))
    found = site.summary("--sync", "proxy", "--sync", "node1,node2")
    assert found["exit_code"] == 0, found
    assert found["by_name"]["node1"]["files"]["copied"] == len(awkward())
    (site.root("master") / "plain").chmod(0o751)
    site.same("master", "proxy", "node1", "node2")
    assert not list(site.directory.rglob("INJECTED"))
    again = site.summary("--all")
    assert [entry["outcome"] for entry in again["repositories"]] == ["unchanged"] * 3
    assert sum(entry["bytes"]["moved"] for entry in again["repositories"]) == 0


@pytest.mark.parametrize("shell", ["/bin/dash", "/bin/bash", "busybox"])
def test_built_in_commands_on_every_posix_shell(site: Site, shell: str) -> None:
    if shell == "busybox":
        require(bool(shutil.which("busybox")), "busybox")
        tools = site.root("tools")
        subprocess.run(["busybox", "--install", "-s", str(tools)], check=True)
        server = site.server("host", environment=f"PATH={tools}")
        shell = str(tools / "sh")
    else:
        server = site.server("host")
    site.fill("m", awkward())
    site.write(
        f"[DEFAULT]\nstable_for = 0\nshell = {shell}\ndelete = yes\nmax_delete = 100%\n[m]\n{server.section(path=site.root('m'))}"
        f"[c]\nparent = m\n{server.section(path=site.root('c'))}"
    )
    site.fill("c", {"gone/too/deep": b"x"})
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found
    site.same("m", "c")
    assert not (site.root("c") / "gone").exists()


ARTICLE = """
[repomaster]
user = {user}
password = ******
host = 127.0.0.1
path = {master}
listcmd = find ${{REPOPATH}} -type f
digestcmd = if [ -f ${{FILEPATH}} ]; then sha1sum ${{FILEPATH}} | cut -d' ' -f1; else echo \\'NONE\\'; fi
{more_master}
[repoproxy]
user = {user}
password = ******
host = 127.0.0.1
path = {proxy}
parent = repomaster
listcmd = find ${{REPOPATH}} -type f
digestcmd = if [ -f ${{FILEPATH}} ]; then sha1sum ${{FILEPATH}} | cut -d' ' -f1; else echo \\'NONE\\'; fi
synccmd = scp -p -i {home}/.ssh/id_rsa ${{REMOTEUSER}}@${{REMOTEHOST}}:${{REMOTEDIR}}/${{FILE}} ${{LOCALDIR}}/${{FILE}}
{more_proxy}
"""


def article(site: Site) -> None:
    """The article's configuration, its templates word for word; only hosts, users and paths are this machine's.

    The proxy's scp reaches the master's port by a wrapper on its PATH, as an ssh_config would have it.
    """
    require(bool(shutil.which("scp")), "scp")
    tools = site.root("tools")
    master = site.server("master")
    wrapper = tools / "scp"
    wrapper.write_text(
        f"#!/bin/sh\nexec {shutil.which('scp')} -P {master.port} -o BatchMode=yes -o UserKnownHostsFile={tools}/known "
        f'-o StrictHostKeyChecking=yes "$@"\n'
    )
    wrapper.chmod(0o755)
    (tools / "known").write_text(master.known + "\n")
    proxy = site.server("proxy", environment=f"PATH={tools}:{os.environ['PATH']}")
    keys = site.root(".ssh")
    keys.chmod(0o700)
    shutil.copy(master.key, keys / "id_rsa")
    with (proxy.home / "authorized").open("a") as out:
        out.write(master.key.with_suffix(".pub").read_text())
    site.write(
        ARTICLE.format(
            user=master.user,
            master=site.root("master"),
            proxy=site.root("proxy"),
            home=site.directory,
            more_master=f"port = {master.port}\nstable_for = 0",
            more_proxy=f"port = {proxy.port}\nstable_for = 0",
        )
    )


def test_the_articles_configuration(site: Site) -> None:
    article(site)
    files = {f"app/lib{n}/file-{n}.jar": os.urandom(2000 + n) for n in range(30)}
    site.fill("master", {**files, "big.iso": os.urandom(3_000_000)})
    assert site.cli("config", "check").returncode == 0
    found = site.summary("--sync", "repoproxy")
    assert found["exit_code"] == 0, found
    site.same("master", "proxy")
    assert found["by_name"]["repoproxy"]["bytes"]["moved"] == sum(map(len, files.values())) + 3_000_000
    assert site.summary("--sync", "repoproxy")["by_name"]["repoproxy"]["outcome"] == "unchanged"


def test_names_that_a_synccmd_could_misread_go_by_relay(site: Site) -> None:
    article(site)
    names = [name for name in NAMES if "\n" not in name]
    site.fill("master", {name: name.encode("utf-8", "surrogateescape") for name in names})
    found = site.summary("--sync", "repoproxy")
    assert found["exit_code"] == 0, found["by_name"]["repoproxy"]
    site.same("master", "proxy")
    assert not list(site.directory.rglob("INJECTED"))
    with site.config.open("a") as out:
        out.write("transfer = command\n")
    site.fill("master", {"bad $(name)": b"x", "good": b"y"})
    found = site.summary("--sync", "repoproxy")
    assert found["exit_code"] == 9
    assert (site.root("proxy") / "good").read_bytes() == b"y"
    assert "could be misread" in found["by_name"]["repoproxy"]["problems"][0]["reason"]


def test_a_failing_synccmd_tells_its_own_words(site: Site) -> None:
    article(site)
    site.fill("master", {"a": b"a"})
    text = site.config.read_text().replace("scp -p -i", "echo no such thing >&2; false")
    site.config.write_text(text)
    found = site.summary("--sync", "repoproxy")
    assert found["exit_code"] == 6
    assert "no such thing" in found["by_name"]["repoproxy"]["error"]


def test_a_line_feed_in_a_name_is_refused_with_a_template_and_says_what_helps(site: Site) -> None:
    article(site)
    site.fill("master", {"a\nb": b"x", "c": b"y"})
    found = site.summary("--sync", "repoproxy")
    assert found["exit_code"] == 9
    assert "-print0" in found["by_name"]["repoproxy"]["error"]
    assert contents(site.root("proxy")) == {}


def test_mixed_templates_and_built_ins_compare_one_digest(site: Site) -> None:
    server = site.server("host")
    sum_ = "digestcmd = sha1sum ${FILEPATH}\nlistcmd = find ${REPOPATH} -type f -print0"
    site.fill("m", awkward())
    site.write(
        f"[DEFAULT]\nstable_for = 0\n[m]\n{server.section(path=site.root('m'))}{sum_}\n"
        f"[c]\nparent = m\n{server.section(path=site.root('c'))}"
        f"[d]\nparent = c\ntransport = local\npath = {site.root('d')}\n"
    )
    found = site.summary("--all")
    assert found["exit_code"] == 0, found
    site.same("m", "c", "d")
    published = [event for event in found["events"] if event["type"] == "published"]
    assert {item[1].partition(":")[0] for event in published for item in event["items"]} == {"sha1"}


def test_a_node_behind_a_jump_host(site: Site) -> None:
    proxy = site.server("proxy")
    node = site.server("node")
    site.fill("m", awkward())
    site.write(
        f"[DEFAULT]\nstable_for = 0\nretries = 1\n[m]\n{site.server('master').section(path=site.root('m'))}"
        f"[p]\nparent = m\n{proxy.section(path=site.root('p'))}"
        f"[n]\nparent = p\nvia = p\n{node.section(path=site.root('n'))}"
    )
    found = site.summary("--sync", "p", "--sync", "n")
    assert found["exit_code"] == 0, found
    site.same("m", "p", "n")
    proxy.stop()
    with proxy.config.open("a") as out:
        out.write("AllowTcpForwarding no\n")
    proxy.start()
    refused = site.summary("--sync", "n")
    assert refused["exit_code"] == 75, "there is no other way to the node"
    assert f"cannot be reached through 127.0.0.1:{proxy.port}" in refused["by_name"]["n"]["error"]


def test_killed_hard_in_the_middle_the_same_line_goes_on(chain) -> None:
    site = chain()
    files = {f"part{n}": os.urandom(2_000_000) for n in range(20)}
    site.fill("master", files)
    running = site.popen("--json", "--sync", "proxy", "--sync", "node1,node2")
    assert running.stdout
    for line in running.stdout:
        event = json.loads(line)
        if event["type"] == "published" and event["repository"] == "proxy":
            break
    running.kill()
    running.wait()
    running.communicate()
    before = set(contents(site.root("proxy")))
    assert 0 < len(before) < 20
    status = site.cli("status")
    assert "did not end" in status.stdout
    assert "resume" in status.stdout
    found = site.summary("resume")
    assert found["exit_code"] == 0, found
    assert found["events"][0]["continued"]
    site.same("master", "proxy", "node1", "node2")
    moved_again = {i[0] for e in found["events"] if e["type"] == "published" and not e["salvaged"] for i in e["items"]
                   if e["repository"] == "proxy"}  # fmt: skip
    assert not moved_again & {os.fsdecode(key) for key in before}
    assert "nothing to resume" in site.cli("resume").stdout


def test_dropped_sessions_are_survived(chain) -> None:
    # Slow enough for the run to be at work still when somebody has read that a file came.
    site = chain("bwlimit = 8M")
    site.fill("master", {f"part{n}": os.urandom(4_000_000) for n in range(8)})
    running = site.popen("--json", "--sync", "proxy")
    assert running.stdout
    dropped = False
    lines = []
    for line in running.stdout:
        lines.append(json.loads(line))
        if lines[-1]["type"] == "published" and not dropped:
            site.servers["master"].drop_sessions()
            site.servers["proxy"].drop_sessions()
            dropped = True
    running.communicate()
    assert running.returncode == 0, lines[-1]
    assert any(line["type"] == "retried" for line in lines)
    site.same("master", "proxy")


def test_row_56_terminated_it_saves_its_state_and_says_so(chain) -> None:
    site = chain()
    site.fill("master", {f"part{n}": os.urandom(3_000_000) for n in range(20)})
    running = site.popen("--json", "--sync", "proxy")
    assert running.stdout
    for line in running.stdout:
        if json.loads(line)["type"] == "published":
            break
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 143, (out[-500:], err)
    assert b"stopping" in err
    assert json.loads(out.splitlines()[-1])["interrupted"]
    assert site.cli("resume").returncode == 0
    site.same("master", "proxy")


def test_row_60_a_second_run_is_told_who_holds_the_lock(chain, tmp_path) -> None:
    go = tmp_path / "go"
    site = chain(f"digestcmd = while [ ! -e {go} ]; do sleep 0.1; done; sha256sum ${{FILEPATH}}")
    site.fill("master", {"a": b"a"})
    running = site.popen("--json", "--sync", "proxy")
    assert running.stdout
    for line in running.stdout:
        if json.loads(line)["type"] == "repository_started":
            break
    second = site.cli("--sync", "proxy")
    go.touch()
    assert second.returncode == 8
    assert f"pid {running.pid}" in second.stderr
    running.communicate(timeout=60)
    assert running.returncode == 0


def test_status_and_history_answer_while_a_run_is_under_way(chain, tmp_path) -> None:
    go = tmp_path / "go"
    site = chain(f"digestcmd = while [ ! -e {go} ]; do sleep 0.1; done; sha256sum ${{FILEPATH}}")
    site.fill("master", {"a": b"a"})
    running = site.popen("--json", "--sync", "proxy")
    assert running.stdout
    for line in running.stdout:
        if json.loads(line)["type"] == "repository_started":
            break
    for words in (["status"], ["history"]):
        done = site.cli(*words)
        assert done.returncode == (6 if words == ["status"] else 0), "none has ever been in sync"
    assert running.poll() is None, "nobody waits for the end of the run"
    said = site.cli("status").stdout
    assert f"is under way: pid {running.pid} on " in said
    assert "to go on" not in said, "nothing is to be done about a run that goes on"
    assert json.loads(site.cli("status", "--json").stdout.splitlines()[0])["running"].startswith(f"pid {running.pid} ")
    running.kill()
    running.communicate()
    said = site.cli("status").stdout
    assert "did not end: it was killed;" in said
    assert "to go on: " in said
    go.touch()
    assert site.cli("resume").returncode == 0
    assert json.loads(site.cli("status", "--json").stdout.splitlines()[0])["running"] == ""


def test_an_unreachable_host_is_temporary(site: Site) -> None:
    server = site.server("m")
    site.fill("m", {"a": b"a"})
    site.write(
        f"[DEFAULT]\nretries = 2\n[m]\n{server.section(path=site.root('m'))}"
        f"[c]\nparent = m\ntransport = local\npath = {site.root('c')}\n"
    )
    server.stop()
    done = site.cli("--sync", "c")
    assert done.returncode == 75
    assert "cannot connect" in done.stdout
    assert "resume" in done.stdout


def test_row_27_unknown_and_changed_host_keys_are_refused(site: Site) -> None:
    server = site.server("m")
    site.fill("m", {"a": b"a"})
    text = f"[m]\n{server.section(path=site.root('m'))}[c]\nparent = m\ntransport = local\npath = {site.root('c')}\n"
    site.write(text, trusted=False)
    done = site.cli("--sync", "c")
    assert done.returncode == 10
    assert "is unknown" in done.stdout
    assert "hosts trust m" in done.stdout
    unsure = site.cli("hosts", "trust", "m")
    assert unsure.returncode == 10, "no answer is no"
    assert "is not recorded" in unsure.stderr
    trusted = site.cli("hosts", "trust", "m", "--yes")
    assert "SHA256:" in trusted.stdout
    assert site.cli("--sync", "c").returncode == 0
    other = Site(site.root("elsewhere")).server("other")
    changed = f"[127.0.0.1]:{server.port} " + other.known.split(" ", 1)[1]
    other.stop()
    (site.directory / "state" / "known_hosts").write_text(changed + "\n")
    done = site.cli("--sync", "c")
    assert done.returncode == 10
    assert "CHANGED" in done.stdout
    assert site.cli("hosts", "trust", "m", "--yes").returncode == 10, "a changed key is never overwritten"


def test_row_26_a_refused_login_is_tried_once(site: Site) -> None:
    server = site.server("m")
    (server.home / "authorized").write_text("")
    site.write(
        f"[m]\n{server.section(path=site.root('m'))}[c]\nparent = m\ntransport = local\npath = {site.root('c')}\n"
        f"[d]\nparent = m\ntransport = local\npath = {site.root('d')}\n"
    )
    done = site.cli("--sync", "c,d")
    assert done.returncode == 10
    assert "does not accept" in done.stdout
    assert server.log.read_text().count("Connection closed by authenticating user") <= 1


def test_row_17_noise_of_start_up_files_is_no_answer(site: Site) -> None:
    noisy = site.directory / "noisy"
    noisy.write_text('#!/bin/sh\necho "Welcome!"; printf "last login: never"; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n')
    noisy.chmod(0o755)
    server = site.server("m", f"ForceCommand {noisy}")
    site.fill("m", awkward())
    site.write(
        f"[DEFAULT]\nstable_for = 0\n[m]\n{server.section(path=site.root('m'))}"
        f"[c]\nparent = m\n{server.section(path=site.root('c'))}"
    )
    assert site.summary("--sync", "c")["exit_code"] == 0
    site.same("m", "c")


def test_row_18_an_account_without_a_shell_is_named(site: Site) -> None:
    server = site.server("m", "ForceCommand echo This account is currently not available.")
    site.write(
        f"[m]\n{server.section(path=site.root('m'))}[c]\nparent = m\ntransport = local\npath = {site.root('c')}\n"
    )
    done = site.cli("--sync", "c")
    assert done.returncode == 6
    assert "This account is currently not available." in done.stdout


@pytest.mark.parametrize("shell", ["/bin/nosuchshell", "/bin/true"])
def test_row_18_a_shell_that_is_none_is_told_at_once(site: Site, shell: str) -> None:
    site.write(
        f"[m]\n{site.server('m').section(path=site.root('m'), shell=shell)}"
        f"[c]\nparent = m\ntransport = local\npath = {site.root('c')}\n"
    )
    done = site.cli("--sync", "c")
    assert done.returncode == 6
    assert "does not run commands" in done.stdout
    assert "try 1 failed" not in done.stderr


def test_row_29_key_and_password_files_are_checked_before_anything_is_contacted(site: Site) -> None:
    server = site.server("m")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "passphrase", "-f", str(site.directory / "locked")], check=True)
    server.key.chmod(0o644)
    site.write(
        f"[m]\n{server.section(path=site.root('m'))}[c]\nparent = m\ntransport = local\npath = {site.root('c')}\n"
        f"[d]\nparent = m\n{server.section(path=site.root('d'), key_file=site.directory / 'locked')}password_file = /none\n"
    )
    done = site.cli("--sync", "c,d")
    assert done.returncode == 3
    assert f"chmod 600 {server.key}" in done.stderr
    assert "is encrypted" in done.stderr
    assert "/none" in done.stderr
    assert f"{site.config}:" in done.stderr
    assert "Accepted" not in server.log.read_text()
    assert site.cli("config", "check").returncode == 3


def test_row_95_secrets_are_nowhere(site: Site) -> None:
    secret = "hunter2-very-secret"
    server = site.server("m")
    site.fill("m", {"a": b"a"})
    site.write(
        f"[DEFAULT]\nstable_for = 0\n[m]\n{server.section(path=site.root('m'))}password = {secret}\n"
        f"[c]\nparent = m\ntransport = local\npath = {site.root('c')}\n"
        "synccmd = printf %s ${REMOTEPASSWORD} > ${LOCALDIR}/${FILE}; cp ${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}; "
        "tr '\\0' ' ' < /proc/$PPID/cmdline >> " + str(site.directory / "argv") + "\n"
    )
    checked = site.cli("config", "check")
    assert "may show it" in checked.stderr
    done = site.cli("-v", "--json", "--sync", "c")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = done.stdout + done.stderr + checked.stdout + checked.stderr
    shown += site.cli("history").stdout + site.cli("config", "show", "m").stdout
    shown += (site.directory / "argv").read_text()
    for file in (site.directory / "state").rglob("*"):
        shown += file.read_bytes().decode("latin-1")
    assert secret not in shown


def test_help_is_quick_and_leads_with_examples(site: Site) -> None:
    done = subprocess.run([sys.executable, "-X", "importtime", "-m", "sshsync", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "Examples:" in done.stdout
    assert "paramiko" not in done.stderr, "nothing heavy is imported for --help"
    assert "pydantic" not in done.stderr


def test_row_57_reading_stops_early_without_a_traceback(chain) -> None:
    site = chain()
    site.fill("master", {"a": b"a"})
    command = f"({sys.executable} -m sshsync --config {site.config} --json --sync proxy; echo code $? >&2) | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    assert "code 0" in done.stderr
    site.same("master", "proxy")
