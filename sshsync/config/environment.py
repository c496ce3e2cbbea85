"""Values out of the environment of the account that runs sshsync: ``${env:NAME}``, and ``${NAME}`` in its own paths."""

import re
from collections.abc import Mapping

from sshsync.config.load import Raw, Section, Value
from sshsync.errors import ConfigProblem

OWN_PATHS = frozenset(
    {"state_dir", "lock_file", "log_file", "report_dir", "metrics_file", "status_file"}
    | {"smtp_ca_file", "smtp_password_file"}
    | {"key_file", "password_file", "known_hosts"}
)
"""Keys that name files of the controller: in them nothing else can be meant by ``${NAME}``."""

_ANYWHERE = re.compile(r"\$\{env:([^}]*)\}")
_IN_PATHS = re.compile(r"\$\{(?:env:)?([^}]*)\}")


def filled(raw: Raw, environment: Mapping[str, str], problems: list[ConfigProblem]) -> Raw:
    """Return a file with the variables of the environment filled in; `problems` takes those that are not set."""
    sections = {name: _filled(section, environment, problems) for name, section in raw.sections.items()}
    return Raw(raw.file, sections, raw.problems)


def _filled(section: Section, environment: Mapping[str, str], problems: list[ConfigProblem]) -> Section:
    values = {}
    for key, value in section.values.items():
        pattern = _IN_PATHS if key in OWN_PATHS else _ANYWHERE
        for name in dict.fromkeys(pattern.findall(value.text)):
            if name not in environment:
                words = f"[{section.name}] {key}: {name!r} is not set in the environment"
                problems.append(ConfigProblem(value.place, words))
        text = pattern.sub(lambda found: environment.get(found[1], found[0]), value.text)
        values[key] = Value(text, value.place)
    return Section(section.name, section.place, values)
