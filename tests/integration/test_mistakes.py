"""Each mistake of the table is made, and a person sees the line that `docs/errors.md` has for it."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.making import MAKERS, Scene
from tests.mistakes import MISTAKES, Mistake
from tests.sshd import Sshd, require

pytestmark = pytest.mark.integration

TABLE = [one for group in MISTAKES.values() for one in group]
HOUSE = ("finding the root", "looking for room", "have no record", "own scan", "printed no digest", "\\n", "banner")
"""Words that an operator cannot know."""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory that the account nobody can enter: root may read everything, so it is no account to forbid things."""
    made = Path(tempfile.mkdtemp(prefix="sshsync-test-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Callable[..., Sshd]]:
    servers: dict[str, Sshd] = {}

    def give(name: str, *extra: str) -> Sshd:
        if name not in servers:
            if name == "nobody" and os.geteuid() == 0:
                require(bool(shutil.which("setpriv")), "setpriv")
                login = place / "login"
                login.write_text('#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "$SSH_ORIGINAL_COMMAND"\n')
                login.chmod(0o755)
                extra = (f"ForceCommand {login}",)
            servers[name] = Sshd(place / "sshd", name, *extra)
        return servers[name]

    yield give
    for one in servers.values():
        one.stop()


@pytest.fixture
def scene(place: Path, server: Callable[..., Sshd]) -> Iterator[Scene]:
    directory = Path(tempfile.mkdtemp(dir=place))
    made = Scene(directory, server)
    yield made
    made.close()


@pytest.mark.parametrize("mistake", TABLE, ids=lambda mistake: mistake.name.replace(" ", "_"))
def test_a_mistake_is_told_as_the_page_has_it(scene: Scene, mistake: Mistake) -> None:
    words = MAKERS[mistake.name](scene)
    scene.site.directory.chmod(0o755)
    code, screen = scene.screen(words)
    assert mistake.said in [line.strip() for line in screen.splitlines()], screen
    assert code == mistake.code, screen
    assert [house for house in HOUSE if house in screen] == []


def test_every_mistake_is_made_and_on_the_page() -> None:
    assert sorted(MAKERS) == sorted(one.name for one in TABLE)
    assert len({one.said for one in TABLE}) == len(TABLE), "whoever searches for a message finds one"
