"""Measures sshsync beside its peers: `script/bench` runs this."""

import argparse
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks import plot, table
from benchmarks.lab import PROJECT, Lab, Size
from benchmarks.row import OURS, Row, measure
from benchmarks.rows import ROWS
from benchmarks.wire import Abilities, NotPossibleError, abilities

PAGE, PICTURES, KEPT = (
    PROJECT / "docs" / "benchmarks.md",
    PROJECT / "docs" / "benchmarks",
    PROJECT / "benchmarks" / "figures.json",
)
BEGIN, END = "<!-- figures: script/bench --write -->", "<!-- end of figures -->"
FIGURES = {"delta": "wire", "memory": "memory"}
"""What the picture of a theme shows, where that is not the time."""


def main() -> int:
    # A run that is ended takes its hosts and links down as one that ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = arguments()
    unknown = [name for name in options.row if name not in ROWS]
    if unknown:
        print(f"no row is called {', '.join(unknown)}; there are: {', '.join(ROWS)}", file=sys.stderr)
        return 2
    can = Abilities(namespaces=False, netem=False, tun=False) if options.relay else abilities()
    found = {"machine": machine(), "rows": {}}
    print(f"{found['machine']['cpu']}, {found['machine']['cores']} cores; links by {words_of(can)}")
    arrived = True
    for name in options.row or ROWS:
        facts = run(ROWS[name], options, can)
        found["rows"].update(facts)
        arrived = arrived and all(fact["ways"][OURS]["arrived"] for fact in facts.values())
        print(*table.lines(facts), sep="\n", flush=True)
        if options.json:
            options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    if options.write:
        write(found)
    return 0 if arrived else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/bench", description=f"Measures sshsync beside its peers. Rows: {', '.join(ROWS)}."
    )
    parser.add_argument("row", nargs="*", help="rows to measure; all by default")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is measured; the medians count")
    parser.add_argument("--small", action="store_true", help="so small that only the result counts; one round")
    parser.add_argument("--scale", type=float, default=1.0, help="how much of the full size")
    parser.add_argument("--relay", action="store_true", help="no namespaces, even where they can be had")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    parser.add_argument(
        "--write", action="store_true", help="take the figures over into docs/benchmarks.md and its pictures"
    )
    given = parser.parse_args()
    if given.small and given.write:
        parser.error("--small is no measurement: --write would show it as one")
    return given


def run(made: type[Row], options: argparse.Namespace, can: Abilities) -> dict[str, table.Facts]:
    """Measure one row; nothing, with a word why, where it cannot be measured here."""
    missing = [need for need in made.needs if not shutil.which(need)]
    if missing:
        print(f"{made.name}: left out, for {', '.join(missing)} is not installed")
        return {}
    print(f"{made.name}: {made.title}", flush=True)
    lab = Lab(Size(options.small, options.scale), can)
    try:
        row = made(lab)
        measured = measure(row, 1 if options.small else options.rounds, lambda line: print(line, flush=True))
        return table.facts(row, measured, lab.links())
    except NotPossibleError as error:
        print(f"{made.name}: left out: {error}")
        return {}
    finally:
        lab.close()


def write(found: dict[str, table.Facts]) -> None:
    """Take figures over into the file that keeps them, the page, and the pictures.

    Rows that were not measured stay, unless they are of another machine.
    """
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else found
    here = {name: fact for name, fact in found["machine"].items() if name != "load"}
    rows = (kept["rows"] if here.items() <= kept["machine"].items() else {}) | found["rows"]
    kept = {"machine": found["machine"], "rows": {name: rows[name] for name in sorted(rows, key=_place)}}
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    about = kept["machine"]
    told = (
        f"Measured on: {about['cpu']}, {about['cores']} cores, Linux {about['kernel']}, {about['openssh']}, "
        f"rsync {about['rsync']}, Python {about['python']}, Paramiko {about['paramiko']}; "
        f"load average at the start {about['load']:.1f}."
    )
    page = "\n".join([BEGIN, "", told, *table.page(kept["rows"]), "", END])
    PAGE.write_text(re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: page, PAGE.read_text(), flags=re.DOTALL))
    PICTURES.mkdir(exist_ok=True)
    for theme in {fact["theme"] for fact in kept["rows"].values()}:
        (PICTURES / f"{theme}.svg").write_text(picture(theme, kept["rows"]))


def picture(theme: str, rows: dict[str, table.Facts]) -> str:
    """Return the picture of a theme: times, or for some themes what counts there."""
    figure = FIGURES.get(theme, "seconds")
    title = f"{theme}: {table.NAMES[figure]}, less is better"
    chosen = [fact for fact in rows.values() if fact["theme"] == theme]
    if all(fact["across"] for fact in chosen):
        series = {
            way: [(fact["across"] / 1000, table.value(fact["ways"][way], figure)) for fact in chosen]
            for way in chosen[0]["ways"]
        }
        return plot.curves(title, "thousand entries", series, "s")
    groups = {fact["title"]: [bar(way, got, figure) for way, got in fact["ways"].items()] for fact in chosen}
    return plot.bars(title, groups)


def bar(way: str, got: table.Facts, figure: str) -> plot.Bar:
    """Return the bar of one way."""
    value = table.value(got, figure)
    words = table.amount(figure, value) if got["arrived"] else "did not arrive"
    return plot.Bar(way, value, words, ours=way == OURS, failed=not got["arrived"])


def machine() -> table.Facts:
    """Return what the figures were made on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "",
    )
    openssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False).stderr.split(",")[0].strip()
    rsync = ""
    if shutil.which("rsync"):
        rsync = subprocess.run(["rsync", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    return {
        "cpu": cpu or platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release().partition("-")[0],
        "openssh": openssh,
        "rsync": rsync or "not installed",
        "python": platform.python_version(),
        "paramiko": version("paramiko"),
        "load": os.getloadavg()[0],
    }


def words_of(can: Abilities) -> str:
    """Return what makes the links here."""
    if not can.namespaces:
        return "a relay on loopback"
    loss = "with netem" if can.netem else "with packets in user space for loss" if can.tun else "without loss"
    return f"namespaces {loss}, a relay for delay and cuts"


def _place(name: str) -> int:
    """Return where a row stands in the table."""
    return list(ROWS).index(name.partition("/")[0])


if __name__ == "__main__":
    sys.exit(main())
