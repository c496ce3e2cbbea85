"""The library: `Sync` wires an engine out of a configuration, a `Visit` works with it. No globals; two never meet.

from sshsync.api import Sync, load
with Sync(load(Path("/etc/sshsync/sshsync.conf"))) as sync:
    result = sync.run([["repoproxy"], ["appnode1", "appnode2"]])
    print(result.exit_code, result.report.repositories["appnode1"].outcome)

    with sync.visit() as visit:  # several pieces of work over the same connections
        found = visit.survey(["appnode1"])
        seen = visit.look(sync.plan([["repoproxy"]]))
        (held,) = visit.scan(["appnode1"])
        odd = [one for one in visit.compare("appnode1") if one.sign is not Sign.EQUAL]
"""

from sshsync.api.loading import account, load
from sshsync.api.results import Result
from sshsync.api.sync import Sync
from sshsync.api.visit import GRACE, Visit
from sshsync.model.status import RepositoryStatus

__all__ = ["Sync", "Visit", "load", "account", "Result", "RepositoryStatus", "GRACE"]
