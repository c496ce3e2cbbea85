"""What each field of the objects of `--json` means, and what stands around them on docs/json.md."""

HEAD = """<!-- made by script/docs: change the code instead -->

# What `--json` prints

One object a line on stdout, whatever happens: each has a `type`. A run prints its events as they happen and its [summary](#summary) last; a
command that cannot do its work (wrong usage, a configuration that is not valid, a lock that is held, an unknown name, Ctrl-C, a bug) prints
an [error](#error), whose `exit_code` is that of the process. Warnings and questions go to stderr, in words. Only `--help` and `--version` are text.

| command | prints |
|---|---|
| `--sync`, `--all`, `--plan`, `resume`, `verify`, with or without `--dry-run` | events, `summary`; `resume` with nothing to go on with: `remark` |
| `watch` | the same for each run |
| `status` | `status`, then the `summary` of the last run; with `--watch` before them a `headway` a second |
| `history` | a `run` for each |
| `history --file PATH` | a `version` for each change of the file, the latest first; a `held` for each repository that has it |
| `history RUN` | the events of the run, `summary` |
| `report` | `summary`; with `--html FILE` `remark` |
| `diff` | a `difference` for each file that differs or could not be compared, with `--verbose` for all; `comparison` last |
| `drift` | a `drifted_item` for each that differs or could not be compared, an `error` for each repository that could not be asked, `drifting` for each type |
| `packages` | a `listed` for each package; an `error` for each that is damaged |
| `ls`, `sums` | a `listed` for each file; an `error` for each that could not be listed or read |
| `restore --list` | a `kept` for each version |
| `restore` | a `restored` for each file; an `error` for each that could not be brought back |
| `config check` | `config` |
| `config show` | a `section` for each, `sshsync` first |
| `hosts check` | a `survey` for each repository |
| `hosts trust` | a `host_key` for each host, and an `error` for each that failed |
| `hosts forget` | `forgotten` for each repository |
| `notify test` | `notified` for each who is to be told |
| `notify weekly` | `remark` |

`notify_command` gets the `summary` on its input; `status_file` holds it, too, with `type` `status` and the moments of all repositories under `in_sync`.

Fields and types of objects are only ever added: pass over what you do not know. Times are seconds since the epoch by the controller's clock, sizes are bytes.
A name that is no UTF-8 is escaped as on the screen; its bytes stand beside it in base64, `name_base64` beside `name`; beside a list stands a list, with null for names that are plain.
[sshsync.schema.json](sshsync.schema.json) says the same to programs (JSON Schema 2020-12)."""

TAIL = """Tests validate what runs and commands print against the schema, with no field more."""

BASE64 = "bytes of the name in base64, where it is no UTF-8"

OBJECTS = {
    "headway": "How far the run that is under way is (`status --watch`, once a second).",
    "summary": "What a run did: the last line of a run.",
}
"""Objects that are made of no class of their own."""

_ALL = {
    "run": "id of the run",
    "at": "when",
    "repository": "repository that it is about",
    "parent": "repository that it is brought from",
    "bytes": "bytes that it is about",
    "items": "number of items",
    "name": "name of the item",
    "names": "names of the items",
    "reason": "why, in the words of the host or of sshsync",
    "text": "in words",
    "outcome": "how it ended",
    "code": "exit code that it asks for; 0 for none",
    "exit_code": "exit code of the process",
    "as_of": "when the master was scanned that the repository equals now; 0 when it does not",
    "error": "why it did not reach its goal, or empty",
    "transient": "whether trying again may help",
    "seconds": "how long, in seconds",
    "message": "what happened, in words",
    "place": "file and line, or default",
    "hint": "what to do next, or empty",
    "host": "address of the host, with the account",
    "started": "when it began",
    "finished": "when it ended",
    "interrupted": "whether a signal ended it, or its time was over",
    "dry_run": "whether nothing was to be changed",
    "stages": "repositories, stage by stage",
    "option": "option that it is about",
    "retries": "steps that were tried again",
    "unchanged": "items that were right already",
    "kept": "bytes that did not have to move because they were there",
    "skipped": "what is no regular item (links, devices) and was left out",
    "omitted": "what was skipped, by sorts: name of one, number, word for one, word for several",
    "only": "what an item is instead",
    "left_out": "what repositories hold and do not pass on, by sorts",
    "what": "what one of them is called",
    "count": "how many there are",
    "example": "name of one of them",
    "problems": "what is wrong, one by one",
    "left": "what is left",
    "include": "patterns that a file has to match to take part in the run; empty for all",
    "exclude": "patterns of files that take no part in it",
    "out_of_time": "which time was over before it was through (`window`, `max_duration`), in words; empty for none",
    "narrowed": "what the run was narrowed to (`--include`, `--exclude`); null for a whole one",
    "repositories": "the repositories, one by one",
}

_OWN = {
    "run_started.continued": "whether an unfinished run goes on",
    "run_started.back": "the run before which all was to be again; empty for none",
    "run_started.force": "whether also what somebody else changed was to be brought back",
    "run.like": "the repository whose items were asked for instead of those of the parents; empty for these",
    "run.back": "the run before which all was to be again; empty for none",
    "run_started.like": "the repository whose items were asked for instead of those of the parents; empty for these",
    "run_started.halt": "whether no stage was to begin after one that did not end well",
    "run_started.version": "version of sshsync",
    "repository_started.one": "what one of its items is called",
    "repository_started.many": "what several are called",
    "repository_started.bring": "what is done to them",
    "repository_started.brought": "what was done to them then",
    "scanned.hashed": "bytes that were read for digests",
    "scanned.complete": "whether the listing is whole: only then anything may be deleted for it",
    "scanned.bytes": "bytes of all items",
    "scanned.as_of": "when it was scanned",
    "planned.copy": "items that are missing",
    "planned.replace": "items that differ",
    "planned.adjust": "items of which only mode, time or group differ",
    "planned.delete": "items that the parent does not have",
    "planned.bytes": "bytes that have to move",
    "planned.excluded": "items that the configuration leaves out, or what the run is narrowed to",
    "planned.done": "items that came before this plan was made",
    "planned.done_bytes": "their bytes",
    "planned.bring": "what is done with what is missing",
    "planned.links": "links to make, or to lead elsewhere",
    "planned.empties": "empty directories to make or remove",
    "change.bring": "what is done with what is missing",
    "change.old": "its version there, where items have versions",
    "change.new": "the version that it is to have, where items have versions",
    "change.down": "whether that is the older one of the two",
    "change.kind": "copy, replace, adjust or delete; make or remove, of an empty directory; link or relink, of a link that is made or that is to lead elsewhere",
    "published.items": "name, digest and size of each",
    "published.salvaged": "whether an earlier run had moved the bytes",
    "saved.name": "name of an item; the first of several that came together",
    "item_failed.code": "exit code that it asks for",
    "retried.step": "what is tried again",
    "retried.attempt": "number of the try that failed",
    "retried.wait": "seconds until the next one",
    "notice.text": "what an operator should know",
    "refused.option": "option that lets one run through, or empty",
    "repository_finished.seconds": "how long it took",
    "repository_finished.narrowed": "whether the run looks at a part only: then this is true of that part",
    "error.message": "what failed and why",
    "error.where": "host or repository that it is about, or empty",
    "error.problems": "everything that is wrong in the configuration; empty for other errors",
    "error.place": "file and line",
    "status.running": "who is at work now; empty for nobody, null where that cannot be told",
    "status.name": "name of the repository, or of an item",
    "status.in_sync": "last moment of which it is known to equal its master; 0 for never",
    "status.outcome": "how it ended last; empty for never",
    "status.run": "id of the run in which it ended last",
    "status.arriving": "items of which a part has arrived",
    "status.size": "bytes of the whole item",
    "status.there": "bytes that are there",
    "status.codes": "exit codes that its items ask for",
    "status.overdue": "seconds within which it should have been in sync and was not; 0 when it was",
    "status.ok": "whether it reached its goal when it was last synchronized, and not too long ago",
    "status.headway": "how far the run under way is; null for none",
    "status.exit_code": "that of a run in which each had ended as it last did",
    "config.valid": "true: an error tells of one that is not",
    "config.warnings": "what to look at, in words",
    "section.name": "name of the repository, or sshsync for the global settings",
    "section.values": "each option with its value",
    "section.value": "as it would stand in the file; secrets are masked",
    "run.id": "id of the run",
    "run.dry": "whether it was a dry run",
    "run.finished": "when it ended; null for one without an end",
    "run.exit_code": "null for one without an end",
    "run.abandoned": "whether another run took its place before it ended",
    "run.outcome": "how it ended; empty for one without an end",
    "run.seconds": "how long it took from its beginning, waiting to go on too; null for one without an end",
    "run.good": "repositories that reached their goal",
    "run.brought": "items that came",
    "run.deleted": "items that were deleted",
    "run.failed": "items that failed",
    "run.moved": "bytes that moved",
    "version.name": "path of the file below the root",
    "version.what": "published, deleted or adjusted (mode or time only)",
    "version.digest": "digest of what was published, with its algorithm; empty otherwise",
    "version.size": "bytes of what was published; null otherwise",
    "held.name": "path of the file below the root",
    "held.digest": "at which it was last verified, with its algorithm",
    "listed.repository": "repository that holds it",
    "listed.name": "path below the root",
    "listed.size": "bytes of it",
    "listed.mtime": "when it was changed last, by its own host",
    "listed.digest": "digest, with its algorithm; empty where none could be made",
    "kept.repository": "repository that it is kept on",
    "kept.run": "run that put it aside, or the name under which `restore` did",
    "kept.at": "when that began, by its name; null where that does not tell",
    "kept.name": "path below the root",
    "kept.size": "bytes of it",
    "kept.mtime": "when it was changed last, by its own host",
    "restored.repository": "repository that it was brought back on",
    "restored.run": "run that had put it aside",
    "restored.name": "path below the root",
    "restored.size": "bytes of it",
    "restored.digest": "digest of what is in place now, verified there, with its algorithm",
    "restored.expected": "digest at which a run had published it before it was put aside; empty where that is not on record",
    "restored.aside": "name under which what stood there is kept now; empty where nothing did",
    "restored.exclude": "pattern for `exclude` with which the next run leaves it alone; empty where no configuration can hold one",
    "difference.repository": "repository that is compared",
    "difference.other": "repository that it is compared with",
    "difference.name": "path below the root; of a directory where that could not be listed",
    "difference.sign": "how it stands on the repository: missing there, extra (only there), equal, differs; unknown where it could not be compared",
    "difference.reason": "why it could not be compared, or empty",
    "difference.size": "bytes of it on the repository; null where it is not there",
    "difference.digest": "its digest on the repository, empty where none could be made; null where it is not there",
    "difference.other_size": "bytes of it on the other one; null where it is not there",
    "difference.other_digest": "its digest on the other one, likewise",
    "comparison.repository": "repository that was compared",
    "comparison.other": "repository that it was compared with",
    "comparison.equal": "number of files that are equal",
    "comparison.missing": "number of those that are not on the repository",
    "comparison.extra": "number of those that are only there",
    "comparison.differs": "number of those that differ",
    "comparison.unknown": "number of those that could not be compared",
    "drifted_item.kind": "type of the repositories",
    "drifted_item.versions": "what was found, the newest last where there is an order",
    "drifted_item.digest": "what they hold: of packages `version:` and the version",
    "drifted_item.repositories": "who hold it, or of whom nobody can say",
    "drifted_item.newest": "whether it is the newest of those that were found",
    "drifted_item.missing": "repositories that have none",
    "drifted_item.unsure": "repositories of which nobody can say what they hold",
    "drifted_item.reason": "why that cannot be said",
    "drifting.kind": "type of the repositories",
    "drifting.repositories": "who was asked",
    "drifting.against": "repository that the others were held against, or empty",
    "drifting.at": "when the last answer came",
    "drifting.items": "number of different ones that were found",
    "drifting.differing": "number of those that are not the same everywhere",
    "drifting.unsure": "number of those that could not be compared everywhere",
    "drifting.unasked": "repositories that could not be asked",
    "drifting.exit_code": "exit code that it asks for: 75 or 7 where somebody could not be asked, else 11 for any difference, 7 for what could not be compared, else 0",
    "comparison.exit_code": "exit code of the process: 7 for any unknown, else 11 for any difference, else 0",
    "run_started.command": "how to call sshsync again for the same configuration and state",
    "run_started.line": "the whole command line",
    "run_started.config": "configuration file",
    "run_started.controller": "name of the host that it runs on",
    "run_finished.good": "repositories that reached their goal",
    "run_finished.brought": "items that came, in all goes of the run",
    "run_finished.deleted": "items that were deleted",
    "run_finished.failed": "items that failed",
    "run_finished.moved": "bytes that moved",
    "summary.called": "how sshsync was called",
    "summary.command": "how to call it again for the same configuration and state",
    "summary.line": "the whole command line",
    "summary.config": "configuration file",
    "summary.controller": "name of the host that it ran on",
    "survey.problem": "why it cannot take part, or empty",
    "survey.platform": "what the host says it is",
    "survey.login_shell": "shell of the account",
    "survey.root": "missing, closed, readable or writable",
    "survey.digest": "what makes digests there",
    "survey.speed": "bytes a second that it digests; 0 where that was not measured",
    "survey.round_trip": "seconds that the smallest command takes",
    "survey.clock": "seconds that its clock is ahead of the controller's",
    "survey.free": "bytes that fit below the root; null where that is not known",
    "survey.durable": "whether the host can flush one file system",
    "survey.tools": "tools that were found",
    "survey.ways": "what would be used for list, digests and transfer",
    "survey.security": "algorithms that the connection agreed on, by their names in SSH",
    "host_key.key": "its type",
    "host_key.fingerprint": "its fingerprint (SHA256)",
    "host_key.state": "known, new or changed",
    "host_key.others": "keys on record that it is not",
    "host_key.recorded": "file that it was recorded in; empty when it was not",
    "forgotten.file": "sshsync's own file of known hosts",
    "forgotten.keys": "fingerprints that were taken out of it",
    "forgotten.left": "places of other files that still hold a key of the host",
    "notified.option": "option of the configuration that asks for it",
    "notified.about": "success or failure",
    "notified.ok": "whether nothing went wrong",
    "notified.message": "what was done, or what went wrong",
    "headway.at": "when it said so",
    "headway.repositories": "number of repositories of the run",
    "headway.ended": "how many have ended",
    "headway.bad": "how many of them badly",
    "headway.underway": "those that are being synchronized",
    "headway.name": "name of the repository",
    "headway.doing": "looking, bringing, waiting or finishing",
    "headway.items": "items that are published",
    "headway.items_planned": "items that are to be",
    "headway.bytes": "bytes that arrived",
    "headway.bytes_planned": "bytes that are to, as far as that is known",
    "headway.percent": "share of the bytes; null before that is known",
    "headway.rate": "bytes a second",
    "headway.left": "seconds left; null before that is known",
    "summary.schema": "number of this form",
    "summary.outcome": "how it ended",
    "summary.exit_code": "exit code of the run; null while it has no end",
    "summary.name": "name of the repository",
    "summary.files": "numbers of items",
    "summary.bytes": "numbers of bytes",
    "summary.total": "items that it has",
    "summary.copied": "items that came",
    "summary.deleted": "items that were deleted",
    "summary.failed": "items that failed",
    "summary.deferred": "items that are still being written on the master",
    "summary.blocked": "items that the parent could not pass on",
    "summary.adjusted": "items of which mode or time was set",
    "summary.moved": "bytes that moved",
    "summary.resent": "bytes that were sent again",
    "summary.planned": "bytes that had to move",
    "summary.saved": "bytes that were made of what was there, or compressed on their way",
    "summary.shared": "bytes of those moved that the parent sent for another child anyway",
    "summary.problems": "items that did not reach their goal: the first thousand, and the first of each code",
    "summary.item": "name of the item",
    "summary.item_base64": BASE64,
    "summary.example_base64": BASE64,
    "summary.code": "exit code that it asks for",
    "summary.notices": "what to know beside",
    "summary.unfit": "why its host cannot take part, or empty",
    "summary.allow": "option that lets one run through what a guard refused, or empty",
    "summary.seconds": "how long it took",
    "summary.run": "id of the run",
}


def of(name: str, field: str) -> str:
    """Return what a field of an object means.

    Raises:
        KeyError: nobody wrote that down.
    """
    return _OWN.get(f"{name}.{field}") or _ALL[field]


def unused(known: set[tuple[str, str]]) -> list[str]:
    """Return what is written here about fields that are not there."""
    names, fields = {f"{name}.{field}" for name, field in known}, {field for _, field in known}
    return [*sorted(_OWN.keys() - names), *sorted(_ALL.keys() - fields)]
