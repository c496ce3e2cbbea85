"""How each mistake of `tests/mistakes.py` is made: against real servers where a host is concerned."""

import getpass
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.integration.conftest import Site
from tests.sshd import Sshd

Words = tuple[str, ...]
MAKERS: dict[str, Callable[["Scene"], Words]] = {}
ALL = ("--all",)
CHECK = ("config", "check")


class Scene:
    """A master here and a child on a real server, in which one thing is going to be wrong."""

    def __init__(self, directory: Path, server: Callable[..., Sshd]) -> None:
        self.site = Site(directory)
        self.server = server
        self.made: list[Callable[[], object]] = []

    def remote(self, server: Sshd | None = None, *, known: str = "", defaults: str = "", parent: str = "", **values: object) -> Sshd:
        """Configure m on this machine and c on a server; `parent` is added to m's section."""
        server = server or self.server("plain")
        self.site.fill("m", {"a": b"alpha", "d/b": b"beta"})
        values = {"path": self.site.root("c"), **values}
        lines = "\n".join(["[DEFAULT]", "stable_for = 0", "retries = 1", defaults, "[m]", "transport = local", f"path = {self.site.root('m')}", parent])
        self.site.write(f"{lines}\n[c]\nparent = m\n{server.section(**values)}", trusted=False)
        (self.site.directory / "state" / "known_hosts").write_text((known or server.known) + "\n")
        return server

    def source(self, server: Sshd | None = None, **values: object) -> Sshd:
        """Configure m on a server and c on this machine."""
        server = server or self.server("plain")
        self.site.fill("m", {"a": b"alpha", "d/b": b"beta"})
        values = {"path": self.site.root("m"), **values}
        self.site.write(f"[DEFAULT]\nstable_for = 0\nretries = 1\n[m]\n{server.section(**values)}[c]\nparent = m\ntransport = local\npath = {self.site.root('c')}\n", trusted=False)
        (self.site.directory / "state" / "known_hosts").write_text(server.known + "\n")
        return server

    def here(self, defaults: str = "") -> None:
        self.site.fill("m", {"a": b"alpha", "d/b": b"beta"})
        self.site.here("m", "c", defaults=defaults)

    def text(self, text: str) -> Words:
        self.site.write(text)
        return CHECK

    def screen(self, words: Words) -> tuple[int, str]:
        done = self.site.cli(*words, timeout=60)
        assert "Traceback" not in done.stderr
        return done.returncode, self.plain(done.stdout + done.stderr)

    def plain(self, text: str) -> str:
        """Return what a person sees, with everything that differs from site to site under a name."""
        where = str(self.site.directory)
        # First: a digest may hold any word.
        text = re.sub(r"SHA256:[A-Za-z0-9+/]{43}", "SHA256:…", text)
        text = text.replace(f"sshsync -c {self.site.config}", "sshsync").replace(str(self.site.config), "/etc/sshsync/sshsync.conf")
        text = re.sub(r"\S*/(?:plain|nobody|quiet|other|\w+server)/id\b", "/home/sshsync/.ssh/id", text)
        text = re.sub(r"\[127\.0\.0\.1\]:\d+|127\.0\.0\.1:\d+|127\.0\.0\.1", "HOST", text)
        text = text.replace(f"{where}/state", "/var/lib/sshsync").replace(where, "/dat")
        text = text.replace(socket.gethostname(), "CONTROLLER")
        text = re.sub(r"(no-such-host\.invalid)\]:\d+", r"\1]:PORT", text)
        text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text)
        text = re.sub(r"\bpid \d+", "pid N", text)
        text = re.sub(r"\bdamaged-[^\s,]+", "damaged-TIME", text)
        return re.sub(rf"'{getpass.getuser()}'|(?<=install -d -o ){getpass.getuser()}\b|(?<=usermod -a -G nosuchgroup ){getpass.getuser()}\b", "USER", text)

    def close(self) -> None:
        for undo in reversed(self.made):
            undo()
        self.site.close()


def makes(name: str) -> Callable[[Callable[[Scene], Words]], Callable[[Scene], Words]]:
    def keep(maker: Callable[[Scene], Words]) -> Callable[[Scene], Words]:
        MAKERS[name] = maker
        return maker

    return keep


@makes("unknown host key")
def _(scene: Scene) -> Words:
    scene.remote(known="# nobody")
    return ALL


@makes("changed host key")
def _(scene: Scene) -> Words:
    server, other = scene.server("plain"), scene.server("other")
    scene.remote(known=f"{server.known.split()[0]} {other.known.split(' ', 1)[1]}")
    return ALL


@makes("revoked host key")
def _(scene: Scene) -> Words:
    scene.remote(known=f"@revoked {scene.server('plain').known}")
    return ALL


@makes("key not accepted")
def _(scene: Scene) -> Words:
    scene.remote(key_file=scene.server("other").key)
    return ALL


@makes("unknown account")
def _(scene: Scene) -> Words:
    scene.remote(user="nobodyhere")
    return ALL


@makes("key file missing")
def _(scene: Scene) -> Words:
    scene.remote(key_file=scene.site.directory / "no_key")
    return ALL


@makes("key file open to others")
def _(scene: Scene) -> Words:
    key = shutil.copy(scene.server("plain").key, scene.site.directory / "id_open")
    Path(key).chmod(0o644)
    scene.remote(key_file=key)
    return ALL


@makes("key file with a passphrase")
def _(scene: Scene) -> Words:
    key = scene.site.directory / "id_locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", key], check=True)
    scene.remote(key_file=key)
    return ALL


@makes("public key given as key file")
def _(scene: Scene) -> Words:
    key = scene.site.directory / "id.pub"
    shutil.copy(scene.server("plain").key.with_suffix(".pub"), key)
    key.chmod(0o600)
    scene.remote(key_file=key)
    return ALL


@makes("nothing listens")
def _(scene: Scene) -> Words:
    scene.remote(port=1)
    return ALL


@makes("host name not known")
def _(scene: Scene) -> Words:
    scene.remote(host="no-such-host.invalid")
    return ALL


@makes("host is silent")
def _(scene: Scene) -> Words:
    silent = socket.create_server(("127.0.0.1", 0))
    scene.made.append(silent.close)
    scene.remote(port=silent.getsockname()[1], timeout=1)
    return ALL


@makes("something else listens")
def _(scene: Scene) -> Words:
    script = "import socket\ns=socket.create_server(('127.0.0.1',0));print(s.getsockname()[1],flush=True)\nwhile 1:\n c,_=s.accept();c.sendall(b'220 mail ESMTP\\r\\n');c.close()"
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    scene.made += [other.wait, other.kill]
    assert other.stdout
    scene.remote(port=int(other.stdout.readline()))
    return ALL


@makes("jump host refuses to forward")
def _(scene: Scene) -> Words:
    jump, node = scene.server("closed", "AllowTcpForwarding no"), scene.server("plain")
    scene.remote(node)
    with scene.site.config.open("a") as out:
        out.write(f"via = j\n[j]\nparent = m\n{jump.section(path=scene.site.root('j'))}")
    (scene.site.directory / "state" / "known_hosts").write_text(f"{jump.known}\n{node.known}\n")
    return ("--sync", "c")


@makes("only sftp is allowed")
def _(scene: Scene) -> Words:
    scene.remote(scene.server("sftponly", "ForceCommand internal-sftp"), timeout=3)
    return ALL


@makes("a forced command")
def _(scene: Scene) -> Words:
    scene.remote(scene.server("forced", "ForceCommand echo This account is for backups only"))
    return ALL


@makes("no login allowed")
def _(scene: Scene) -> Words:
    scene.remote(scene.server("nologin", "ForceCommand /usr/sbin/nologin"))
    return ALL


@makes("source directory missing")
def _(scene: Scene) -> Words:
    scene.source(path=scene.site.directory / "gone")
    return ALL


@makes("source file not readable")
def _(scene: Scene) -> Words:
    scene.source(scene.server("nobody"))
    secret = scene.site.root("m") / "secret"
    secret.write_text("x")
    secret.chmod(0)
    return ALL


@makes("source directory not readable")
def _(scene: Scene) -> Words:
    scene.source(scene.server("nobody"))
    (scene.site.root("m") / "closed").mkdir(mode=0o700)
    (scene.site.root("m") / "closed").chmod(0)
    return ALL


@makes("target not writable")
def _(scene: Scene) -> Words:
    scene.remote(scene.server("nobody"))
    scene.site.root("c").chmod(0o555)
    return ALL


@makes("target's parent not writable")
def _(scene: Scene) -> Words:
    scene.site.root("up").chmod(0o555)
    scene.remote(scene.server("nobody"), path=scene.site.directory / "up" / "c")
    return ALL


@makes("group that files cannot be given to")
def _(scene: Scene) -> Words:
    scene.remote(file_group="nosuchgroup")
    return ALL


@makes("target is a file")
def _(scene: Scene) -> Words:
    (scene.site.directory / "file").write_text("")
    scene.remote(path=scene.site.directory / "file")
    return ALL


@makes("a directory stands where a file belongs")
def _(scene: Scene) -> Words:
    scene.remote()
    (scene.site.root("c") / "a").mkdir()
    return ALL


def lacking(scene: Scene, *without: str) -> Sshd:
    """A server whose PATH has every program of this machine but some."""
    tools = scene.site.root("bin")
    for place in ("/usr/bin", "/bin"):
        for program in Path(place).iterdir():
            if program.name not in without and not (tools / program.name).is_symlink():
                (tools / program.name).symlink_to(program)
    return scene.site.server("lacking", environment=f"PATH={tools}")


@makes("no program for digests")
def _(scene: Scene) -> Words:
    lost = ["md5sum", "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "shasum", "openssl", "busybox"]
    made = lacking(scene, *lost)
    scene.remote(made, defaults="digest = sha256")
    return ALL


@makes("several directories not readable")
def _(scene: Scene) -> Words:
    scene.source(scene.server("nobody"))
    for name in ("one", "two"):
        (scene.site.root("m") / name).mkdir()
        (scene.site.root("m") / name).chmod(0)
    return ALL


@makes("a proxy that was filled by hand")
def _(scene: Scene) -> Words:
    scene.site.fill("c", {"a": b"alpha"})
    scene.site.here("m", "c", "n")
    return ("--sync", "n")


@makes("a listcmd and a name with a line feed")
def _(scene: Scene) -> Words:
    scene.here("listcmd = find ${REPOPATH} -type f")
    (scene.site.root("m") / "two\nlines").write_text("x")
    return ALL


@makes("listcmd fails")
def _(scene: Scene) -> Words:
    scene.here("listcmd = fnd . -type f")
    return ALL


@makes("a file is still being written")
def _(scene: Scene) -> Words:
    scene.here()
    text = scene.site.config.read_text()
    scene.site.config.write_text(text.replace("stable_for = 0", "stable_for = 2"))
    (scene.site.root("m") / "upload").write_text("half")
    os.utime(scene.site.root("m") / "upload", (4_000_000_000, 4_000_000_000))
    return ALL


@makes("pre_cmd fails")
def _(scene: Scene) -> Words:
    scene.here("pre_cmd = echo service is busy >&2; exit 1")
    return ALL


@makes("emptied master")
def _(scene: Scene) -> Words:
    scene.here("delete = yes")
    assert scene.site.cli("--all").returncode == 0
    shutil.rmtree(scene.site.root("m"))
    scene.site.root("m")
    return ALL


@makes("too many deletions")
def _(scene: Scene) -> Words:
    scene.here("delete = yes\nmax_delete = 0")
    assert scene.site.cli("--all").returncode == 0
    (scene.site.root("m") / "a").unlink()
    return ALL


@makes("child's directory gone")
def _(scene: Scene) -> Words:
    scene.here()
    assert scene.site.cli("--all").returncode == 0
    shutil.rmtree(scene.site.root("c"))
    return ALL


@makes("a copy that was changed by hand")
def _(scene: Scene) -> Words:
    scene.site.fill("m", {"a": b"alpha"})
    scene.site.here("m", "c", "n")
    assert scene.site.cli("--sync", "c").returncode == 0
    (scene.site.root("c") / "a").write_text("by hand")
    return ("--sync", "n")


@makes("configuration missing")
def _(scene: Scene) -> Words:
    return ALL


@makes("misspelt option")
def _(scene: Scene) -> Words:
    return scene.text("[m]\ntransport = local\npaht = /dat/m\npath = /dat/m\n")


@makes("misspelt value")
def _(scene: Scene) -> Words:
    return scene.text("[m]\ntransport = local\npath = /dat/m\ntransfer = rely\n")


@makes("no number")
def _(scene: Scene) -> Words:
    return scene.text("[m]\nhost = h\npath = /dat/m\nport = ssh\n")


@makes("unknown parent")
def _(scene: Scene) -> Words:
    return scene.text("[master]\ntransport = local\npath = /dat/m\n[c]\ntransport = local\npath = /dat/c\nparent = mastr\n")


@makes("parents in a circle")
def _(scene: Scene) -> Words:
    return scene.text("[a]\ntransport = local\npath = /dat/a\nparent = b\n[b]\ntransport = local\npath = /dat/b\nparent = a\n")


@makes("path missing")
def _(scene: Scene) -> Words:
    return scene.text("[m]\ntransport = local\n")


@makes("host missing")
def _(scene: Scene) -> Words:
    return scene.text("[m]\npath = /dat/m\n")


@makes("section twice")
def _(scene: Scene) -> Words:
    return scene.text("[m]\ntransport = local\npath = /dat/m\n[m]\ntransport = local\npath = /dat/n\n")


@makes("a line that is no option")
def _(scene: Scene) -> Words:
    return scene.text("[m]\ntransport = local\npath = /dat/m\ndelete yes\n")


@makes("unknown variable")
def _(scene: Scene) -> Words:
    return scene.text("[m]\ntransport = local\npath = /dat/${env:NO_SUCH_VARIABLE}\n")


@makes("password others may read")
def _(scene: Scene) -> Words:
    scene.text("[m]\nhost = h\npath = /dat/m\npassword = secret\n")
    scene.site.config.chmod(0o644)
    return CHECK


@makes("configuration others may change")
def _(scene: Scene) -> Words:
    scene.text("[m]\ntransport = local\npath = /dat/m\n")
    scene.site.config.chmod(0o666)
    return CHECK


@makes("unknown repository")
def _(scene: Scene) -> Words:
    scene.site.here("master", "node")
    return ("--sync", "nod")


@makes("a master is synchronized")
def _(scene: Scene) -> Words:
    scene.here()
    return ("--sync", "m")


@makes("nothing is asked for")
def _(scene: Scene) -> Words:
    scene.here()
    return ("--dry-run",)


@makes("a pattern that is none")
def _(scene: Scene) -> Words:
    scene.here()
    return (*ALL, "--include", "[[:nothing:]]")


@makes("a pattern that matches nothing")
def _(scene: Scene) -> Words:
    scene.here()
    return (*ALL, "--include", "d/bb")


@makes("state directory others may change")
def _(scene: Scene) -> Words:
    scene.here()
    (scene.site.directory / "state").chmod(0o777)
    return ALL


@makes("state directory cannot be made")
def _(scene: Scene) -> Words:
    scene.here()
    (scene.site.directory / "file").write_text("")
    text = scene.site.config.read_text()
    scene.site.config.write_text(text.replace(f"{scene.site.directory}/state", f"{scene.site.directory}/file/state"))
    return ALL


@makes("another run is at work")
def _(scene: Scene) -> Words:
    begun, goes_on = scene.site.directory / "begun", scene.site.directory / "goes_on"
    for fifo in (begun, goes_on):
        os.mkfifo(fifo)
    scene.here(f"pre_cmd = echo begun > {begun}; cat {goes_on}")
    other = scene.site.popen("--all")
    scene.made += [lambda: other.communicate(timeout=60), lambda: goes_on.write_text("on")]
    begun.read_text()
    return ALL


@makes("damaged journal")
def _(scene: Scene) -> Words:
    scene.here()
    assert scene.site.cli("--all").returncode == 0
    (scene.site.directory / "state" / "journal.sqlite").write_bytes(b"x" * 4096)
    return ALL


@makes("no mail server")
def _(scene: Scene) -> Words:
    scene.here()
    text = scene.site.config.read_text()
    scene.site.config.write_text(text.replace("\n", "\nmail_to = ops@example.org\nsmtp_port = 1\nmail_on = always\n", 1))
    return ALL
