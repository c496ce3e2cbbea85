# The solver of dnf 4, within dnf's own Python, 3.6 and later; see plans and rpm_jobs.
import os
import re
import shlex
import shutil
import sys

from jobs import put
from plans import HELD, PRECIOUS, Refused
from rpm_jobs import FULL, IN_ROOT, ROOT, Ended, absent, complaint, main, process, ran, restarts, sudo

LOCKED = 200
MODULAR = "it is part of a module stream that is not enabled there"
SESSIONS = []


def own_room(job):
    # Where an account that is no root's has what it looked up and its log: it has no room of its own in a root. dnf
    # takes a path for one below of it, and at other times as it is: this is the same place both times.
    if not ROOT or not os.geteuid():
        return []
    place = "/" + "../" * ROOT.count("/") + os.path.dirname(os.path.dirname(os.path.dirname(job))).lstrip("/")
    return ["--setopt=%s=%s/cache" % (one, place) for one in ("cachedir", "logdir")]


def session(job, spec):
    # dnf as its own command would begin, with its configuration and plugins; it can do that once in a process.
    import dnf.cli.cli

    if not SESSIONS:
        base = dnf.cli.cli.BaseCli()
        cli = dnf.cli.cli.Cli(base)
        cli.configure(["--quiet", "--assumeyes"] + IN_ROOT + own_room(job) + unheld(spec) + ["repoquery", "none"])
        # Locks of versions count, as for commands that change something.
        cli.demands.plugin_filtering_enabled = True
        conf = base.conf
        conf.install_weak_deps = conf.clean_requirements_on_remove = conf.deltarpm = False
        # What is downloaded is ours: no later transaction of anybody's is to clear it away.
        conf.keepcache = conf.exit_on_lock = True
        SESSIONS.append((base, list(base.repos.iter_enabled())))
    return SESSIONS[0]


def unheld(spec):
    return ["--disableexcludes=all", "--disableplugin=versionlock"] if spec["held"] else []


def asked(deed):
    # What dnf raises, by what it means for who asked.
    import dnf.exceptions

    try:
        return deed()
    except dnf.exceptions.LockError as error:
        raise locked(str(error)) from error
    except dnf.exceptions.DownloadError as error:
        words = str(error)
        sort = "untrusted" if "checksum" in words else "broken" if re.search(FULL, words) else "trouble"
        raise Ended(sort, words) from error
    except dnf.exceptions.RepoError as error:
        raise Ended("trouble", str(error)) from error
    except dnf.exceptions.Error as error:
        raise Ended("untrusted" if "checksum" in str(error) else "broken", str(error)) from error


def locked(text):
    found = re.search("([A-Za-z]+) already locked by ([0-9]+)", text)
    if found is None:
        return Ended("locked", complaint(text))
    return Ended("locked", "%s holds dnf's lock of %s" % (process(int(found.group(2))), found.group(1)))


def lacking(package, top, heard, error):
    # Why a package did not come.
    path, refused = package.localPkg(), [words for words in heard if "Status code: 4" in words]
    if os.path.dirname(path) != top and not os.path.exists(path):
        return Ended("lacking", "%s: the file of it is missing in its repository %s" % (package, package.reponame))
    if "checksum" in " ".join([str(error)] + heard):
        return Ended("untrusted", "%s is not what its repository %s says of it" % (package, package.reponame))
    return Ended("lacking", "%s: %s" % (package, refused[0])) if refused else error


class Heard:
    # What is said while something is downloaded: what raises in the end does not tell why.
    def __init__(self):
        self.words = []

    def start(self, *_):
        pass

    message = progress = start

    def end(self, payload, status, words):
        self.words += [str(words)] if words else []


class Dnf4:
    tool = "dnf"

    def __init__(self, job, spec, online, files):
        # What is installed, what local files hold, and what repositories have where somebody asks for that.
        self.job, self.spec = job, spec
        self.base, enabled = asked(lambda: session(job, spec))
        self.base.reset(sack=True, goal=True)
        self.base.repos.all().disable()
        for repo in enabled if online else ():
            repo.enable()
        asked(lambda: self.base.fill_sack(load_available_repos=online))
        self.base.add_remote_rpms(list(files), strict=False)
        query = self.base.sack.query
        self.only = set(query().filterm(provides=self.base.conf.installonlypkgs))
        self.precious = set(query().installed().filterm(file=PRECIOUS.split() + [sys.executable]))

    def spoken(self, key):
        # Name and architectures of a package: its own name has that of the system, another one is told behind it.
        import dnf.rpm

        known = self.base.sack.list_arches()
        own = [arch for arch in known if dnf.rpm.basearch(arch) == self.base.conf.basearch]
        name, _, arch = key.rpartition(".")
        if name and arch in known and arch not in own and arch != "noarch":
            return {"name": name, "arch": [arch]}
        return {"name": key, "arch": own + ["noarch"]}

    def had(self, key, version, **how):
        # Who has a package in this version: what was kept comes before what would have to be downloaded.
        found = self.base.sack.query(**how).available().filterm(evr=version, **self.spoken(key))
        return sorted(found, key=lambda one: one.reponame != "@commandline")

    def there(self, key):
        return list(self.base.sack.query().installed().filterm(**self.spoken(key)))

    def local(self):
        return list(self.base.sack.query().available().filterm(reponame="@commandline"))

    def side_by_side(self, packages):
        return not self.only.isdisjoint(packages)

    def protected(self, packages):
        protected = self.base.conf.protected_packages
        return any(one.name in protected or one in self.precious for one in packages)

    def why_not(self, key, version):
        import hawkey

        for flag, words in (("IGNORE_REGULAR_EXCLUDES", HELD), ("IGNORE_MODULAR_EXCLUDES", MODULAR)):
            if hasattr(hawkey, flag) and self.had(key, version, flags=getattr(hawkey, flag)):
                return words
        if self.had(key, version, flags=hawkey.IGNORE_EXCLUDES):
            return HELD
        return absent([one.evr for one in self.base.sack.query().available().filterm(**self.spoken(key))])

    def solved(self, install, remove, weak, erasing):
        import dnf.exceptions
        import dnf.transaction as actions

        self.base.reset(goal=True)
        for one in install:
            self.base.package_install(one, strict=not weak)
        for one in remove:
            self.base.package_remove(one)
        try:
            self.base.resolve(allow_erasing=erasing)
        except dnf.exceptions.Error as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise Refused(" ".join(lines)[:600]) from error
        changes = self.base.transaction or ()
        gone = actions.BACKWARD_ACTIONS + [actions.PKG_REMOVE]
        coming = [one.pkg for one in changes if one.action in actions.FORWARD_ACTIONS]
        return coming, [one.pkg for one in changes if one.action in gone]

    def needed(self, wanted, coming):
        # Which of those that come each one comes for that nobody asked for.
        found = {}
        for one in set(coming).difference(wanted):
            for other in self.base.sack.query().filterm(pkg=coming).filterm(requires=one.provides):
                if other != one:
                    found["%s.%s" % (one.name, one.arch)] = other.name
        return found

    def download(self, packages, top):
        # Brings packages into a directory, or raises what keeps one of them from coming.
        for repo in self.base.repos.iter_enabled():
            repo.pkgdir = top
        wanted, heard = [one for one in packages if one.reponame != "@commandline"], Heard()
        try:
            asked(lambda: self.base.download_packages(wanted, heard))
        except Ended as error:
            raise lacking(wanted[0], top, heard.words, error) from error

    def unsigned(self, packages, top):
        # Words for each that is not to be trusted, and is not there then; all others are.
        wrong = {}
        for one in packages:
            status, words = self.base.package_signature_check(one)
            path = one.localPkg()
            if status:
                wrong[one] = "%s (repository %s)" % (words, one.reponame)
            if status and os.path.dirname(path) == top:
                os.unlink(path)
            elif not status and os.path.dirname(path) != top:
                shutil.copy(path, top)
        return wrong

    def transaction(self, coming, remove):
        lines = ["install " + " ".join(shlex.quote(one.localPkg()) for one in coming)] if coming else []
        lines += ["remove " + " ".join(str(one) for one in remove)] if remove else []
        # Without a word to run it, it is run at the end, as strictly as any other command, and its status is told.
        put(self.job + "/script", "".join(line + "\n" for line in lines))
        options = ("exit_on_lock=1", "install_weak_deps=0", "clean_requirements_on_remove=0")
        words = ["dnf", "--assumeyes", "--disablerepo=*"] + ["--setopt=" + one for one in options] + unheld(self.spec)
        self.base.close()
        status, text = ran(self.job, sudo(self.spec) + words + IN_ROOT + ["shell", self.job + "/script"])
        if status == LOCKED:
            raise locked(text)
        return status, text

    def checked(self):
        found = []
        words = ["dnf", "--quiet", "--cacheonly", "--disablerepo=*"] + IN_ROOT + own_room(self.job) + ["check"]
        for line in ran(self.job, words)[1].splitlines():
            package, _, rest = line.strip().partition(" ")
            if rest and package.count("-") > 1:
                found.append((package.rsplit("-", 2)[0], line.strip()))
        return found

    def restarts(self):
        return restarts(self, ["-r"], ["-s"])


main(Dnf4)
