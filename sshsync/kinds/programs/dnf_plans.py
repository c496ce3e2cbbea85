# What dnf 4 would change, found out by its own resolver. For dnf's own Python, 3.6 and later. Changes nothing.
import os
import sys

ROOT = os.path.realpath(sys.argv[3]) if sys.argv[3] else ""
IN_ROOT = ["--installroot=" + ROOT] if ROOT else []
# Whose removal would leave nobody who could put it back.
PRECIOUS = "/bin/sh /usr/bin/sh /usr/sbin/sshd /usr/bin/sudo /usr/bin/rpm /usr/bin/dnf " + sys.executable
HELD = "it is held there: dnf's configuration excludes it, or dnf versionlock (held = change)"
MODULAR = "it is part of a module stream that is not enabled there"
SIDE_BY_SIDE = "several versions of it stand side by side (install-only): it is only compared, never changed"


class Refused(Exception):
    pass


SESSIONS = []


def session(spec):
    # dnf as its own command would begin, with its configuration and plugins; it can do that once in a process.
    import dnf.cli.cli

    if not SESSIONS:
        base = dnf.cli.cli.BaseCli()
        held = ["--disableexcludes=all", "--disableplugin=versionlock"] if spec["held"] else []
        dnf.cli.cli.Cli(base).configure(["--quiet", "--assumeyes"] + IN_ROOT + held + ["repoquery", "none"])
        conf = base.conf
        conf.install_weak_deps = conf.clean_requirements_on_remove = conf.deltarpm = False
        # What is downloaded is ours: no later transaction of anybody's is to clear it away.
        conf.keepcache = conf.exit_on_lock = True
        SESSIONS.append((base, list(base.repos.iter_enabled())))
    return SESSIONS[0]


def opened(spec, online, files=()):
    # What is installed, what local files hold, and what repositories have where somebody asks for that.
    base, enabled = session(spec)
    base.reset(sack=True, goal=True)
    base.repos.all().disable()
    for repo in enabled if online else ():
        repo.enable()
    base.fill_sack(load_available_repos=online)
    base.add_remote_rpms(list(files), strict=False)
    return base


def spoken(base, key):
    # Name and architectures of a package: its own name has that of the system, another one is told behind it.
    import dnf.rpm

    known = base.sack.list_arches()
    own = [arch for arch in known if dnf.rpm.basearch(arch) == base.conf.basearch]
    name, _, arch = key.rpartition(".")
    if name and arch in known and arch not in own and arch != "noarch":
        return name, [arch]
    return key, own + ["noarch"]


def had(base, key, version, **how):
    # Who has a package in this version: what was kept comes before what would have to be downloaded.
    name, arches = spoken(base, key)
    found = base.sack.query(**how).available().filterm(name=name, arch=arches, evr=version)
    return sorted(found, key=lambda one: one.reponame != "@commandline")


def there(base, key):
    name, arches = spoken(base, key)
    return list(base.sack.query().installed().filterm(name=name, arch=arches))


def why_not(base, key, version):
    import hawkey

    for flag, words in (("IGNORE_REGULAR_EXCLUDES", HELD), ("IGNORE_MODULAR_EXCLUDES", MODULAR)):
        if hasattr(hawkey, flag) and had(base, key, version, flags=getattr(hawkey, flag)):
            return words
    if had(base, key, version, flags=hawkey.IGNORE_EXCLUDES):
        return HELD
    name, arches = spoken(base, key)
    others = sorted({one.evr for one in base.sack.query().available().filterm(name=name, arch=arches)})
    return "no repository of it has it" + (", but " + ", ".join(others[-3:]) if others else "")


def solved(base, install, remove, weak=False, erasing=False):
    # Has dnf find out what would change: what comes, and what goes.
    import dnf.exceptions

    base.reset(goal=True)
    for one in install:
        base.package_install(one, strict=not weak)
    for one in remove:
        base.package_remove(one)
    try:
        base.resolve(allow_erasing=erasing)
    except dnf.exceptions.Error as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise Refused(" ".join(lines)[:600]) from error
    changed = base.transaction or ()
    return (
        [one.pkg for one in changed if one.action in install_actions()],
        [one.pkg for one in changed if one.action in remove_actions()],
    )


def install_actions():
    import dnf.transaction

    return dnf.transaction.FORWARD_ACTIONS


def remove_actions():
    import dnf.transaction

    return dnf.transaction.BACKWARD_ACTIONS + [dnf.transaction.PKG_REMOVE]


def tried(base, install, remove, erasing, weak=False):
    try:
        return solved(base, install, remove, weak, erasing), ""
    except Refused as refused:
        return None, str(refused)


def chosen(base, spec, refused):
    # The packages that can come and those that can go, as many as possible; the others are refused, with dnf's words.
    install, remove = {}, {}
    only = base.sack.query().filterm(provides=base.conf.installonlypkgs)
    precious = list(base.sack.query().installed().filterm(file=PRECIOUS.split()))
    for key, version in spec["install"]:
        found = had(base, key, version)
        if not found:
            refused[key] = why_not(base, key, version)
        elif found[0] in only:
            refused[key] = SIDE_BY_SIDE
        else:
            install[key] = found[0]
    for key in spec["remove"]:
        found = there(base, key)
        if any(one in only for one in found):
            refused[key] = SIDE_BY_SIDE
        elif any(one.name in base.conf.protected_packages or one in precious for one in found):
            refused[key] = "it is protected: nothing that is needed to get on there is ever removed"
        elif found:
            remove[key] = found
    return install, remove


def flat(remove):
    return [one for some in remove.values() for one in some]


def planned(base, spec):
    # What is refused, what comes and what goes: all that was asked for, or the most of it that goes together.
    refused, erasing = {}, spec["erasing"]
    install, remove = chosen(base, spec, refused)
    if len(install) < len(spec["install"]):
        remove = {}
    plan, _ = tried(base, install.values(), flat(remove), erasing)
    if plan is None:
        remove = removable(base, install, remove, refused, erasing)
        lacking = dict(refused)
        coming = attained(base, install, remove, lacking, erasing)
        if len(coming) < len(install):
            # Nothing goes where something does not come.
            remove, lacking = {}, dict(refused)
            coming = attained(base, install, remove, lacking, erasing)
        install, refused = coming, lacking
        plan, words = tried(base, install.values(), flat(remove), erasing)
        if plan is None:
            refused.update((key, words) for key in remove)
            plan = solved(base, install.values(), (), erasing=erasing)
    return refused, install, plan


def removable(base, install, remove, refused, erasing):
    # Those that nothing needs but what goes, too, or is replaced by another version.
    may = set(flat(remove) + [one for key in install for one in there(base, key)])
    leaving = {}
    for key, some in remove.items():
        plan, words = tried(base, (), some, True)
        if plan and (erasing or may.issuperset(plan[1])):
            leaving[key] = some
        else:
            refused[key] = tried(base, (), some, False)[1] or words or "something that stays needs it"
    return leaving


def attained(base, install, remove, refused, erasing):
    # The most of these that dnf finds to go together.
    coming = dict(install)
    while coming and tried(base, coming.values(), flat(remove), erasing)[0] is None:
        plan, words = tried(base, coming.values(), flat(remove), erasing, weak=True)
        came = plan[0] if plan else ()
        for key in [key for key, one in coming.items() if one not in came] or list(coming):
            alone = tried(base, [coming.pop(key)], flat(remove), erasing)[1]
            refused[key] = alone or words or "it does not go together with the others"
    return coming


def rows(packages):
    return sorted([one.name, one.arch, one.evr] for one in packages)


def needed(base, wanted, coming):
    # Which of the wanted each other one comes for.
    found = {}
    for one in coming:
        if one not in wanted:
            for other in base.sack.query().filterm(pkg=coming).filterm(requires=one.provides):
                if other != one:
                    found["%s.%s" % (one.name, one.arch)] = other.name
    return found
