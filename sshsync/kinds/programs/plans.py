# What of the changes that were asked for goes together, by a solver that says what comes and what goes with some of
# them. Changes nothing. For Python 3.6 and later.
PRECIOUS = "/bin/sh /usr/bin/sh /usr/sbin/sshd /usr/bin/sudo /usr/bin/rpm /usr/bin/dnf /usr/bin/dnf5 /usr/bin/python3"
HELD = "it is held there: dnf's configuration excludes it, or dnf versionlock (held = change)"
SIDE_BY_SIDE = "it is install-only, as kernels are: it is only compared, never changed (exclude it)"
PROTECTED = "it is protected: nothing that is needed to get on there is ever removed"
TAKEN_ALONG = "something that is needed to get on there would go with it"
TORN = " (a transaction that broke off left two versions of it; there: dnf remove --duplicates)"


class Refused(Exception):
    pass


def tried(solver, install, remove, erasing, weak=False):
    try:
        return solver.solved(list(install), list(remove), weak, erasing), ""
    except Refused as refused:
        return None, str(refused)


def flat(remove):
    return [one for some in remove.values() for one in some]


def torn(solver, key, version):
    # What a transaction that broke off left beside the very version that is asked for.
    there = solver.there(key)
    others = [one for one in there if one.evr != version]
    return others if len(others) < len(there) and not solver.side_by_side(others) else []


def chosen(solver, spec, refused):
    # The packages that can be had, and those that may go, by name.
    install, remove = {}, {}
    for key, version in spec["install"]:
        others = torn(solver, key, version)
        found = [] if others else solver.had(key, version)
        if others:
            remove[key] = others
        elif not found:
            refused[key] = solver.why_not(key, version)
        elif solver.side_by_side(found[:1]):
            refused[key] = SIDE_BY_SIDE
        else:
            install[key] = found[0]
    for key in spec["remove"]:
        found = solver.there(key)
        if solver.side_by_side(found):
            refused[key] = SIDE_BY_SIDE
        elif solver.protected(found):
            refused[key] = PROTECTED
        elif found:
            remove[key] = found
    return install, remove


def planned(solver, spec):
    # What is refused, what comes and what goes: all that was asked for, or the most of it that goes together.
    refused, erasing = {}, spec["erasing"]
    install, remove = chosen(solver, spec, refused)
    if any(key in refused for key, _ in spec["install"]):
        remove = mended(spec, remove)
    plan, _ = tried(solver, install.values(), flat(remove), erasing)
    if plan is None:
        remove = removable(solver, install, remove, refused, erasing)
        lacking = dict(refused)
        coming = attained(solver, install, remove, lacking, erasing)
        if len(coming) < len(install):
            remove, lacking = mended(spec, remove), dict(refused)
            coming = attained(solver, install, remove, lacking, erasing)
        install, refused = coming, lacking
        plan, words = tried(solver, install.values(), flat(remove), erasing)
        if plan is None:
            refused.update((key, words) for key in remove)
            plan = solver.solved(list(install.values()), [], False, erasing)
    # What is replaced stays, and so does what is there in two versions, if one of them goes.
    stays = {one.name for one in plan[0]} | {one.name for one in flat(mended(spec, remove))}
    if solver.protected([one for one in plan[1] if one.name not in stays]):
        return dict.fromkeys([*refused, *install, *remove], TAKEN_ALONG), {}, ([], [])
    for key, version in spec["install"]:
        if key in refused and torn(solver, key, version):
            refused[key] += TORN
    return refused, install, plan


def mended(spec, remove):
    # Nothing goes where something does not come, but for what a transaction that broke off was to take away.
    return {key: remove[key] for key, _ in spec["install"] if key in remove}


def removable(solver, install, remove, refused, erasing):
    # Those that nothing needs but what goes, too, or is replaced by another version.
    may = set(flat(remove) + [one for key in install for one in solver.there(key)])
    leaving = {}
    for key, some in remove.items():
        plan, words = tried(solver, (), some, True)
        if plan and (erasing or may.issuperset(plan[1])):
            leaving[key] = some
        else:
            refused[key] = tried(solver, (), some, False)[1] or words or "something that stays needs it"
    return leaving


def attained(solver, install, remove, refused, erasing):
    # The most of these that the solver finds to go together.
    coming = dict(install)
    while coming and tried(solver, coming.values(), flat(remove), erasing)[0] is None:
        plan, words = tried(solver, coming.values(), flat(remove), erasing, weak=True)
        came = plan[0] if plan else ()
        for key in [key for key, one in coming.items() if one not in came] or list(coming):
            alone = tried(solver, [coming.pop(key)], flat(remove), erasing)[1]
            refused[key] = alone or words or "it does not go together with the others"
    return coming
