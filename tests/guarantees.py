"""The page of guarantees, made of the suite: each promise, the tests that try to break it, the figures they reached.

Usage: python -m tests.guarantees [FIGURES]. Writes docs/guarantees.md; FIGURES is what a whole run of the suite left
(script/test keeps it in build/figures.json), the committed docs/figures.json by default.
"""

import ast
import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "guarantees.md"
FIGURES = TESTS.parent / "docs" / "figures.json"

PROMISES = {
    "Atomic": (
        "A reader of a child sees the complete old or the complete new file, never a part or a mixture, whoever still writes, at the master or on the child.",
        ["*test_row_54_*", "*test_row_55_*", "*test_row_59_*", "*a_batch_is_invisible_until*", "*test_row_49_*", "*test_row_51_*", "*test_row_52_*", "*the_batch_is_in_staging_and_nowhere_else*", "*/test_late_receivers.py::*", "*both_at_once_tear_nothing*", "*slept_past_its_lease*", "*whatever_happens_tonight*", "*/test_stable.py::*", "*/test_restore.py::*"],
    ),
    "Verified, end to end": (
        "Nothing is published whose digest differs from the origin's; an item whose parent's copy is not at the recorded digest is blocked.",
        ["*_that_lies_about_*", "*is_no_proof*", "*a_part_whose_parent_changed*", "*what_may_be_passed_on*", "*test_row_41_*", "*test_row_73_*", "*corrupt*", "*altered_proxy*", "*only_the_origins_digest*", "*verify_finds*", "*whatever_a_parents_scp_sends*"],
    ),
    "Durable": (
        "After \"done\" a file was flushed, renamed and flushed again; where a host cannot flush, the report says so.",
        ["*flushed_renamed*", "*test_row_22_bsd*"],
    ),
    "Resumable": (
        "Killed anywhere and run again, the result equals an uninterrupted run, and verified bytes are not sent again; a damaged record costs a verification.",
        ["*/test_cuts.py::*", "*/test_limits.py::*", "*/test_parts.py::*", "*/test_underway.py::*", "*/test_deltas.py::test_what_a_killed_run_left*", "*a_way_that_breaks*", "*a_killed_controller_*", "*a_flipped_block*", "*hangs_up*", "*a_link_that_breaks*",  "*test_row_54_*", "*test_row_55_*", "*test_row_56_*", "*test_row_58_*", "*test_row_63_*", "*test_row_64_*", "*killed_hard*", "*whatever_goes_wrong*", "*interrupted_run_left*", "*in_the_middle*", "*a_killed_controller_takes*", "*takes_over_from_a_dead_one*", "*what_is_salvaged_is_not_sent_again*", "*unit/test_journal.py::*"],
    ),
    "Idempotent": (
        "A second run with no change moves no byte, changes nothing and exits 0; a script whose answer was lost may be run again.",
        ["*second_run*", "*/test_costs.py::*", "*what_is_unchanged_*", "*/test_level.py::*", "*test_row_66_*", "*relay_through_the_chain*", "*test_the_chain_from_outside*", "*/test_repeat.py::*", "*one_run_converges*"],
    ),
    "No surprise deletion": (
        "Incomplete or suspicious knowledge never deletes: a cut, empty or failed listing stops; what is excluded or was not listed stays.",
        ["*test_row_47_*", "*test_row_48_*", "*test_row_72_*", "*test_row_74_*", "*test_row_75_*", "*test_row_76_*", "*never_delete*", "*nothing_is_deleted*", "*deletions_wait*", "*limit_of_deletions*", "*/test_swapped_places.py::*", "*/test_globs.py::*", "*goes_only_where_deletions_are_asked_for*", "*deletions_stay_within_it*", "*is_not_removed_for_it*", "*nothing_goes_where_not_all_is_known*", "*/test_keep.py::*", "*neither_made_nor_is_anything_removed*", "*takes_no_link_away*", "*makes_no_link_and_takes_nothing_away*", "*finds_no_place_is_told*", "*change_places*"],
    ),
    "Bounded": (
        "Every wait has a deadline; memory does not grow with file size or with what a host prints; tries end.",
        ["*keep_to_the_limit*", "*unit/test_bandwidth.py::*", "*spare_channels*", "*disk_that_fills*", "*test_row_15_*", "*test_row_16_*", "*test_row_24_*", "*test_row_94_a_host_that_complains*", "*test_row_96_*", "*test_row_97_*", "*test_row_98_*", "*deadline*", "*trickle*", "*given_up*", "*thousand_megabytes*", "*endless*"],
    ),
    "Patient": (
        "Steady progress of any length is left alone; progress is what was kept; patience is counted from the first trouble in a row; a run without progress ends in bounded time.",
        ["*/test_patience.py::*", "*is_nobody_s_delay*", "*keys_that_change*", "*changes_of_keys*", "*is_left_alone_as_long*", "*/test_nights.py::*", "*tries_are_used_up*", "*unreachable_host_is_given_up*"],
    ),
    "Isolated": (
        "One host's failure touches only it and the hosts behind it, one file's only that file; one controller at a time changes a child.",
        ["*test_row_81_*", "*test_row_82_*", "*dead_node*", "*dead_master*", "*a_bug_in_one_job*", "*/test_pipeline.py::*", "*a_container_that_is_stopped*", "*what_all_hosts_lack*", "*/test_vanished.py::*", "*/test_two_controllers.py::*", "*/test_reads.py::*", "*/test_shared_reads.py::*"],
    ),
    "No injection, no escape": (
        "Names, configuration values and what hosts print never become code, and nothing is written outside the configured roots.",
        ["*rows_67_and_68*", "*put_in_the_way_while*", "*whatever_is_kept_leads_to_nothing_outside*", "*whatever_links_a_host_lists*", "*leads_outside*", "*lead_outside*", "*never_followed*", "*nothing_is_made_behind_it*", "*gives_nothing_away*", "*test_row_67_*", "*sentinel*", "*test_row_50_*", "*test_row_69_*", "*test_row_70_*", "*test_row_71_*", "*test_row_77_*", "*rows_78_to_80*", "*whatever_a_host_answers*", "*any_name_is_carried*", "*only_the_encoder*", "*any_login_shell*", "*test_row_23_*", "*/test_links_inside.py::*", "*/test_json.py::*", "*nothing_that_a_terminal_would_obey*", "*none_reaches_a_terminal*"],
    ),
    "Authentic": (
        "Unknown, changed and revoked host keys are refused; logins are tried once; secrets are in no log, argument, report or message.",
        ["*test_row_26_*", "*test_row_27_*", "*rows_27_and_28*", "*test_row_28_*", "*test_row_29_*", "*test_row_95_*", "*weak_algorithms*", "*unknown_changed_and_pinned*", "*host_key*", "*is_tried_once*", "*seen_the_proxy_alone*", "*a_parent_that_is_not_known*", "*a_parent_with_another_key*", "*an_ssh_that_would_ask*", "*an_agent_is_forwarded*"],
    ),
    "Honest": (
        "Exit codes, outcomes and counts are folded from the journal; a dry run shares every step up to the first byte; what only looks changes nothing; what fails is told at once, in the host's own words.",
        ["*/test_left_out.py::*", "*/test_narrowed.py::*", "*exit_codes*", "*by_which_rates*", "*told_with_the_rates*", "*how_much_of_which_file*", "*did_not_have_to_move*", "*counted_as_saved*", "*replayed_journal*", "*dry_run*", "*test_row_17_*", "*test_row_18_*", "*test_row_19_*", "*test_row_20_*", "*test_row_21_*", "*test_row_22_*", "*test_row_25_*", "*test_row_44_*", "*test_row_45_*", "*test_row_46_*", "*test_row_57_*", "*test_row_60_*", "*test_row_61_*", "*test_row_62_*", "*test_row_65_*", "*test_row_78_*", "*test_row_93_*", "*test_row_94_hostile*", "*/test_streams.py::*", "*/test_bugs.py::*", "*/test_times.py::*", "*/test_looks.py::*", "*/test_inventories.py::*", "*/test_compare.py::*", "*test_journal.py::test_a_look*"],
    ),
    "Packages": (
        "A change of packages is foreseen and no more than that, verified by looking, resumable, isolated, told honestly and never broken by a connection, and what it replaced is kept for the way back. It is not atomic for who uses them meanwhile, and it is as durable as the package manager makes it.",
        ["*/test_pip_sync.py::*", "*/test_pip_changes.py::*", "*/test_rpm_changes.py::*", "*/test_jobs.py::*", "*/test_rpm_*.py::*", "*/test_reverting.py::*", "*/test_howto_packages.py::*"],
    ),
}  # fmt: skip


def functions() -> Iterator[str]:
    """Yield every test of the suite as FILE::NAME."""
    for file in sorted(TESTS.rglob("test_*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield f"{file.relative_to(TESTS.parent)}::{node.name}"


def rows(name: str) -> str:
    """Return the rows of the fault matrix that a test's name tells."""
    found = re.search(r"test_rows?_(\d+)(?:_(and|to)_(\d+))?", name)
    if not found:
        return ""
    first, link, last = found.groups()
    return first if not link else f"{first}{', ' if link == 'and' else '–'}{last}"


def page(figures: Mapping[str, Mapping[str, object]]) -> str:
    """Return the page."""
    known = list(functions())
    lines = [
        "# Guarantees",
        "",
        "Each promise, the tests that try to break it, and the figures of the last whole run. Made of the suite by `script/docs`; a test",
        "compares this page with the suite. *Row* is the number in the list of faults that the project works through (cuts, lies, full",
        "disks, kills, hostile names …); *cases* is how many variants of a test ran.",
        "",
    ]
    for title, (words, patterns) in PROMISES.items():
        chosen = [test for test in known if any(fnmatchcase(test, pattern) for pattern in patterns)]
        lines += [f"## {title}", "", words, "", "| test | row | cases | figures |", "|---|---|---|---|"]
        for test in chosen:
            file, name = test.split("::")
            reached = dict(figures.get(test, {}))
            cases = reached.pop("cases", "")
            told = "; ".join(f"{figure}: {value}" for figure, value in sorted(reached.items()))
            lines.append(f"| `{name.removeprefix('test_')}` ({file.removeprefix('tests/')}) | {rows(name)} | {cases} | {told} |")
        lines.append("")
    return "\n".join(lines)


def unmatched() -> list[str]:
    """Return patterns that name no test."""
    known = list(functions())
    return [pattern for _, patterns in PROMISES.values() for pattern in patterns if not any(fnmatchcase(test, pattern) for test in known)]


if __name__ == "__main__":
    if sys.argv[1:]:
        shutil.copy(sys.argv[1], FIGURES)
    PAGE.write_text(page(json.loads(FIGURES.read_text())))
