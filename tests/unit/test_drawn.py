"""The drawn pictures of the pages, their figures and tables, beside what they show."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sshsync.kinds.files import NEEDED
from tests import pages
from tests.integration import test_names, test_repeat
from tests.test_architecture import LAYERS, PURE

DRAWN = ("flow.svg", "layers.svg")
SVG = "{http://www.w3.org/2000/svg}"


def words(file: Path) -> dict[str, tuple[float, str]]:
    """Return how far down each text of a picture stands, and of which class it is."""
    root = ElementTree.fromstring(file.read_text())
    return {"".join(text.itertext()): (float(text.attrib["y"]), text.attrib.get("class", "")) for text in root.iter(f"{SVG}text")}


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_needs_nothing_but_itself_and_is_told_in_words(name: str) -> None:
    text = (pages.DOCS / name).read_text()
    root = ElementTree.fromstring(text)
    assert root.attrib["viewBox"].startswith("0 0 ")
    assert root.find(f"{SVG}title") is not None
    assert not re.search(r"<script|href|url\(|@import|<foreignObject", text)
    assert "prefers-color-scheme: dark" in text
    shown = [page for page in (*pages.pages(), pages.DOCS.parent / "CONTRIBUTING.md") if re.search(rf"!\[[^\]]+\]\((?:docs/)?{name}\)", page.read_text())]
    assert shown, "no page shows it, or not with words for who cannot see it"


def test_the_picture_of_the_layers_is_that_of_the_test() -> None:
    found = words(pages.DOCS / "layers.svg")
    layers = {name: number for name, number in LAYERS.items() if not name.startswith("__")}
    assert set(layers) <= set(found)
    for one, lower in layers.items():
        for other, upper in layers.items():
            assert (found[one][0] > found[other][0]) == (lower < upper), f"{one} beside {other}"
    assert {name for name in layers if found[name][1] == "pure"} == set(PURE)


def test_the_picture_of_the_demonstration_is_that_of_today() -> None:
    """Every step of the story, and no more lines than somebody reads."""
    shown = "\n".join(found.replace("\xa0", " ") for found in words(pages.DOCS / "demo.svg"))
    source = (pages.DOCS.parent / "sshsync/demo/story.py").read_text()
    headings = re.findall(r'_head\("([^"]+)"\)', source)
    assert len(headings) >= 6
    assert [heading for heading in headings if heading not in shown] == []
    lines = {y for y, _ in words(pages.DOCS / "demo.svg").values()}
    assert len(lines) < 75


def test_the_memory_that_the_page_of_sizes_tells_was_measured() -> None:
    """By a third, so that measuring again changes no page; more is another figure."""
    measured = {row: float(memory) for row, memory in re.findall(r"\(`([^`]+)`\) \| sshsync \|(?:[^|]*\|){3} (\d+) MiB \|", (pages.DOCS / "benchmarks.md").read_text())}
    told = {row: float(memory) for memory, row in re.findall(r"\| (\d+) MiB \| `([^`]+)` \|", (pages.DOCS / "sizing.md").read_text())}
    assert len(told) >= 4
    for row, memory in told.items():
        assert measured[row] / 1.35 < memory < measured[row] * 1.35, row


def row(page: str, name: str) -> str:
    """Return the second column of a row of a table."""
    (found,) = re.findall(rf"^\| {re.escape(name)} \| ([^|]+) \|", (pages.DOCS / page).read_text(), re.MULTILINE)
    return found


def test_what_the_page_of_support_calls_tested_is_what_the_suite_runs() -> None:
    assert row("support.md", " ".join(f"`{tool}`" for tool in NEEDED)) == "yes"
    assert row("support.md", "login shell").lower().startswith(", ".join(sorted(test_names.SHELLS, key="bash dash busybox tcsh fish".split().index)))
    shells = {host.partition("-")[2] for host in test_repeat.HOSTS}
    assert set(row("support.md", "shell (`shell`)").lower().partition(";")[0].split(", ")) == shells
