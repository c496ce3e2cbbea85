"""The option table: the fields of these models are every key there is.

The parser, the commented sample and the reference page are made of it; nothing else lists options, and a default stands
nowhere else.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

from sshsync.config import texts, values
from sshsync.config.hours import times
from sshsync.config.rates import bandwidth
from sshsync.model.bandwidth import Bandwidth
from sshsync.model.hours import ALWAYS, Times
from sshsync.model.policy import Compress, Links, MaxDelete, Mode, TransferKind

VARIABLES = (
    "REPOPATH",
    "FILEPATH",
    "FILE",
    "REMOTEHOST",
    "REMOTEPORT",
    "REMOTEUSER",
    "REMOTEPASSWORD",
    "REMOTEDIR",
    "LOCALHOST",
    "LOCALUSER",
    "LOCALPASSWORD",
    "LOCALDIR",
)
"""Variables that templates may use; REMOTE… is the parent as its child sees it."""


def _option(default: Any, words: str, example: str = "", *, secret: bool = False) -> Any:
    return Field(default, description=words, examples=[example] if example else None, repr=not secret)


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)


class RepositoryOptions(_Options):
    """Keys of a repository section; each may also stand in ``[DEFAULT]``."""

    host: values.Word = _option("", "Name or address of the host. Needed unless `transport = local`.", "192.168.0.1")
    port: Annotated[int, Field(ge=1, le=65535)] = _option(22, "Port of its sshd.")
    user: values.Word = _option("", "Account on the host; the account that runs sshsync by default.", "repoowner")
    path: values.Path = _option(
        "", "Root of the repository: an absolute path on the host. Files need one.", "/dat/repo"
    )
    parent: str = _option(
        "", "Repository that feeds this one. A repository without a parent is a master.", "repomaster"
    )
    type: values.Word = _option(
        "files",
        "What its items are: `files`, or packages: `pip`, of a Python environment in `path` or of a host's own "
        "Python, or `rpm`, of a host or of the installroot in `path`. A parent and its "
        "children are of one type.",
    )
    transport: values.Word = _option(
        "ssh", "How the host is reached: `ssh`, or `local` when sshsync runs on that host itself."
    )
    shell: Annotated[str, AfterValidator(texts.shell)] = _option(
        "/bin/sh", "The POSIX shell on the host.", "/usr/xpg4/bin/sh"
    )
    via: str = _option("", "Repository whose host is the jump host to this one.", "repoproxy")
    peer_host: values.Word = _option(
        "", "Name under which the hosts of its children reach this host; `host` by default."
    )
    peer_port: Annotated[int, Field(ge=0, le=65535)] = _option(0, "Port under which they reach it; `port` by default.")
    peer_user: values.Word = _option("", "Account with which they log in there; `user` by default.")
    key_file: values.Text = _option(
        "",
        "Private key to log in with (mode 0600). By default id_ed25519, id_ecdsa and id_rsa of the account "
        "that runs sshsync.",
        "~/.ssh/id_ed25519",
    )
    key_passphrase_command: values.Text = _option(
        "",
        "Command on the controller that prints the passphrase of `key_file`; run without a shell.",
        "pass show key",
        secret=True,
    )
    agent: bool = _option(False, "Offer the keys of the ssh-agent of the account that runs sshsync, after key_file.")
    password: Annotated[values.Text, AfterValidator(texts.no_stars)] = _option(
        "",
        "Password to log in with. Only stars mean none. A key or `password_file` is better.",
        "******",
        secret=True,
    )
    password_file: values.Text = _option("", "File whose first line is the password (mode 0600).")
    password_command: values.Text = _option(
        "",
        "Command on the controller that prints the password; run without a shell.",
        "pass show appnode",
        secret=True,
    )
    host_key: values.Text = _option(
        "", "The one host key that is accepted: its SHA256 fingerprint, or type and base64 text.", "SHA256:…"
    )
    known_hosts: values.Text = _option(
        "",
        "File with known host keys. By default: sshsync's own in `state_dir`, the account's, the system's.",
    )
    listcmd: values.Template = _option(
        "", "Command that lists the files; by default a built-in one.", "find ${REPOPATH} -type f"
    )
    digestcmd: values.Template = _option(
        "", "Command that prints the digest of ${FILEPATH}; by default a built-in one.", "sha1sum ${FILEPATH}"
    )
    synccmd: values.Template = _option(
        "",
        "Command that runs on this host and fetches ${FILE} from its parent into ${LOCALDIR}. "
        "By default the controller relays the bytes.",
        "scp -p ${REMOTEUSER}@${REMOTEHOST}:${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}",
    )
    sshcmd: values.Template = _option(
        "ssh -T -a -x -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=20 -o ServerAliveInterval=15 "
        "-o ServerAliveCountMax=4 -o ClearAllForwardings=yes -o LogLevel=ERROR -p ${REMOTEPORT} -l ${REMOTEUSER} "
        "${REMOTEHOST}",
        "With `transfer = direct`: command on this host that logs in to its parent and runs there what follows it as "
        "one more word. It must never ask, and its check of host keys cannot be loosened here.",
    )
    forward_agent: bool = _option(
        False,
        "Let `sshcmd` use the ssh-agent of the account that runs sshsync, as long as it runs: whoever is root on this "
        "host can use its keys meanwhile. A key of this host's own is better.",
    )
    digest: Literal["", "md5", "sha1", "sha256", "sha512"] = _option(
        "", "Digest algorithm; by default that of the chain's digestcmd, else sha256."
    )
    transfer: TransferKind = _option(
        TransferKind.AUTO,
        "How bytes move: `relay` through the controller, `command` by `synccmd`, or `auto`: by `synccmd` where "
        "there is one and the file's name is plain, else by relay; `scp`, for hosts where no script can write bytes, "
        "is taken by itself where `cat` is missing. `direct`: this host pulls from its parent with its own ssh "
        "(`sshcmd`), and the controller only says what.",
    )
    include: values.Patterns = _option(
        (),
        "Patterns of files that take part, one a line, as in a .gitignore; all by default. What git would ignore "
        "takes part: a pattern that matches a directory takes in all below it.",
    )
    exclude: values.Patterns = _option(
        (),
        "Patterns of files that do not take part: they are neither copied nor deleted. They match as in a .gitignore: "
        "the last one that matches decides (`!` takes back), nothing below an excluded directory can be taken back, "
        "a backslash keeps a space at the end.",
        "*.tmp",
    )
    delete: bool = _option(False, "Delete files that the parent does not have.")
    file_mode: Annotated[Mode | None, PlainValidator(values.mode)] = _option(
        None,
        "Permissions that files bear here, in octal; by default those that they have at the parent. Repositories "
        "behind this one take them over, unless they have their own.",
        "0640",
    )
    file_group: Annotated[values.Text, AfterValidator(values.group)] = _option(
        "",
        "Group on this host that files belong to here, from before they are visible; by default the one that the host "
        "gives them. The account has to be in it. Repositories behind this one do not take it over.",
        "app",
    )
    empty_dirs: bool = _option(
        False,
        "Make the empty directories that the parent has; with `delete = yes`, remove those that it does not have and "
        "that are empty here. A `listcmd`, here or there, tells of none.",
    )
    links: Annotated[Links, BeforeValidator(values.links)] = _option(
        Links.SKIP,
        "What becomes of the parent's symbolic links: `skip` leaves them out; `copy` makes those that are relative "
        "and stay inside, as they are; `follow` takes the files below the parent's root that they lead to, each under "
        "the link's name. Both name the others. With `delete = yes`, `copy` removes links that the parent does not "
        "have. A `listcmd`, here or there, tells of none.",
        "copy",
    )
    max_delete: Annotated[MaxDelete, BeforeValidator(values.max_delete)] = _option(
        values.MAX_DELETE, "Number and share of files; more deletions in one run are refused."
    )
    keep: Annotated[int, Field(ge=0, le=1000)] = _option(
        0,
        "Number of runs of which is kept here what they replaced or deleted, in `.sshsync/replaced/RUN`; 0 for none. "
        "Only runs that replaced or deleted something count. `sshsync restore` brings it back. Of packages 3 by "
        "default, and what is needed for `sshsync rollback` is kept.",
        "3",
    )
    allow_empty: bool = _option(False, "Accept that this repository became empty although it held files before.")
    stable_for: values.Seconds = _option(
        60.0, "Time for which a master's file must have been left alone before it is taken."
    )
    digest_cache: bool = _option(True, "Do not digest a file again whose size, times and inode are unchanged.")
    verify_share: Annotated[float, BeforeValidator(values.share)] = _option(
        0.0,
        "Share of the files that each run reads again although they seem unchanged, always others: with 2% all of them "
        "are read again within fifty runs. 0 for none.",
        "2%",
    )
    python: values.Text = _option(
        "", "With `type = pip` and no `path`: the Python whose packages are meant, `python3` by default.", "python3.12"
    )
    tools: bool = _option(
        False, "With `type = pip`: pip, setuptools, wheel and distribute take part, too, as in `pip freeze --all`."
    )
    sudo: bool = _option(
        False,
        "Packages are changed by `sudo -n` there: the account must be allowed to run pip or dnf so without a password.",
    )
    downgrade: bool = _option(True, "Bring packages to an older version, too, where the parent has an older one.")
    sources: bool = _option(
        False,
        "With `type = pip`: build what its index has as source only, on this host. That runs what its author wrote, "
        "and needs whatever he asks for.",
    )
    hashes: bool = _option(
        True, "With `type = pip`: compare every file of a package that was changed with what was installed."
    )
    externally_managed: Literal["refuse", "change"] = _option(
        "refuse",
        "With `type = pip` and no `path`: `change` to change what the system says is the business of its own package "
        "manager alone (PEP 668).",
    )
    besides: Literal["refuse", "dependencies", "any"] = _option(
        "dependencies",
        "With `type = rpm`: what dnf may change that nobody asked for. `dependencies`: it may install what a wanted "
        "package needs; `refuse`: nothing; `any`: whatever its resolver finds, up, down and away.",
    )
    held: Literal["respect", "change"] = _option(
        "respect",
        "With `type = rpm`: `change` to change also what an `exclude` of dnf or `dnf versionlock` holds.",
    )
    rollback: Literal["no", "auto"] = _option(
        "no",
        "`auto` to put packages back at once to what they were where what was changed is not as it should be, "
        "`pip check` or dnf complains of something new, or `health_cmd` fails. The repository has failed all the same.",
        "auto",
    )
    groups: values.Names = _option((), "Groups that it belongs to, for `--sync @GROUP`.", "site-a, java")
    inherit: str = _option("", "Section whose values hold here too, unless they are set here.", "appnode1")
    retries: Annotated[int, Field(ge=1, le=100)] = _option(
        5,
        "Tries of a step in a row that fail for a passing reason and keep nothing; what is kept starts the count anew.",
    )
    timeout: Annotated[values.Seconds, Field(ge=1)] = _option(
        60.0,
        "Time without any progress after which a step is broken off and tried again, over a new connection when the "
        "old one stands still; slow but steady work may take as long as it likes.",
    )
    bwlimit: Annotated[Bandwidth, PlainValidator(bandwidth)] = _option(
        Bandwidth(),
        "Bytes a second that may go to this repository through the controller, all streams together and as they are on "
        "the wire; 0 for no limit. With hours of the controller's clock, `08:00-18:00 2M, 50M`, and days, "
        "`Mon-Fri 22:00-06:00 10M` (the morning after, too), the first that holds decides, else the one without hours. "
        "Each child of a parent has its own limit; a `synccmd` has to limit itself.",
        "08:00-18:00 2M, 50M",
    )
    compress: Annotated[Compress, BeforeValidator(values.compress)] = _option(
        Compress.NO,
        "Whether bytes are compressed between parent and controller and between controller and this host, wherever "
        "there is zstd or gzip, each leg by the better one of its host: `yes`, `no`, or `auto` for where that brings "
        "them sooner, by what the link carries and what becomes of their first megabyte.",
        "auto",
    )
    streams: Annotated[int, PlainValidator(values.streams)] = _option(
        values.AUTO,
        "Streams in which one big file comes, over up to four connections to a host: a number up to 8, or `auto` for "
        "as many as are of use by the measured round trip, which is one where hosts are near.",
        "4",
    )
    pipeline: bool = _option(
        False,
        "Take from the parent while that is still being synchronized: what it has verified already, of a big file too. "
        "Deletions, and the word that this repository is in sync, wait for the parent's end.",
    )
    pre_cmd: values.Template = _option(
        "",
        "Command on this host before its files change in a run; when it fails, nothing is changed. It sees REPOPATH, "
        "and may be run again after a broken connection.",
        "systemctl --user stop app",
    )
    post_cmd: values.Template = _option(
        "",
        "Command on this host after everything that had to change did. It stays due until it ended well: a killed run "
        "hands it on to the next.",
        "systemctl --user start app",
    )
    health_cmd: values.Template = _option(
        "",
        "Command on this host behind `post_cmd` that tells whether all is well after a change: when it fails, so has "
        "this repository. It stays due until it ended well, and sees REPOPATH.",
        "python3 -c 'import django'",
    )


class GlobalOptions(_Options):
    """Keys of the section ``[sshsync]``."""

    state_dir: values.Text = _option(
        "", "Directory of the journal; /var/lib/sshsync for root, else ~/.local/state/sshsync by default."
    )
    lock_file: values.Text = _option("", "Lock file; `lock` in state_dir by default.")
    log_file: values.Text = _option("", "Log file; `sshsync.log` in state_dir by default, `none` for no file.")
    log_format: Literal["json", "logfmt"] = _option("json", "Lines of the log file: JSON objects, or key=value words.")
    log_level: Literal["debug", "info", "warning", "error"] = _option(
        "info", "Level of the log file: one line a repository at info, one line a file at debug."
    )
    console_level: Literal["debug", "info", "warning", "error"] = _option(
        "info", "Level of the plain lines on stderr, where it is no terminal; with --json at least warning."
    )
    journald_level: Literal["debug", "info", "warning", "error"] = _option(
        "info", "Their level where stderr is systemd's journal; each line then carries its priority."
    )
    report_dir: values.OwnFile = _option(
        "",
        "Directory with a page of HTML for each run; latest.html leads to the last one. The 200 latest are kept.",
        "/var/lib/sshsync/reports",
    )
    metrics_file: values.OwnFile = _option(
        "",
        "File in Prometheus' text format, replaced after each run.",
        "/var/lib/prometheus/node-exporter/sshsync.prom",
    )
    status_file: values.OwnFile = _option(
        "", "File with the summary of the last run as JSON, replaced after each run.", "/run/sshsync/status.json"
    )
    ping_url: values.Url = _option(
        "",
        "Address that is told of each run: URL/start, then URL or URL/fail, as healthchecks.io and its kin take it.",
        "https://hc-ping.com/…",
        secret=True,
    )
    mail_to: values.Addresses = _option(
        "", "Who gets a mail about runs, see `mail_on`, and `mail_weekly`.", "ops@example.org"
    )
    mail_on: Literal["failure", "change", "always"] = _option(
        "failure",
        "Of which runs they get one: `failure`, those that did not end well; `change`, also those that changed "
        "something and the first that ended well again; `always`, every run.",
    )
    mail_weekly: values.Weekly = _option(
        None,
        "Day and time of a mail about the week, also when nothing ran. `sshsync notify weekly` sends it: let "
        "sshsync-weekly.timer or cron call that every hour or oftener.",
        "Mon 07:00",
    )
    mail_from: values.Addresses = _option("", "From whom mail is; sshsync@ and the name of this host by default.")
    smtp_host: values.Word = _option("localhost", "Server that takes mail, by SMTP.", "mail.example.org")
    smtp_port: Annotated[int, Field(ge=0, le=65535)] = _option(
        0, "Its port; by default 465 with `smtp_tls = tls`, 587 with a login, else 25."
    )
    smtp_tls: Literal["no", "starttls", "tls"] = _option(
        "no", "`starttls` to ask it for TLS and go on only with that, `tls` for TLS from the first byte on."
    )
    smtp_ca_file: values.OwnFile = _option(
        "", "File with the certificates that vouch for it; those of the system by default.", "/etc/pki/tls/certs/ca.pem"
    )
    smtp_user: values.Text = _option("", "Account to log in with there; without one there is no login.")
    smtp_password_file: values.OwnFile = _option("", "File whose first line is its password (mode 0600).")
    sendmail: values.OwnFile = _option(
        "",
        "Program that takes mail instead of `smtp_host`, as sendmail -t does. Most need rights that the shipped "
        "services do not have.",
        "/usr/sbin/sendmail",
    )
    notify_command: values.Text = _option(
        "",
        "Command on the controller after each run, without a shell: the summary as JSON on its input, SSHSYNC_RUN, "
        "SSHSYNC_OUTCOME, SSHSYNC_EXIT_CODE and SSHSYNC_HEADLINE in its environment.",
        "/usr/local/bin/tell-the-team",
        secret=True,
    )
    window: Annotated[Times, PlainValidator(times)] = _option(
        ALWAYS,
        "Hours in which runs may be under way, by the clock of the controller; days may stand before them. Outside of "
        "them nothing begins (exit code 12), and what is under way ends with them, its state saved, to go on in the "
        "next ones. `--now` passes over it for one run; dry runs and looks are not bound by it.",
        "22:00-06:00",
    )
    max_duration: values.Seconds = _option(
        0.0,
        "Time after which a run ends, its state saved, to go on in the next one; 0 for none. It is counted anew for a "
        "run that goes on.",
        "8h",
    )
    watch_interval: Annotated[values.Seconds, Field(ge=1)] = _option(
        300.0, "Time between two looks of `sshsync watch` at the masters, more or less a tenth."
    )
    watch_walk: values.Seconds = _option(
        86400.0,
        "Time after which `sshsync watch` walks the tree although nothing is new: a look at the masters does not see "
        "what changed on a node, nor tell since when it is in sync. 0 for never.",
    )
    notify_url: Annotated[tuple[str, ...], BeforeValidator(values.each)] = _option(
        (),
        "Services in apprise's spelling, one a line, that get a message about each run that did not end well. Needs "
        "the extra `notify` (pip install 'sshsync[notify]').",
        "ntfy://ntfy.example.org/sshsync",
        secret=True,
    )
    max_parallel: Annotated[int, Field(ge=1, le=1000)] = _option(32, "Repositories that are synchronized at once.")
