"""Named plans: ``plan.nightly = --sync a --sync b,c`` in ``[sshsync]`` is what ``sshsync --plan nightly`` runs."""

import re
import shlex

PREFIX = "plan."
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def parse(text: str) -> tuple[str, ...]:
    """Return the stages that a plan's words ask for, () for all repositories.

    Raises:
        ValueError: the words are not those of a command line.
    """
    try:
        words = shlex.split(text.replace("\n", " "))
    except ValueError as error:
        raise ValueError(f"cannot be read: {error}") from None
    if words == ["--all"]:
        return ()
    stages: list[str] = []
    waiting = False
    for word in words:
        if waiting:
            stages.append(word)
            waiting = False
        elif word in ("--sync", "-s"):
            waiting = True
        elif word.startswith("--sync="):
            stages.append(word.removeprefix("--sync="))
        else:
            raise ValueError(f"{word!r} is neither --sync A,B nor --all")
    if waiting or not stages:
        raise ValueError("must be --sync A --sync B,C, or --all")
    return tuple(stages)
