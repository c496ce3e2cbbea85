"""The Ansible role as far as no Ansible is needed: it parses, says what it takes, and its example is a configuration."""

import re
from pathlib import Path

import jinja2
import pytest
import yaml

from sshsync.config.load import parse
from sshsync.config.resolve import Account, resolve
from tests import pages

TOP = pages.DOCS.parent / "packaging" / "ansible"
ROLE = TOP / "roles" / "sshsync"
PAGE = pages.DOCS / "howto" / "ansible.md"
FILES = sorted(TOP.rglob("*.yml"))


def read(file: Path) -> object:
    return yaml.safe_load(file.read_text())


def written(configuration: dict) -> str:
    """Return the file that the role makes of a configuration."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(ROLE / "templates"), trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    return environment.get_template("sshsync.conf.j2").render(sshsync_sections=configuration)


def test_the_role_is_there() -> None:
    assert {file.relative_to(ROLE).parts[0] for file in FILES if file.is_relative_to(ROLE)} == {"defaults", "handlers", "meta", "tasks", "vars"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TOP)))
def test_every_file_can_be_read(file: Path) -> None:
    assert read(file)


def test_every_variable_has_a_type_and_a_line_on_the_page() -> None:
    defaults = set(read(ROLE / "defaults" / "main.yml"))
    specified = read(ROLE / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    assert defaults == set(specified)
    told = set(re.findall(r"^\| `(sshsync_\w+)` \|", PAGE.read_text(), re.MULTILINE))
    assert defaults == told
    parts = specified["sshsync_accounts"]["options"]
    parts = {*parts, *parts["roots"]["options"]}
    assert parts == set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)) - told


def test_variables_that_are_used_exist() -> None:
    known = set(read(ROLE / "defaults" / "main.yml")) | set(read(ROLE / "vars" / "main.yml"))
    for file in (ROLE / "tasks").glob("*.yml"):
        known |= set(re.findall(r"(?:register|loop_var): (\w+)", file.read_text()))
        known |= {name for task in read(file) for name in task.get("ansible.builtin.set_fact", {})}
    groups = set(read(TOP / "inventory.yml"))
    for file in [*ROLE.rglob("*.yml"), *ROLE.rglob("*.j2")]:
        assert set(re.findall(r"\bsshsync_\w+", file.read_text())) - known - groups == set(), file


def test_the_lines_for_keys_are_those_of_the_security_page() -> None:
    """The template of the line, filled in as the page does."""
    line = jinja2.Environment().from_string(read(ROLE / "vars" / "main.yml")["sshsync_line"])
    shown = (pages.DOCS / "security.md").read_text()
    for account in ({"from": "192.168.9.5"}, {"from": "192.168.9.5", "permitopen": ["10.0.0.11:22"]}, {"from": "192.168.1.1"}):
        made = line.render(sshsync_account=account, sshsync_login_key="ssh-ed25519 AAAA…")
        assert f"\n{made}\n" in shown


def test_the_example_is_a_configuration() -> None:
    controller = read(TOP / "inventory.yml")["sshsync_controller"]
    configuration = controller["vars"]["sshsync_configuration"]
    config = resolve(parse(written(configuration).encode(), "example.conf"), Account("sshsync", "/var/lib/sshsync", "/var/lib/sshsync"))
    assert set(config.tree.repositories) == set(configuration) - {"sshsync", "DEFAULT"}
    assert "nightly" in config.settings.plans


def test_values_stay_what_they_are() -> None:
    text = written({"sshsync": {"plan.every": "--all"}, "c": {"transport": "local", "path": "/c", "parent": "m"}, "m": {"transport": "local", "path": "/m", "delete": True, "stable_for": 0, "exclude": "*.tmp\n[x]\n  key = value\n"}})
    config = resolve(parse(text.encode(), "made.conf"), Account("me", "/home/me", "/state"))
    assert set(config.tree.repositories) == {"m", "c"}
    assert "delete = yes\n" in text
    assert "exclude = *.tmp\n    [x]\n" in text
