"""The order of versions, held against the very tools whose order it is."""

import itertools
import random
import shutil
import subprocess

import pytest

from sshsync.versions import order
from tests.sshd import require

PARTS = ["1", "1.0", "1.0.0", "1.00", "01", "1a", "1.a", "a", "1~rc1", "1~", "1^", "1^git1", "1.0~rc1", "1.0^20230101", "10", "9", "1_0", "1+1", "1.10", "1.9", "2004d", "0", "1.0a1", "1.0b", "99999999999999999999", "x.y.z"]
EPOCHS = ["", "0:", "1:", "2:", "10:"]


def versions() -> list[str]:
    chosen = random.Random(7)
    made = [f"{chosen.choice(EPOCHS)}{one}-{chosen.choice(PARTS)}" for one in PARTS]
    return sorted({*made, *(f"{epoch}{part}-1" for epoch, part in zip(itertools.cycle(EPOCHS), PARTS, strict=False))})


def test_the_order_of_rpm_is_that_of_rpm_itself() -> None:
    require(shutil.which("rpm") is not None, "rpm")
    pairs = list(itertools.product(versions(), repeat=2))
    assert len(pairs) >= 2000
    # rpm.vercmp compares what stands between the dashes; the whole is compared as rpm does it: epoch, version, release.
    script = "\n".join(f'print(rpm.vercmp("{one}", "{other}"))' for one, other in pairs)
    said = subprocess.run(["rpmlua", "-e", script] if shutil.which("rpmlua") else ["rpm", "--eval", "%{lua:" + script + "}"], capture_output=True, text=True, check=True)
    theirs = [int(word) for word in said.stdout.split()]
    assert len(theirs) == len(pairs)
    ours = [order("rpm")(one, other) for one, other in pairs]
    wrong = [(pair, mine, his) for pair, mine, his in zip(pairs, ours, theirs, strict=True) if mine != his]
    assert wrong == []


@pytest.mark.parametrize(
    ("older", "newer"),
    [("1.0", "1.0.1"), ("1.0rc1", "1.0"), ("1.0.dev1", "1.0a1"), ("4.2.7", "4.2.11"), ("1.0", "1.0.post1"), ("2.0", "1!1.0"), ("1.0", "1.0+local"), ("1.9 @ file:///srv/a", "1.10 @ x-1.10.whl#sha256=0")],
)
def test_the_order_of_pip_is_that_of_pep_440(older: str, newer: str) -> None:
    compare = order("pip")
    assert ((compare(older, newer) or 0) < 0, (compare(newer, older) or 0) > 0, compare(older, older)) == (True, True, 0)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [("pip", "2004d-1", "1.0"), ("pip", "1.0", "git+https://example.org/x@0123456789"), ("rpm", "1-1 2-1", "3-1"), ("files", "1", "2")],
)
def test_what_has_no_order_has_none(kind: str, one: str, other: str) -> None:
    assert (order(kind)(one, other), order(kind)(other, one)) == (None, None)
