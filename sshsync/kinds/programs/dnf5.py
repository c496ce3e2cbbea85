# The solver of dnf 5, by its own command; see plans and rpm_jobs. For Python 3.6 and later.
#
# A transaction that dnf 5 stored is replayed exactly. It does not look at signatures then, so they are looked at here.
import collections
import json
import os
import re
import shutil

from plans import HELD, PRECIOUS, Refused
from rpm_jobs import FULL, IN_ROOT, ROOT, RPM, Ended, absent, alone, main, ran, restarts, sudo
from work import names

Package = collections.namedtuple("Package", "name arch evr")
FIELDS = "%{NAME} %{ARCH} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\\n"
COMING, GOING = ("Install", "Upgrade", "Downgrade", "Reinstall"), ("Remove", "Replaced")
ARCHES = ["i386", "i486", "i586", "i686", "x86_64", "aarch64", "armv7hl", "ppc64le", "s390x", "riscv64"]
SORTS = (
    ("locked", "lock"),
    ("untrusted", "checksum"),
    ("broken", FULL),
    ("trouble", "Failed to download|Cannot download|Curl error|Failed to load|Status code"),
)


def package(text):
    name, arch, evr = text.split(" ")[:3]
    return Package(name, arch, evr[2:] if evr.startswith("0:") else evr)


def of_nevra(text):
    rest, _, arch = text.rpartition(".")
    name, version, release = rest.rsplit("-", 2)
    return package("%s %s %s-%s" % (name, arch, version, release))


class Dnf5:
    tool = "dnf5"

    def __init__(self, job, spec, online, files):
        self.job, self.spec, self.online = job, spec, online
        # dnf 5 waits for others without a limit even to look at something, whatever it is told.
        alone(job)
        self.installed = [package(line) for line in self.lines(RPM + ["-qa", "--qf", FIELDS]) if line.count(" ") == 2]
        self.files = self.of_files(files)
        keys = [key for key, _ in spec["install"]] + list(spec["remove"])
        self.asked = sorted({name for key in keys for name in (key, self.spoken(key)[0])})
        # What repositories have, and with what is held there; that is asked for where something is missing only.
        self.repos, self.all = self.available(self.options()) if online and keys else {}, None
        self.config = self.told_of(["--dump-main-config"])
        self.only, self.precious = self.install_only() if keys else set(), self.never_removed()

    def options(self, held=False):
        words = ["dnf5", "--assumeyes"] + IN_ROOT
        for one in ("install_weak_deps=0", "clean_requirements_on_remove=0", "exit_on_lock=1"):
            words.append("--setopt=" + one)
        words += ["--setopt=disable_excludes=*"] if self.spec["held"] or held else []
        return words + ([] if self.online else ["--disablerepo=*"])

    def lines(self, words):
        return [line for line in ran(self.job, words)[1].splitlines() if line.strip()]

    def of_files(self, files):
        # Which package each file is.
        told = self.lines(RPM + ["-qp", "--nosignature", "--qf", FIELDS] + list(files)) if files else []
        return dict(zip([package(line) for line in told], files)) if len(told) == len(files) else {}

    def dnf(self, words):
        # What it says; raises what it means where that is none of a package.
        status, text = ran(self.job, words)
        if status and "Failed to resolve the transaction" not in text:
            said = " ".join(line.strip() for line in text.splitlines() if line.strip())[-600:]
            raise Ended(next((sort for sort, sign in SORTS if re.search(sign, said)), "broken"), said)
        return status, text

    def available(self, options):
        # Of the names that are asked for, each version that a repository has, and which.
        words = options + ["--quiet", "repoquery", "--available", "--qf", "%{name} %{arch} %{evr} %{repoid}\\n"]
        found = {}
        for line in self.dnf(words + self.asked)[1].splitlines():
            if line.count(" ") == 3:
                found.setdefault(package(line), line.split(" ")[3])
        return found

    def told_of(self, words):
        pairs = (line.partition(" = ") for line in self.lines(self.options() + words))
        return {name.strip(): value.strip() for name, _, value in pairs}

    def spoken(self, key):
        # Name and architectures of a package: its own name has that of the system, another one is told behind it.
        own = os.uname()[4]
        name, _, arch = key.rpartition(".")
        if name and arch in ARCHES and arch != own:
            return name, [arch]
        return key, [own, "noarch"] + (["i386", "i486", "i586", "i686"] if re.match("i.86", own) else [])

    def matching(self, packages, key):
        name, arches = self.spoken(key)
        return [one for one in packages if one.name == name and one.arch in arches]

    def had(self, key, version):
        return [one for some in (self.files, self.repos) for one in self.matching(some, key) if one.evr == version]

    def there(self, key):
        return self.matching(self.installed, key)

    def local(self):
        return list(self.files)

    def side_by_side(self, packages):
        return any(one.name in self.only for one in packages)

    def protected(self, packages):
        return any(one.name in self.precious for one in packages)

    def install_only(self):
        only = ",".join(one for one in self.config.get("installonlypkgs", "").split(",") if one)
        asked = ["repoquery", "--quiet", "--qf", "%{name}\\n", "--whatprovides", only]
        return set(self.lines(self.options() + asked) if only else ())

    def never_removed(self):
        owners = self.lines(RPM + ["-qf", "--qf", "%{NAME}\\n"] + PRECIOUS.split())
        return set(self.config.get("protected_packages", "").split(",") + owners)

    def why_not(self, key, version):
        if self.all is None:
            self.all = self.available(self.options(True)) if self.online else {}
        if any(one.evr == version for one in self.matching(self.all, key)):
            return HELD
        return absent([one.evr for one in self.matching(self.repos, key)])

    def solved(self, install, remove, weak, erasing):
        self.store = self.job + "/plan"
        shutil.rmtree(self.store, ignore_errors=True)
        words = self.options() + ["do", "--store=" + self.store]
        words += ["--skip-broken", "--skip-unavailable"] if weak else []
        words += ["--allowerasing"] if erasing else []
        words += ["--action=install"] + [
            self.files.get(one, "%s-%s.%s" % (one.name, one.evr, one.arch)) for one in install
        ]
        words += ["--action=remove"] + ["%s-%s.%s" % (one.name, one.evr, one.arch) for one in remove]
        status, text = self.dnf(words)
        if status:
            told = text.partition("Failed to resolve the transaction:")[2].partition("You can try to add")[0]
            words = " ".join(line.strip() for line in told.splitlines() if line.strip())[:600]
            raise Refused("%s: %s" % (HELD, words) if "matches only" in words else words)
        rows = self.stored()
        coming = [one for action, one in rows if action in COMING]
        gone = [one for action, one in rows if action == "Remove" and one not in remove]
        if gone and not erasing:
            raise Refused("%s would go, too" % ", ".join("-".join((one.name, one.evr)) for one in gone))
        return coming, [one for action, one in rows if action in GOING]

    def stored(self):
        try:
            with open(self.store + "/transaction.json") as file:
                told = json.load(file)
        except FileNotFoundError:
            return []
        return [(row["action"], of_nevra(row["nevra"])) for row in told.get("rpms", [])]

    def needed(self, wanted, coming):
        # Which of those that come each one comes for that nobody asked for.
        extra = [one for one in coming if one not in wanted]
        files = self.fresh() + list(self.files.values()) if extra else []
        query = "[P %{PROVIDENAME}\\n][P %{FILENAMES}\\n][R %{REQUIRENAME}\\n]"
        told = {
            one: self.lines(RPM + ["-qp", "--nosignature", "--qf", query, path])
            for one, path in self.of_files(files).items()
        }
        gives = {one: {line[2:] for line in lines if line.startswith("P ")} for one, lines in told.items()}
        needs = {one: {line[2:] for line in lines if line.startswith("R ")} for one, lines in told.items()}
        pairs = (
            (one, other) for one in extra for other in needs if other != one and gives.get(one, set()) & needs[other]
        )
        return {"%s.%s" % (one.name, one.arch): other.name for one, other in pairs}

    def fresh(self):
        return [os.path.join(self.store, "packages", name) for name in names(self.store + "/packages")]

    def download(self, packages, top):
        # Brings packages into a directory, or raises what keeps one of them from coming.
        absent = ["%s-%s.%s" % (one.name, one.evr, one.arch) for one in packages if one not in self.files]
        try:
            if absent:
                self.dnf(self.options() + ["download", "--destdir=" + top] + absent)
        except Ended as error:
            raise Ended("lacking" if "Status code: 4" in str(error) else error.sort, str(error)) from error

    def unsigned(self, packages, top):
        # Words for each that is not to be trusted, and is not there then; all others are. By the keys that rpm trusts
        # there, of repositories of which it is asked for.
        wrong, asks = {}, {}
        keys = (
            ["rpmkeys"] + (["--root", ROOT] if ROOT else []) + ["--define", "_pkgverify_level signature", "--checksig"]
        )
        brought = self.of_files([os.path.join(top, name) for name in names(top)])
        for one in packages:
            repo = self.repos.get(one, "")
            if one not in self.files and repo not in asks:
                config = self.told_of(["--dump-repo-config=" + (repo or "*")])
                asks[repo] = "1" in (config.get("pkg_gpgcheck"), config.get("gpgcheck"))
            if one in brought and asks.get(repo):
                status, text = ran(self.job, keys + [brought[one]])
                if status:
                    said = " ".join(text.replace(top + "/", "").split())[:200]
                    name = os.path.basename(brought[one])
                    wrong[one] = "%s: not signed by a key that is trusted there (rpmkeys: %s)" % (name, said)
                    os.unlink(brought[one])
        for one in packages:
            if one in self.files:
                shutil.copy(self.files[one], top)
        return wrong

    def transaction(self, coming, remove):
        held = self.store + "/packages"
        if not os.path.isdir(held):
            os.mkdir(held, 0o700)
        for one in coming:
            name = os.path.basename(self.files[one])
            if not os.path.exists(os.path.join(held, name)):
                shutil.copy(self.files[one], held)
        status, text = ran(self.job, sudo(self.spec) + self.options() + ["replay", self.store])
        if status and re.search("lock", text) and "Running transaction" not in text:
            raise Ended("locked", text.strip().splitlines()[-1])
        return status, text

    def checked(self):
        found, current = [], ""
        for line in self.lines(["dnf5", "--quiet", "--disablerepo=*"] + IN_ROOT + ["check"]):
            if line.startswith(" ") and current:
                found.append((current.rsplit("-", 2)[0], "%s %s" % (current, line.strip())))
            elif line.count("-") > 1 and " " not in line:
                current = line
        return found

    def restarts(self):
        return restarts(self, [], ["--services"])


main(Dnf5)
