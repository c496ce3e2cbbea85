"""Mistakes that operators make, what sshsync prints then, and the cure: `docs/errors.md` is made of this table.

`tests/integration/making.py` makes each of them against real servers, and `test_mistakes.py` compares what is printed.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Attributes:
        name: what was done, or what is wrong.
        said: a whole line of the screen. HOST is a host with its port where it has one, USER an account.
        code: exit code.
        cause, cure: for whoever has that line before him.
    """

    name: str
    code: int
    said: str
    cause: str
    cure: str


CONF = "/etc/sshsync/sshsync.conf"
SHELL = "(the account needs a login shell, and shell = a POSIX shell there)"
ACCOUNT = "(check user and key_file, and authorized_keys there)"
SHA = "SHA256:…"
OUTDATED = "A listing that cannot be trusted deletes nothing."

MISTAKES: dict[str, list[Mistake]] = {
    "Who a host is": [
        Mistake("unknown host key", 10, f"c: failed: HOST: its host key ssh-ed25519 {SHA} is unknown (compare it with what the host's operator says, then: sshsync hosts trust c)", "This host was never accepted, or it has another name or port now.", "Ask its operator for the fingerprint (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there), compare, then run the command in the message."),
        Mistake("changed host key", 10, f"c: failed: HOST: its host key CHANGED: it shows ssh-ed25519 {SHA}, on record is ssh-ed25519 {SHA} (someone may be in between: find out why; then: sshsync hosts trust --replace c)", "The host was installed anew, its address went to another machine, or someone stands between.", "Ask the host's operator. Only when the change is explained: the command in the message, which shows both fingerprints first."),
        Mistake("revoked host key", 10, f"c: failed: HOST: its host key {SHA} is revoked (the host needs a new key; this one is marked @revoked in known_hosts)", "A known_hosts file has this key with `@revoked`.", "Make a new host key on the host. Do not remove the mark: somebody set it because the key is known to others."),
    ],
    "Logging in": [
        Mistake("key not accepted", 10, f"c: failed: HOST: does not accept USER (offered: key /home/sshsync/.ssh/id) {ACCOUNT}", "The public half of the key is not in the account's `authorized_keys`, that file or its directories are writable by others, or `from=` there names other addresses.", "`ssh-keygen -y -f KEY` prints the line that has to stand there. The host's own log tells which of these it is."),
        Mistake("unknown account", 10, f"c: failed: HOST: does not accept 'nobodyhere' (offered: key /home/sshsync/.ssh/id) {ACCOUNT}", "There is no such account. A host does not tell that apart from a wrong key.", "Correct `user`."),
        Mistake("key file missing", 3, f"{CONF}:16: key file /dat/no_key: No such file or directory", "`key_file` names a file that is not on the controller.", "Correct `key_file`; `ssh-keygen -t ed25519 -f FILE` makes a key."),
        Mistake("key file open to others", 3, f"{CONF}:16: key file /dat/id_open is open to others (chmod 600 /dat/id_open)", "Others may read the private key.", "The command in the message. If others had access for long, make a new key."),
        Mistake("key file with a passphrase", 3, f"{CONF}:16: key file /dat/id_locked is encrypted (set key_passphrase_command)", "The key has a passphrase, and nobody is there at night to type it.", "`key_passphrase_command` prints it, or give the service a key of its own without one."),
        Mistake("public key given as key file", 3, f"{CONF}:16: key file /dat/id.pub holds no private key that can be read (it wants the private key, in OpenSSH's or PEM form)", "`key_file` is the public half, or a key of PuTTY.", "Name the file without `.pub`; `puttygen KEY.ppk -O private-openssh` converts."),
    ],
    "The way to a host": [
        Mistake("nothing listens", 75, "c: failed: HOST: cannot connect (HOST: Connection refused) (check host and port, and that its sshd runs)", "No sshd runs there, it listens at another port, or a firewall refuses.", "`systemctl status sshd` there; correct `host` and `port`. The next run tries again by itself."),
        Mistake("host name not known", 6, "c: failed: [no-such-host.invalid]:PORT: its address is not known: Name or service not known (check host)", "Neither DNS nor `/etc/hosts` of the controller knows the name; behind a jump host, those of the jump host count.", "Correct `host`, or name the address."),
        Mistake("host is silent", 75, "c: failed: HOST: did not finish the SSH greeting in time (check port; the host may be overloaded)", "Something took the connection and said nothing: an overloaded host, another service, a firewall.", "Try `ssh -v` from the controller. `timeout` is for hosts that are only slow."),
        Mistake("something else listens", 75, "c: failed: HOST: no SSH greeting: it closed the connection, or does not speak SSH (check port; an sshd with too many logins under way does so, too: MaxStartups)", "The port belongs to another service, or sshd turns connections away before it greets.", "Correct `port`; raise `MaxStartups` in that host's `sshd_config`."),
        Mistake("jump host refuses to forward", 75, "c: failed: HOST: cannot be reached through HOST: Administratively prohibited (see AllowTcpForwarding and PermitOpen in sshd_config of the jump host, and restrict in authorized_keys)", "The jump host lets this account open no connections to others.", "Allow it there: `AllowTcpForwarding yes`, `PermitOpen`, or `restrict,port-forwarding` in `authorized_keys`."),
    ],
    "What an account may run": [
        Mistake("only sftp is allowed", 6, f"c: failed: HOST: its shell does not run commands; it said: This service allows sftp connections only. {SHELL}", "`ForceCommand internal-sftp`: the account may move files but run nothing.", "sshsync needs a shell there. Exempt the account (`Match User`) or take another."),
        Mistake("a forced command", 6, f"c: failed: HOST: its shell does not run commands; it said: This account is for backups only {SHELL}", "`command=` in `authorized_keys`, or `ForceCommand` in `sshd_config`, runs something else instead.", "Use a key without `command=`."),
        Mistake("no login allowed", 6, f"c: failed: HOST: its shell does not run commands; it said: This account is currently not available. {SHELL}", "The account's login shell is `nologin` or `false`.", "As root there: `usermod -s /bin/sh ACCOUNT`."),
        Mistake("no program for digests", 6, "c: failed: HOST: cannot compute sha256, which its chain compares (it has none): set digest = to one that every host has, or give it a digestcmd", "The host has no program for digests where the account looks for programs.", "`sshsync hosts check` shows what it has. Install coreutils, correct PATH, or set `digestcmd`."),
        Mistake("listcmd fails", 6, "m: listcmd: sshsync: 1: eval: fnd: not found", "The command of the configuration cannot run on that host; its own words follow the colon.", "Correct `listcmd`, or leave it out."),
        Mistake("pre_cmd fails", 6, "c: failed: local: pre_cmd: service is busy", "Your own command ended with a status other than 0, so nothing was changed.", "Find out why by running it by hand as that account."),
    ],
    "Reading from a parent": [
        Mistake("source directory missing", 6, "c: blocked: its parent m has no directory /dat/gone", "`path` of the parent is wrong, or its disk is not mounted.", "Correct `path`, or mount the disk."),
        Mistake("source file not readable", 7, "c: secret: blocked: no digest of it could be made on m: see what is said of m", "The account may not read that file. The line of the parent has the reason: `m: note: digesting: sha256sum: ./secret: Permission denied`.", "Give the account the right to read, or name the file in `exclude`. Everything else was brought."),
        Mistake("source directory not readable", 7, "c: closed: blocked: m cannot list it: Permission denied (make it readable for its account there, or exclude it)", "The account may not enter a directory; what is in there is not brought, and nothing is deleted.", "Give the account the rights `r` and `x` on it, or name it in `exclude` (`exclude = lost+found`): then deletions go on, too."),
        Mistake("several directories not readable", 7, "m: note: the listing is incomplete, nothing is deleted: one: Permission denied and 1 more", "As before, for several; each has a line of its own.", "As before."),
        Mistake("a listcmd and a name with a line feed", 9, "m: its listing is not to be trusted: 'lines' is not below /dat/m; nothing was changed (a line feed in a file name does this to a listcmd: let it print NUL (-print0), or drop listcmd)", "A file name holds a line feed, and `listcmd` prints a name a line.", f"`-print0`, or no `listcmd`. {OUTDATED}"),
        Mistake("a file is still being written", 0, "m: waiting 2 s: 1 file(s) were written just now", "Files that changed within `stable_for` may be half an upload. sshsync waits once, then leaves what still changes for the next run.", "Nothing. If uploads always end in a rename, `stable_for = 0`."),
        Mistake("a copy that was changed by hand", 6, "n: a: blocked: its copy on c is not the verified one: synchronize c, too", "Somebody changed the file on the proxy; it is not passed on.", "Synchronize the proxy first, which brings the master's file back."),
        Mistake("a proxy that was filled by hand", 0, "n: note: 1 item(s) of c were never compared with a master: they are passed on as found (to compare: synchronize c, too)", "The files were on the proxy before sshsync brought anything there.", "Synchronize the proxy as well, once: then they are compared with its own parent's."),
    ],
    "Writing to a child": [
        Mistake("target not writable", 6, "c: failed: /dat/c cannot be written by USER: /dat/c is not writable: Permission denied (as root on HOST: install -d -o USER /dat/c)", "The directory belongs to another account.", "The command in the message."),
        Mistake("target's parent not writable", 6, "c: failed: /dat/up/c cannot be written by USER: /dat/up is not writable: Permission denied (as root on HOST: install -d -o USER /dat/up/c)", "The directory does not exist, and the account may not make it.", "The command in the message."),
        Mistake("group that files cannot be given to", 6, "c: failed: its files cannot be given to the group 'nosuchgroup': there is no such group (as root on HOST: groupadd nosuchgroup; usermod -a -G nosuchgroup USER; or name another file_group)", "`file_group` names a group that the host does not have; or, in other words of the same line, one that the account is not in (`app is only in: users`). Nothing was moved.", "The command in the message; who is logged in already has to log in anew. Or correct `file_group`."),
        Mistake("target is a file", 6, "c: failed: path: /dat/file is not a directory", "`path` names a file.", "Correct `path`, or move the file away."),
        Mistake("a directory stands where a file belongs", 7, "c: a: failed: mv: cannot overwrite directory './a' with non-directory", "The child has a directory where its parent has a file of that name.", "Look at what is in it, then remove it; or `delete = yes`, which makes room where nothing is lost."),
    ],
    "Guards": [
        Mistake("emptied master", 9, "c: refused: m is empty but held 2 item(s) before: nothing was changed; check that its disk is mounted; if it is empty, to let one run through: --allow-empty m (for ever: allow_empty = yes)", "The master has no file any more: mostly a disk that is not mounted.", "Mount it. If it is really empty, the option in the message."),
        Mistake("too many deletions", 9, "c: refused: 1 of 2 item(s) would be deleted: a (all: --dry-run); max_delete = 0, 25% allows less: nothing was deleted; to let one run delete them: --max-delete 1", "More files are gone on the parent than `max_delete` allows.", "Look at them with `--dry-run`. If they are to go, the option in the message, for this run only."),
        Mistake("child's directory gone", 9, "c: refused: its directory is missing but held 2 item(s) before: nothing was changed; check that its disk is mounted, or make the empty directory to start anew", "The child's disk is not mounted, or somebody removed the directory.", "Mount it; or make the empty directory, which says that all is to be copied again."),
    ],
    "The configuration": [
        Mistake("configuration missing", 3, f"{CONF}: No such file or directory (make one with: sshsync config init)", "There is no file of that name.", "`-c FILE` or `SSHSYNC_CONFIG` names another one."),
        Mistake("misspelt option", 3, f"{CONF}:5: [m] unknown key 'paht' (did you mean path?)", "There is no option of that name.", "[All options](configuration.md)."),
        Mistake("misspelt value", 3, f"{CONF}:6: [m] transfer: must be one of auto, relay, command, scp, direct", "The option takes only these.", "One of them."),
        Mistake("no number", 3, f"{CONF}:6: [m] port: must be a whole number", "The option takes a number.", "A number."),
        Mistake("unknown parent", 3, f"{CONF}:9: [c] parent 'mastr' is not a repository of this configuration (did you mean master?)", "`parent` names no section.", "The name of a section."),
        Mistake("parents in a circle", 3, f"{CONF}:6: [a] parent runs in a circle: a -> b -> a", "Each is fed by the other, so nobody is the master.", "Remove `parent` from the master's section."),
        Mistake("path missing", 3, f"{CONF}:3: [m] path is missing (add: path = …)", "A repository needs a directory.", "Add it."),
        Mistake("host missing", 3, f"{CONF}:3: [m] host is missing (add: host = …, or transport = local)", "A repository needs a host.", "Add it, or say that it is on the controller itself."),
        Mistake("section twice", 3, f"{CONF}:6: section [m] stands here again; first at {CONF}:3", "Two sections have one name, so it is not clear which one counts.", "Rename one of them."),
        Mistake("a line that is no option", 3, f"{CONF}:6: is neither a [section] nor a key = value; it begins with 'delete'", "The equals sign is missing, or a continued line is not indented.", "`key = value`; indent what continues a value."),
        Mistake("unknown variable", 3, f"{CONF}:5: [m] path: 'NO_SUCH_VARIABLE' is not set in the environment", "`${env:…}` names a variable that the account that runs sshsync does not have. A service has few of them.", "`Environment=` in the unit, or write the value."),
        Mistake("password others may read", 3, f"{CONF}:6: [m] password stands in a file that others may read (chmod 600 {CONF}, or use password_file)", "Everybody on the controller could read the password.", "The command in the message."),
        Mistake("configuration others may change", 3, f"{CONF}: others may change it (chmod go-w {CONF})", "Whoever may write to it could run commands on every host.", "The command in the message, after a look at what it says."),
    ],
    "The command line and the controller": [
        Mistake("unknown repository", 4, "sshsync: unknown repository 'nod' (did you mean node?)", "No section has that name.", "`sshsync config show` lists them."),
        Mistake("a master is synchronized", 2, "sshsync: m is a master: it has no parent to synchronize from (name its children: --sync c)", "`--sync` names who receives.", "Name the children."),
        Mistake("nothing is asked for", 2, "Error: nothing to do: name repositories with --sync, or a command", "No repository was named.", "`--all`, `--plan NAME` or `--sync NAME`."),
        Mistake("a pattern that is none", 2, "Error: --include: pattern '[[:nothing:]]': it names a class of characters that there is not; write it as in a .gitignore, such as '*.rpm' or lib/", "`--include` and `--exclude` take patterns as a `.gitignore` does.", "Correct it, in quotes: else the shell makes something else of it."),
        Mistake("a pattern that matches nothing", 6, "c: failed: nothing on m matches --include d/bb: did you mean d/b? (what its configuration leaves out stays out, too)", "Neither the repository nor its parent holds what one run was narrowed to.", "Correct the pattern; `sshsync ls m 'PATTERN'` shows what it names."),
        Mistake("another run is at work", 8, "sshsync: another run holds the lock /var/lib/sshsync/lock: pid N on 'CONTROLLER' since TIME (wait for it, or look at it with: sshsync status)", "Two runs with one `state_dir` never work at once.", "Wait; `sshsync status --watch` follows the other one."),
        Mistake("state directory others may change", 6, "sshsync: others may write to /var/lib/sshsync (chmod go-w /var/lib/sshsync)", "The known host keys lie in there.", "The command in the message."),
        Mistake("state directory cannot be made", 6, "sshsync: cannot make /dat/file/state: Not a directory (set state_dir)", "The reason is in the message.", "Correct `state_dir`, or make it for the account that runs sshsync."),
        Mistake("damaged journal", 0, "c: note: the journal was damaged (file is not a database); it lies at /var/lib/sshsync/journal.sqlite.damaged-TIME, a new one is begun", "The disk lost something, or the file was changed by something else.", "Look at the disk. The run went on; files are digested anew once, and older runs are not in `history` any more."),
        Mistake("no mail server", 0, "sshsync: warning: mail_to: localhost:1: Connection refused; set smtp_host and smtp_port to a server that takes mail", "No mail server answers at `smtp_host`. The run itself is not touched by it.", "Correct `smtp_host` and `smtp_port`; try with `sshsync notify test`."),
    ],
}


def page() -> list[str]:
    """Return the symptoms as lines of Markdown."""
    lines = ["## Symptoms", "", "Each message as it is printed. `HOST` stands for a host (with its port), `USER` for an account, `…` for a fingerprint;", "`m` is a master here, `c` its child, `n` a child of `c`. A `note` or `warning` fails no run by itself.", ""]
    for group, mistakes in MISTAKES.items():
        lines += [f"### {group}", ""]
        for one in mistakes:
            lines += [f"#### {one.name[0].upper()}{one.name[1:]}", "", "```text", one.said, "```", "", f"Cause: {one.cause}", "", f"Cure: {one.cure}", "", f"Exit code {one.code}.", ""]
    return lines
