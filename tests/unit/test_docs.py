"""The documentation is what the code is: generated pages, configurations, links."""

import re
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from sshsync.config.load import parse
from sshsync.config.resolve import Account, resolve
from sshsync.errors import ConfigError
from tests import pages
from tests.sshd import require

ROOT = pages.DOCS.parent
WRITTEN = pages.pages()


def generated() -> dict[Path, str]:
    spec = util.spec_from_file_location("docs_generate", pages.DOCS / "generate.py")
    assert spec
    assert spec.loader
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


def test_generated_pages_are_what_the_code_is() -> None:
    assert [str(file) for file, content in generated().items() if file.read_text() != content] == [], "run script/docs"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_configuration_on_a_page_is_understood(page: Path) -> None:
    """A page may show a part: then only what the part leaves out is missing."""
    for text in pages.configurations(page):
        try:
            resolve(parse(text.encode(), "page.conf"), Account("me", "/home/me", "/var/lib/sshsync"))
        except ConfigError as error:
            for problem in error.problems:
                assert re.search(r"is not a repository of this configuration|no repository is configured|path .*needed|host .*needed|is missing", str(problem)), (text, str(problem))


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_steps_of_every_page_can_be_read(page: Path) -> None:
    list(pages.steps(page))


FOLLOWED = [page for page in WRITTEN if page.name not in ("README.md", "CONTRIBUTING.md")]


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_in_a_block_that_is_run(page: Path) -> None:
    """Commands stand in blocks of console, which tests/containers/test_docs.py runs; other blocks hold none."""
    kinds = set(re.findall(r"^```(\S+)$", page.read_text(), re.MULTILINE))
    assert kinds <= {"console", "ini", "text", "{toctree}"}
    for block in re.findall(r"^```text\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        assert "sshsync --" not in block
        assert not re.search(r"^sshsync ", block, re.MULTILINE)


@pytest.mark.parametrize("page", [*WRITTEN, pages.DOCS / "configuration.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("https://", "mailto:")):
            assert (page.parent / target).exists(), target


def test_the_readme_knows_every_exit_code() -> None:
    from sshsync.errors import MEANINGS

    table = (ROOT / "README.md").read_text()
    for code in MEANINGS:
        assert re.search(rf"\b{code}\b", table), code


def test_the_pages_build_without_a_warning(tmp_path: Path) -> None:
    for builder in ("html", "man"):
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", builder, "-d", str(tmp_path / "trees"), str(pages.DOCS), str(tmp_path / builder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
    assert {file.name for file in (tmp_path / "man").iterdir() if file.is_file()} == {"sshsync.1", "sshsync.conf.5", "sshsync-cookbook.7"}
    require(bool(shutil.which("man")), "man")
    for file in ("sshsync.1", "sshsync.conf.5", "sshsync-cookbook.7"):
        shown = subprocess.run(["man", "--warnings", "-l", str(tmp_path / "man" / file)], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"})
        assert shown.stderr == ""
        assert "NAME" in shown.stdout


def test_what_a_page_promises_is_compared() -> None:
    """The comparison itself can say no."""
    block = "ops# one\n…\nlast …\nops$ two\n(status 7)\n"
    first, second = pages.commands(block)
    assert first.matches("a\nb\nlast word\n")
    assert first.matches("last word")
    assert not first.matches("a\nfirst\n")
    assert not first.matches("last word\nmore\n")
    assert (second.machine, second.root, second.status, second.promised) == ("ops", False, 7, [])


def test_every_field_of_the_output_is_explained_and_nothing_else() -> None:
    sys.path.insert(0, str(ROOT))
    from docs import json_objects, json_words

    def fields(name: str, part: object) -> set[tuple[str, str]]:
        if isinstance(part, list):
            return set().union(*(fields(name, one) for one in part))
        if not isinstance(part, dict):
            return set()
        own = {(name, field) for field in part.get("properties", {})}
        return own.union(*(fields(name, one) for one in part.values()))

    defined = json_objects.schema()["$defs"]
    known = set().union(*(fields(name, made) for name, made in defined.items()))
    assert json_words.unused(known | {("headway", field) for name, field in known if name == "status"}) == []
