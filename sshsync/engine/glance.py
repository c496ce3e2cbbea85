"""A glance at the masters of a plan: has anything changed, and is it at rest."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sshsync.core import watching
from sshsync.core.watching import Look
from sshsync.engine.context import Context
from sshsync.engine.scan import Scanner
from sshsync.model.item import Snapshot
from sshsync.model.plan import Plan
from sshsync.model.policy import Links
from sshsync.model.topology import Repository
from sshsync.model.words import visible

_AT_ONCE = 16


def masters(context: Context, plan: Plan) -> list[Repository]:
    """Return the repositories that feed the plan without being synchronized by it."""
    fed = {job.repository for job in plan.jobs}
    names = dict.fromkeys(job.parent for job in plan.jobs if job.parent not in fed)
    return [context.tree.repositories[name] for name in names]


def look(context: Context, plan: Plan) -> Look:
    """List the masters of a plan, digesting nothing.

    Raises:
        SshsyncError: one of them cannot be listed.
    """
    scanner = Scanner(context)
    found = masters(context, plan)
    with ThreadPoolExecutor(_AT_ONCE, "sshsync-glance") as pool:
        seen = list(pool.map(lambda master: _taking_part(context, plan, scanner.glance(master)), found))
    rests = [watching.rest_of(snapshot, master.stable_for) for master, snapshot in zip(found, seen, strict=True)]
    rest, youngest = max(rests, key=lambda pair: pair[0])
    identities = [f"{plan.command} {master.identity}" for master in found]
    state = watching.state_of(zip(identities, seen, strict=True))
    return Look(state, rest, visible(youngest.key, 200) if youngest else "")


def _taking_part(context: Context, plan: Plan, snapshot: Snapshot) -> Snapshot:
    """Leave out what no child takes: a log that grows beside the files must not keep them waiting."""
    children = [context.tree.repositories[job.repository] for job in plan.jobs if job.parent == snapshot.repository]
    tests = [context.wanted(child) for child in children]
    items = {key: item for key, item in snapshot.items.items() if any(test(key) for test in tests)}
    snapshot = replace(snapshot, items=items)
    if snapshot.links is not None:
        takers = [test for child, test in zip(children, tests, strict=True) if child.links is Links.COPY]
        links = {key: to for key, to in snapshot.links.items() if any(test(key) for test in takers)}
        snapshot = replace(snapshot, links=links)
    if snapshot.directories is None:
        return snapshot
    takers = [test for child, test in zip(children, tests, strict=True) if child.empty_dirs]
    empty = frozenset(place for place in snapshot.directories.empty if any(test(place + b"/") for test in takers))
    return replace(snapshot, directories=replace(snapshot.directories, empty=empty))
