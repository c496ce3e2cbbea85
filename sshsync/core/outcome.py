"""How a repository ended, seen with how its parent did: nobody is better off than where the files came from."""

from sshsync.model.events import GOOD, Outcome


def behind(own: Outcome, parent: Outcome | None) -> Outcome:
    """Return the outcome of a repository whose link to its parent ended with `own`.

    Args:
        own: how bringing it to what its parent holds ended.
        parent: how the parent itself ended in the same run; None when it was no part of it.

    Returns:
        `own`, unless it claims more than is so: behind a parent with files left for later it is `deferred`, behind
        one that did not reach its goal `partial`, since what is missing there is missing here too.
    """
    if own not in GOOD or parent in (None, Outcome.DONE, Outcome.UNCHANGED):
        return own
    return Outcome.DEFERRED if parent is Outcome.DEFERRED else Outcome.PARTIAL
