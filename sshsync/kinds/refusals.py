"""What a host answers that will not do what is asked: in words, with what lets it."""

import shlex

from sshsync.errors import CommandError, StorageFullError
from sshsync.kinds.base import Answer, Subject
from sshsync.model.topology import Repository
from sshsync.model.words import complaint
from sshsync.remote import scripts


def checked(answer: Answer, subject: Subject, doing: str) -> Answer:
    """Return the answer of a script that ended well.

    Raises:
        CommandError: it did not.
    """
    if answer.status == scripts.BARRED:
        raise barred(subject.repository, answer.errors)
    if answer.status == scripts.UNGROUPED:
        raise ungrouped(subject.repository, answer.errors)
    if answer.status:
        said = complaint(answer.errors) or f"exit status {answer.status}"
        raise CommandError(f"{doing}: {said}", where=subject.repository.name)
    return answer


def barred(repository: Repository, said: bytes) -> CommandError:
    """Return the error for a root that cannot be made or written to, with what lets its account do so."""
    account = repository.host.login.user or "ACCOUNT"
    words = f"{repository.path} cannot be written by {account!r}: {complaint(said, 300)}"
    if b"Read-only file system" in said:
        return StorageFullError(words, where=repository.name, hint="make it writable, then run again")
    cure = f"install -d -o {shlex.quote(account)} {shlex.quote(repository.path)}"
    return CommandError(words, where=repository.name, hint=f"as root on {repository.host.label}: {cure}")


def ungrouped(repository: Repository, said: bytes) -> CommandError:
    """Return the error for a group that files cannot be given to, with what lets the account do so."""
    group, account = repository.file_group, repository.host.login.user or "ACCOUNT"
    words = f"its files cannot be given to the group {group!r}: {complaint(said, 300)}"
    join = f"usermod -a -G {shlex.quote(group)} {shlex.quote(account)}"
    cure = f"groupadd {shlex.quote(group)}; {join}" if said.startswith(b"there is no") else join
    hint = f"as root on {repository.host.label}: {cure}; or name another file_group"
    return CommandError(words, where=repository.name, hint=hint)
