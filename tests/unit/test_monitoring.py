"""The monitoring pack asks for what there is: rules of Prometheus and the board of Grafana, beside the metrics of a real run."""

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import pages
from tests.conftest import World
from tests.sshd import require

PACK = pages.DOCS.parent / "etc" / "monitoring"
RULES, BOARD = PACK / "prometheus-rules.yml", PACK / "grafana-dashboard.json"
RULES_TESTED = Path(__file__).parent / "prometheus-rules.test.yml"
PAGE = pages.DOCS / "howto" / "monitoring.md"
COLUMNS = 24
"""Of a board of Grafana."""


@pytest.fixture
def written(world: World) -> str:
    """What a run leaves for the collector."""
    file = world.directory / "sshsync.prom"
    world.fill("master", b"/m", {b"a": b"alpha"})
    assert world.run(text=f"metrics_file = {file}\n{world.text}").exit_code == 0
    return file.read_text()


@pytest.fixture
def metrics(written: str) -> set[str]:
    """The names of all metrics."""
    return set(re.findall(r"^# TYPE (\S+) gauge$", written, re.MULTILINE))


def promtool(*words: str, given: str = "") -> None:
    require(bool(shutil.which("promtool")), "promtool")
    done = subprocess.run(["promtool", *words], input=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_metrics(written: str) -> None:
    promtool("check", "metrics", given=written)


def asked(text: str) -> set[str]:
    return set(re.findall(r"\bsshsync_\w+", text))


def board() -> dict:
    return json.loads(BOARD.read_text())


def questions() -> list[str]:
    """Return every expression of the board."""
    return [target["expr"] for panel in board()["panels"] for target in panel.get("targets", ())]


def alerts() -> set[str]:
    return set(re.findall(r"^ +- alert: (\w+)$", RULES.read_text(), re.MULTILINE))


def test_prometheus_takes_the_rules() -> None:
    promtool("check", "rules", str(RULES))


def test_each_alert_is_raised_when_it_should_be_and_only_then() -> None:
    promtool("test", "rules", str(RULES_TESTED))


def test_each_alert_has_a_case_that_raises_it_and_one_that_does_not() -> None:
    cases = re.findall(r"alertname: (\w+)\n +exp_alerts:(.*)$", RULES_TESTED.read_text(), re.MULTILINE)
    assert {name for name, expected in cases if not expected} == alerts()
    assert {name for name, expected in cases if expected == " []"} == alerts()


def test_rules_and_board_ask_for_metrics_that_there_are(metrics: set[str]) -> None:
    assert asked(RULES.read_text()) <= metrics
    assert asked(" ".join(questions())) <= metrics


def test_every_metric_of_a_repository_is_on_the_board(metrics: set[str]) -> None:
    assert {name for name in metrics if "_repository_" in name} - asked(" ".join(questions())) == set()


def test_prometheus_takes_the_questions_of_the_board(tmp_path: Path) -> None:
    rules = [{"record": f"board:{number}", "expr": expr.replace("$instance", "ops.*").replace("$__range", "1d")} for number, expr in enumerate(questions())]
    file = tmp_path / "board.yml"
    file.write_text(json.dumps({"groups": [{"name": "board", "rules": rules}]}))
    promtool("check", "rules", str(file))


def test_the_panels_of_the_board_lie_side_by_side() -> None:
    made = board()
    places = [panel["gridPos"] for panel in made["panels"]]
    assert all(0 <= place["x"] and place["x"] + place["w"] <= COLUMNS for place in places)
    for one, other in itertools.combinations(places, 2):
        aside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert aside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"], (one, other)
    assert len({panel["id"] for panel in made["panels"]}) == len(places)
    assert all(panel["title"] and panel["datasource"]["uid"] == "${datasource}" for panel in made["panels"])


def test_the_page_of_monitoring_names_every_metric_and_every_alert(metrics: set[str]) -> None:
    text = PAGE.read_text()
    told = set(re.findall(r"^\| `(sshsync_\w+)", text, re.MULTILINE))
    assert told == metrics
    assert set(re.findall(r"\bSshsync\w+", text)) == alerts()
