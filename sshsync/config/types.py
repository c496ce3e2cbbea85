"""What the type of a repository has to do with its options: which it needs, which make no sense, which it inherits."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from sshsync.config.load import Section, Value
from sshsync.errors import ConfigProblem

USUAL = "files"
"""The type of a section that names none."""

OF_HOSTS = frozenset(
    {
        *("host", "port", "user", "transport", "shell", "via", "peer_host", "peer_port", "peer_user"),
        *("key_file", "key_passphrase_command", "agent", "password", "password_file", "password_command"),
        *("host_key", "known_hosts", "groups", "retries", "timeout"),
    }
)
"""What a host and an account on it have to do with, whatever is kept there: all that is inherited from another type."""


_OF_ONE_TYPE = frozenset({"path", "parent", "include", "exclude"})
"""What means something else for each type, so that a default for one is none for another."""


@dataclass(frozen=True, slots=True)
class Type:
    """What a type asks of its repositories.

    Attributes:
        required: options that they cannot be without.
        unfit: options that make no sense for them, with the reason.
        usual: values of options that hold where nothing else is said, where those of other types are others.
    """

    required: Collection[str] = ()
    unfit: Mapping[str, str] = field(default_factory=dict)
    usual: Mapping[str, str] = field(default_factory=dict)


def of(section: Section, sections: Mapping[str, Section], default: str) -> str:
    """Return the type of a section: its own, the one that it inherits, or the default."""
    seen: set[str] = set()
    while True:
        if (own := section.values.get("type")) and own.text:
            return own.text
        seen.add(section.name)
        following = section.values.get("inherit", Value("", "")).text
        if following in seen or following not in sections:
            return default
        section = sections[following]


def defaults(shared: Section, section: Section, types: Mapping[str, Type]) -> dict[str, Value]:
    """Return what a section takes of its type, and of DEFAULT, which is of a type as well."""
    type_of = shared.values.get("type", Value(USUAL, "")).text
    own = section.values.get("type", Value(type_of, "")).text
    usual = {key: Value(text, f"default of type = {own}") for key, text in types.get(own, Type()).usual.items()}
    return usual | {key: value for key, value in shared.values.items() if own == type_of or key not in _OF_ONE_TYPE}


def faults(made: object, section: Section, own: Section, found: Type) -> Iterator[ConfigProblem]:
    """Yield what is wrong with the options of a repository of a type.

    Args:
        made: its options.
        section: with what stands in DEFAULT.
        own: what was written for it, or inherited.
        found: its type.
    """
    for option in found.required:
        if not getattr(made, option):
            place = section.values.get(option, Value("", section.place)).place
            yield ConfigProblem(place, f"[{section.name}] {option} is missing", f"add: {option} = …")
    for option, value in own.values.items():
        if option in found.unfit and value.text:
            name = section.values["type"].text if "type" in section.values else USUAL
            words = f"[{section.name}] {option} makes no sense with type = {name}"
            yield ConfigProblem(value.place, words, found.unfit[option])
