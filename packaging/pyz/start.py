"""sshsync in one file: unpacked at the first start, since compiled modules cannot be loaded from within an archive.

It unpacks into a directory that nobody else can write to, and that is looked at on every start: whoever could change what lies there
would run as this account. An older interpreter has to be able to read these lines, to be told which one is needed.
"""

import os
import shutil
import stat
import sys
import tempfile
import zipfile

PYTHON = (0, 0)  # set by pack.py
MACHINE = ""
KEY = ""
ROOT = os.geteuid() == 0


def refuse(message):
    """End with a sentence."""
    sys.exit("sshsync.pyz: " + message)


def base():
    """Return the directory for what is unpacked.

    Root may go on as the account of a service, which has to read the modules: for root they may be read, not written, by all.
    """
    named = os.environ.get("SSHSYNC_PYZ_CACHE")
    if named:
        return os.path.abspath(named)
    if ROOT:
        return "/var/cache/sshsync-pyz"
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "sshsync-pyz")


def safe(directory):
    """End unless a directory is this account's, and closed to others."""
    found = os.lstat(directory)
    forbidden = 0o022 if ROOT else 0o077
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & forbidden:
        refuse(
            "%s is not a directory of this account that is closed to others (owner %d, mode %o): look what is in it and remove it,"
            " or name another directory in SSHSYNC_PYZ_CACHE" % (directory, found.st_uid, stat.S_IMODE(found.st_mode))
        )


def complete(archive, directory):
    """Tell whether everything is unpacked; a cleaner of caches may have taken a part."""
    try:
        return all(os.lstat(os.path.join(directory, entry.filename)).st_size == entry.file_size for entry in modules(archive))
    except OSError:
        return False


def modules(archive):
    """Return the entries below site/."""
    return [entry for entry in archive.infolist() if entry.filename.startswith("site/")]


def unpacked(archive):
    """Return the directory with all modules; two first starts at once do no harm."""
    top = base()
    mode = 0o755 if ROOT else 0o700
    os.makedirs(top, mode=mode, exist_ok=True)
    safe(top)
    directory = os.path.join(top, KEY)
    if os.path.lexists(directory):
        safe(directory)
        if complete(archive, directory):
            return directory
        shutil.rmtree(directory, ignore_errors=True)
    making = tempfile.mkdtemp(prefix=".new-", dir=top)
    try:
        before = os.umask(0o022 if ROOT else 0o077)
        archive.extractall(making, modules(archive))  # testzip's checks of each entry are made on the way
        os.umask(before)
        os.chmod(making, mode)
        os.rename(making, directory)
    except OSError:
        if not complete(archive, directory):
            raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    safe(directory)
    return directory


def start():
    """Run sshsync of what is unpacked."""
    if sys.version_info[:2] != PYTHON or os.uname().machine != MACHINE:
        refuse(
            "made for Python %d.%d on %s, and this is Python %d.%d on %s: run it as python%d.%d sshsync.pyz, or build one for this"
            " host with PYTHON_VERSION=%d.%d script/pyz" % (PYTHON + (MACHINE,) + sys.version_info[:2] + (os.uname().machine,) + PYTHON + sys.version_info[:2])
        )
    try:
        with zipfile.ZipFile(sys.argv[0]) as archive:
            directory = unpacked(archive)
    except (OSError, zipfile.BadZipFile) as error:
        refuse("cannot be unpacked into %s: %s: name another directory in SSHSYNC_PYZ_CACHE, or copy the file anew" % (base(), error))
    sys.path[0] = os.path.join(directory, "site")
    sys.dont_write_bytecode = True
    sys.argv[0] = "sshsync"
    try:
        from sshsync.cli.main import main
    except ImportError as error:
        refuse(
            "%s: where %s is on a file system without execution (noexec) compiled modules do not load; name another directory in"
            " SSHSYNC_PYZ_CACHE" % (error, directory)
        )
    main()


start()
