"""Sections that stand for more than they say: ranges of repositories, and values taken over by `inherit`."""

from collections.abc import Mapping

from sshsync.config import types
from sshsync.config.load import DEFAULT, GLOBAL, Raw, Section, Value
from sshsync.core.selection import expand
from sshsync.errors import ConfigProblem


def expanded(raw: Raw, problems: list[ConfigProblem]) -> dict[str, Section]:
    """Return one section for each repository, ranges written out and inherited values filled in.

    Args:
        raw: the file as written.
        problems: takes what is wrong.
    """
    made: dict[str, Section] = {}
    for section in raw.sections.values():
        if section.name in (DEFAULT, GLOBAL):
            continue
        for one in _written_out(section, problems):
            if one.name in made:
                words = f"[{section.name}] makes [{one.name}] again; first at {made[one.name].place}"
                problems.append(ConfigProblem(section.place, words))
            else:
                made[one.name] = one
    wrong: dict[ConfigProblem, None] = {}
    default = raw.sections.get(DEFAULT, Section(DEFAULT, "")).values.get("type", Value(types.USUAL, "")).text
    kinds = {name: types.of(section, made, default) for name, section in made.items()}
    found = {name: _inheriting(section, made, kinds, wrong) for name, section in made.items()}
    problems += wrong
    return found


def _written_out(section: Section, problems: list[ConfigProblem]) -> list[Section]:
    try:
        names = expand(section.name)
    except ValueError as error:
        problems.append(ConfigProblem(section.place, f"[{section.name}]: {error}"))
        return []
    if names == [(section.name, "")]:
        return [section]
    return [
        Section(
            name,
            section.place,
            {key: Value(value.text.replace("{n}", number), value.place) for key, value in section.values.items()},
        )
        for name, number in names
    ]


def _inheriting(
    section: Section, all_: Mapping[str, Section], kinds: Mapping[str, str], wrong: dict[ConfigProblem, None]
) -> Section:
    """Fill in the values of the sections that it inherits from, nearest first; `wrong` takes each fault once.

    From a section of another type come those only that have to do with the host.
    """
    values = dict(section.values)
    seen = [section.name]
    current = section
    while "inherit" in current.values and current.values["inherit"].text:
        wanted = current.values["inherit"]
        if wanted.text not in all_ or wanted.text in seen:
            why = "runs in a circle" if wanted.text in seen else "is not a section of this configuration"
            wrong[ConfigProblem(wanted.place, f"[{current.name}] inherit {wanted.text!r} {why}")] = None
            break
        current = all_[wanted.text]
        seen.append(current.name)
        alike = kinds[current.name] == kinds[section.name]
        more = {key: value for key, value in current.values.items() if alike or key in types.OF_HOSTS}
        values = {**more, **values}
    return Section(section.name, section.place, values)
