"""Raw values become the model: defaults, types, links. All problems are collected and raised once."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sshsync.config import faults, mail, plans, types
from sshsync.config.environment import filled
from sshsync.config.expand import expanded
from sshsync.config.load import DEFAULT, GLOBAL, Raw, Section, Value
from sshsync.config.mail import MailSettings
from sshsync.config.schema import VARIABLES, GlobalOptions, RepositoryOptions
from sshsync.core import algorithm, tree
from sshsync.errors import ConfigError, ConfigProblem
from sshsync.model.called import UNKNOWN, Called
from sshsync.model.hours import Times
from sshsync.model.policy import LOCAL, Install, Retries, TransferKind
from sshsync.model.topology import Commands, Host, Login, Repository, Tree

M = TypeVar("M", bound=BaseModel)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_TRUSTING = re.compile(
    r"(?i)StrictHostKeyChecking[\s=]+[\"']?(no|off|false|accept-new)\b|KnownHostsFile[\s=]+[\"']?/dev/null"
    r"|NoHostAuthenticationForLocalhost[\s=]+[\"']?yes"
)
"""Options of OpenSSH with which anybody may say to be the parent."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
MOST_HINTS = 20
"""Unknown names for which the nearest known one is looked up: with many thousand sections each takes a while."""
MOST_JUMPS = 16
"""Jump hosts one behind the other."""
_TEMPLATES = ("listcmd", "digestcmd", "synccmd", "sshcmd", "pre_cmd", "post_cmd")


@dataclass(frozen=True, slots=True)
class Account:
    """Whoever runs sshsync: their defaults, and their environment, which may hold secrets."""

    user: str
    home: str
    state_dir: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The section ``[sshsync]``, complete. `plans` holds stages by the plan's name, () for all repositories."""

    state_dir: str
    lock_file: str
    log_file: str
    log_format: str
    log_level: str
    console_level: str
    journald_level: str
    max_parallel: int
    window: Times
    max_duration: float
    watch_interval: float
    watch_walk: float
    report_dir: str
    metrics_file: str
    status_file: str
    ping_url: str = field(repr=False)
    mail: MailSettings
    notify_command: str = field(repr=False)
    notify_url: tuple[str, ...] = field(repr=False)
    plans: Mapping[str, tuple[str, ...]]
    called: Called = UNKNOWN


@dataclass(frozen=True, slots=True)
class Config:
    """A valid configuration.

    Attributes:
        warnings: what an operator should look at; nothing that stops a run.
        origins: for each repository, the place of each value that is not a default.
        options: for each repository, its values as the option table names them.
        places: for each global setting that is not a default, its place.
    """

    settings: Settings
    tree: Tree
    warnings: tuple[ConfigProblem, ...] = ()
    origins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    options: Mapping[str, RepositoryOptions] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """What there is that a configuration may name.

    Attributes:
        types: what items may be.
        transports: how hosts may be reached.
    """

    types: Mapping[str, types.Type]
    transports: Collection[str]


def resolve(raw: Raw, account: Account, known: Known | None = None) -> Config:
    """Return the configuration.

    Args:
        raw: what the file says.
        account: who runs sshsync.
        known: what may be named; without it all names are taken as they are.

    Raises:
        ConfigError: with everything that is wrong, in file order.
    """
    problems = list(raw.problems)
    raw = filled(raw, account.environment, problems)
    warnings: list[ConfigProblem] = []
    defaults = raw.sections.get(DEFAULT, Section(DEFAULT, raw.file))
    _unknown_keys(defaults, RepositoryOptions, problems)
    own = raw.sections.get(GLOBAL, Section(GLOBAL, raw.file))
    settings = _settings(own, account, problems)
    options: dict[str, RepositoryOptions] = {}
    sections: dict[str, Section] = {}
    for section in raw.sections.values():
        if section.name not in (DEFAULT, GLOBAL):
            _unknown_keys(section, RepositoryOptions, problems)
    for name, section in expanded(raw, problems).items():
        taken = types.defaults(defaults, section, known.types if known else {})
        sections[name] = merged = Section(name, section.place, taken | section.values)
        _check_name(section, problems)
        _check_host(merged, problems)
        made = _validated(RepositoryOptions, merged, problems)
        if made:
            _check_section(made, merged, problems, warnings)
            if known:
                _check_known(merged, known, problems)
                problems += types.faults(made, merged, section, known.types.get(made.type, types.Type()))
            options[name] = made
    if not sections:
        problems.append(ConfigProblem(raw.file, "no repository is configured", "add a [name] section with a path"))
    grown = _tree(options, sections, account, problems)
    if grown and settings:
        problems += plans.faults(own, settings.plans, grown)
    if problems or not grown or not settings:
        raise ConfigError(sorted(problems, key=lambda problem: _line(problem.place)))
    origins = {name: {key: value.place for key, value in s.values.items()} for name, s in sections.items()}
    places = {key: value.place for key, value in own.values.items()}
    return Config(settings, grown, tuple(warnings), origins, options, places)


def _settings(section: Section, account: Account, problems: list[ConfigProblem]) -> Settings | None:
    _unknown_keys(section, GlobalOptions, problems)
    made = _validated(GlobalOptions, section, problems)
    if made is None:
        return None
    state = _home(made.state_dir, account) or account.state_dir
    log = _home(made.log_file, account) or f"{state}/sshsync.log"
    own: dict[str, Any] = {
        "state_dir": state,
        "lock_file": _home(made.lock_file, account) or f"{state}/lock",
        "log_file": "" if log == "none" else log,
        "plans": plans.named(section, problems),
        "mail": MailSettings(**_taken_over(MailSettings, made)),
    }
    for key, words, hint in mail.faults(own["mail"]):
        problems.append(ConfigProblem(section.values[key].place, f"[{GLOBAL}] {key}: {words}", hint))
    return Settings(**(_taken_over(Settings, made) | own))


def _taken_over(kind: type[Any], made: BaseModel) -> dict[str, Any]:
    """Return the values for those fields of a dataclass that are called as an option is."""
    options = type(made).model_fields
    return {found.name: getattr(made, found.name) for found in fields(kind) if found.name in options}


def _unknown_keys(section: Section, model: type[BaseModel], problems: list[ConfigProblem]) -> None:
    for key, value in section.values.items():
        if key in model.model_fields or (model is GlobalOptions and key.startswith(plans.PREFIX)):
            continue
        near = get_close_matches(key, model.model_fields, n=1)
        elsewhere = GlobalOptions if model is RepositoryOptions else RepositoryOptions
        hint = f"did you mean {near[0]}?" if near else "see: sshsync config init"
        if key in elsewhere.model_fields:
            hint = (
                "it belongs in [sshsync]" if model is RepositoryOptions else "it belongs in a repository or [DEFAULT]"
            )
        problems.append(ConfigProblem(value.place, f"[{section.name}] unknown key {key!r}", hint))


def _validated(model: type[M], section: Section, problems: list[ConfigProblem]) -> M | None:
    values = {key: value.text for key, value in section.values.items() if key in model.model_fields and value.text}
    try:
        return model(**values)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            problems.append(_as_problem(section, fault))
        return None


def _as_problem(section: Section, fault: Mapping[str, Any]) -> ConfigProblem:
    key = str(fault["loc"][0]) if fault["loc"] else ""
    place = section.values.get(key, Value("", section.place)).place
    if fault["type"] == "missing":
        return ConfigProblem(place, f"[{section.name}] {key} is missing", f"add: {key} = …")
    return ConfigProblem(place, f"[{section.name}] {key}: {faults.words(fault)}")


def _check_name(section: Section, problems: list[ConfigProblem]) -> None:
    if not _NAME.fullmatch(section.name):
        words = f"[{section.name[:40]}] is no name for a repository"
        hint = "use letters, digits, '_', '.' and '-', not starting with '-'"
        problems.append(ConfigProblem(section.place, words, hint))


def _check_host(section: Section, problems: list[ConfigProblem]) -> None:
    values = section.values
    local = values.get("transport", Value("", "")).text == LOCAL
    if not local and not values.get("host", Value("", "")).text:
        hint = "add: host = …, or transport = local"
        problems.append(ConfigProblem(section.place, f"[{section.name}] host is missing", hint))


def _check_section(
    made: RepositoryOptions, section: Section, problems: list[ConfigProblem], warnings: list[ConfigProblem]
) -> None:
    def problem(key: str, words: str, hint: str = "") -> ConfigProblem:
        return ConfigProblem(section.values.get(key, Value("", section.place)).place, f"[{section.name}] {words}", hint)

    if made.transport == LOCAL and made.via:
        problems.append(problem("via", "a local repository cannot have a via"))
    if made.synccmd and not ("${FILE}" in made.synccmd and "${LOCALDIR}" in made.synccmd):
        problems.append(problem("synccmd", "synccmd needs ${FILE} and ${LOCALDIR}"))
    if made.transfer is TransferKind.COMMAND and made.parent and not made.synccmd:
        problems.append(problem("transfer", "transfer = command needs a synccmd"))
    if made.bwlimit and made.synccmd and made.transfer is not TransferKind.RELAY:
        warnings.append(problem("bwlimit", "bwlimit does not slow down its synccmd: scp has -l, curl --limit-rate"))
    for words, hint in _faults_of_ssh(made.sshcmd):
        problems.append(problem("sshcmd", f"sshcmd {words}", hint))
    for key in _TEMPLATES:
        template = getattr(made, key)
        for name in dict.fromkeys(_VARIABLE.findall(template)):
            near = get_close_matches(name, VARIABLES, n=1, cutoff=0.75)
            if name in VARIABLES:
                continue
            if near:
                problems.append(problem(key, f"{key} uses unknown ${{{name}}}", f"did you mean ${{{near[0]}}}?"))
            else:
                warnings.append(problem(key, f"{key} uses ${{{name}}}, which sshsync does not set"))
        if "PASSWORD" in template:
            warnings.append(problem(key, f"{key} uses a password: the commands it starts may show it in `ps`"))


def _faults_of_ssh(template: str) -> Iterator[tuple[str, str]]:
    """Yield what an `sshcmd` must not do: trust whoever answers, or show a password; with what to do instead."""
    if _TRUSTING.search(template):
        yield "must not loosen the check of host keys", "put the parent's key into known_hosts on this host"
    if "PASSWORD" in template:
        yield "gets no password, which others would see in its arguments", "use a key, or forward_agent = yes"


def _tree(
    options: Mapping[str, RepositoryOptions],
    sections: Mapping[str, Section],
    account: Account,
    problems: list[ConfigProblem],
) -> Tree | None:
    """Return the tree; None where it cannot be told or is wrong."""
    found = _dangling(sections)
    problems += found
    # '' is nobody wherever a repository is named: whoever bears it has no place in a tree.
    if found or not sections or "" in sections or len(options) < len(sections):
        return None
    hosts, faults = _hosts(options, account)
    repositories = {name: _repository(name, made, hosts[name]) for name, made in options.items()}
    for name, key, words in [*faults, *tree.faults(repositories)]:
        place = sections[name].values.get(key, Value("", sections[name].place)).place
        found.append(ConfigProblem(place, f"[{name}] {words}"))
    problems += found
    if found:
        return None
    try:
        return algorithm.settled(Tree(repositories))
    except ConfigError as error:
        problems += error.problems
        return None


def _check_known(section: Section, known: Known, problems: list[ConfigProblem]) -> None:
    for option, names in {"type": known.types, "transport": known.transports}.items():
        value = section.values.get(option)
        if value and value.text not in names:
            near = get_close_matches(value.text, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it is one of: {', '.join(names)}"
            problems.append(ConfigProblem(value.place, f"[{section.name}] {option} {value.text!r} is not known", hint))


def _dangling(sections: Mapping[str, Section]) -> list[ConfigProblem]:
    found = []
    hints: dict[str, str] = {}
    for name, section in sections.items():
        for key in ("parent", "via"):
            value = section.values.get(key, Value("", ""))
            if value.text and value.text not in sections:
                if value.text not in hints:
                    near = get_close_matches(value.text, sections, n=1) if len(hints) < MOST_HINTS else ()
                    hints[value.text] = f"did you mean {near[0]}?" if near else ""
                words = f"[{name}] {key} {value.text!r} is not a repository of this configuration"
                found.append(ConfigProblem(value.place, words, hints[value.text]))
    return found


def _hosts(
    options: Mapping[str, RepositoryOptions], account: Account
) -> tuple[dict[str, Host], list[tuple[str, str, str]]]:
    """Return the host of each repository, and what is wrong with the ways to them, as `tree.faults` does.

    A way that is wrong is cut off where it is.
    """
    faults = tree.circles("via", {name: made.via for name, made in options.items()})
    hosts: dict[str, Host] = {}
    jumps = {"": 0}
    for start in options:
        way: dict[str, None] = {}
        name = start
        while name and name not in hosts and name not in way:
            way[name] = None
            name = options[name].via
        for name in reversed(way):
            made = options[name]
            jumps[name] = jumps.get(made.via, 0) + 1
            if jumps[name] > MOST_JUMPS + 1:
                jumps[name] = 1
                faults.append((name, "via", f"via leads through more than {MOST_JUMPS} jump hosts"))
            hosts[name] = _host(name, made, hosts.get(made.via) if jumps[name] > 1 else None, account)
    return hosts, faults


def _host(name: str, made: RepositoryOptions, via: Host | None, account: Account) -> Host:
    """Return the host of a repository; nothing is in the way to this host itself, nor to what lies behind it."""
    local = made.transport == LOCAL
    files = {name: _home(getattr(made, name), account) for name in ("key_file", "password_file", "known_hosts")}
    login = _taken_over(Login, made) | files | {"user": made.user or account.user}
    own = {
        "name": name,
        "address": made.host or "localhost",
        "login": Login(user=account.user) if local else Login(**login),
        "via": None if local or (via and via.transport == LOCAL) else via,
    }
    return Host(**(_taken_over(Host, made) | own))


def _repository(name: str, made: RepositoryOptions, host: Host) -> Repository:
    own = {
        "name": name,
        "host": host,
        "peer_host": made.peer_host or host.address,
        "peer_port": made.peer_port or made.port,
        "peer_user": made.peer_user or host.login.user,
        "install": Install(**_taken_over(Install, made)),
        "commands": Commands(
            made.listcmd, made.digestcmd, made.synccmd, made.sshcmd, made.pre_cmd, made.post_cmd, made.health_cmd
        ),
        "retries": Retries(transient=made.retries),
    }
    return Repository(**(_taken_over(Repository, made) | own))


def _home(path: str, account: Account) -> str:
    return account.home + path[1:] if path == "~" or path.startswith("~/") else path


def _line(place: str) -> tuple[int, str]:
    number = place.rpartition(":")[2]
    return (int(number) if number.isdigit() else 0, place)
