# The directory in which changes of packages are made: a private one of the account, one for each environment. Below its
# .sshsync are the lease of whoever works there, and a directory for each job that was begun. A job runs apart from
# whoever asked for it, so no connection that breaks can end it, and holds locks as long as anything of it lives: who
# comes later, after a cut or from another controller, finds the locks. They are gone with the machine's power, too.
# Comes before the programs that use it. For Python 2.7 and later.
import sys

# Nothing may come from where this happens to be started.
sys.path[:] = [place for place in sys.path if place]
import fcntl
import hashlib
import json
import os
import re
import stat

TOKEN = sys.argv[1]
STANDARD = os.path.dirname(os.path.realpath(os.__file__))


def say(**values):
    sys.stdout.write(TOKEN + " " + json.dumps(values, sort_keys=True) + "\n")


def fail(words):
    sys.stderr.write(words + "\n")
    sys.exit(1)


def normalized(name):
    return re.sub("[-_.]+", "-", name).lower()


def headers(text):
    found = {}
    for line in (text or "").splitlines():
        if not line.strip():
            break
        name, _, value = line.partition(":")
        found.setdefault(name.strip().lower(), value.strip())
    return found


def managed_by_system():
    # PEP 668; an environment of its own (PEP 405), or one that virtualenv made for an old Python, is nobody else's.
    own = getattr(sys, "base_prefix", sys.prefix) != sys.prefix or hasattr(sys, "real_prefix")
    return os.path.exists(os.path.join(STANDARD, "EXTERNALLY-MANAGED")) and not own


def private(path, make=False):
    # Whether it is a directory of this account alone. What is another's is followed by nobody.
    if make and not os.path.lexists(path):
        try:
            os.mkdir(path, 0o700)
        except (IOError, OSError) as error:
            if not os.path.lexists(path):
                fail("%s cannot be made: %s" % (path, error.strerror))
    try:
        found = os.lstat(path)
    except (IOError, OSError):
        return False
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        fail("%s is not a directory that belongs to the account alone (remove it, then run again)" % path)
    return True


def work(manager, holder, make=False):
    # The directory for what a package manager looks after below a path, "" where there is none.
    name = hashlib.sha256(holder if isinstance(holder, bytes) else os.fsencode(holder)).hexdigest()[:16]
    top = os.path.join(os.path.realpath(os.path.expanduser("~")), ".sshsync-packages")
    place = os.path.join(top, manager + "-" + name)
    return place if all(private(one, make) for one in (top, place, place + "/.sshsync")) else ""


def of_python(make=False):
    return work("pip", os.path.realpath(sys.prefix), make)


def of_rpm(root, make=False):
    return work("rpm", os.path.realpath(root) if root else "/", make)


def names(path):
    try:
        return sorted(os.listdir(path))
    except (IOError, OSError):
        return []


def lock(path, make=True):
    # The lock, or None where somebody has it.
    held = os.open(path, os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if make else 0), 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (IOError, OSError):
        os.close(held)
        return None
    return held


def free(path):
    if not os.path.lexists(path):
        return True
    held = lock(path, False)
    if held is None:
        return False
    os.close(held)
    return True


def left(place):
    # What somebody began there and did not clear away.
    own = place + "/.sshsync/"
    return [kind + "/" + name for kind in ("lease", "transaction") for name in names(own + kind)] if place else []
