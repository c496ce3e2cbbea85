"""The architecture as a test: layers, fences, sizes, no globals."""

import ast
import re
from pathlib import Path

import pytest

from sshsync import api, builtin

ROOT = Path(__file__).resolve().parent.parent / "sshsync"
FILES = sorted(ROOT.rglob("*.py"))
MOST_LINES, MOST_FUNCTION = 400, 50

# Each layer may import those below it (a lower number), and itself. Siblings share a number.
LAYERS = {
    "errors": 0,
    "version": 0,
    "model": 1,
    "core": 2,
    "versions": 3,
    "remote": 3,
    "kinds": 4,
    "config": 5,
    "transports": 4,
    "hosts": 5,
    "state": 6,
    "transfers": 6,
    "executors": 6,
    "appliers": 7,
    "engine": 8,
    "report": 8,
    "logs": 8,
    "systemd": 8,
    "notices": 9,
    "builtin": 10,
    "checks": 10,
    "api": 11,
    "watch": 12,
    "cli": 13,
    "demo": 13,
    "__main__": 14,
    "__init__": 14,
}
SAME_LAYER = {"__main__": {"cli"}, "transfers": set(), "cli": {"demo"}}
PURE = ("errors", "version", "model", "core", "remote", "kinds", "report")
PURE_FILES = ("transfers/load.py", "transfers/choose.py", "appliers/base.py", "executors/base.py")
"""What decides or promises in a room that otherwise touches the world."""
IMPURE_MODULES = {
    "os", "io", "socket", "subprocess", "threading", "random", "logging", "pathlib", "secrets", "shutil", "sqlite3", "importlib",
}  # fmt: skip
PACKAGE_DATA = {"remote/scripts/program.py": "importlib.resources.files"}
"""The one way in which a pure layer reads: programs for hosts are files of the package, as constant as its modules."""
FENCES = {
    "backports": {"remote/packing.py"},
    "compression": {"remote/packing.py"},
    "paramiko": {"transports/ssh.py", "transports/ssh_agent.py", "transports/ssh_ahead.py", "transports/ssh_auth.py", "transports/ssh_greeting.py", "demo/server.py"},
    "scp": {"transfers/scp.py"},
    "tenacity": {"hosts/retrying.py"},
    "filelock": {"state/lock.py"},
    "structlog": {"logs.py", "engine/sinks.py", "cli/display.py"},
    "click": {"cli/"},
    "rich": {"cli/display.py", "cli/board.py"},
    "pydantic": {"config/"},
    "cryptography": {"demo/site.py"},
    "packaging": {"versions.py"},
    "univers": {"versions.py"},
    "apprise": {"notices/chat.py"},
    "sqlite3": {"state/"},
}


def relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def layer(file: Path) -> str:
    return relative(file).removesuffix(".py").split("/")[0]


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_imports_point_one_way(file: Path) -> None:
    here = layer(file)
    for name in imports(file):
        parts = name.split(".")
        if parts[0] != "sshsync" or len(parts) < 2:
            continue
        there = parts[1]
        assert there in LAYERS, f"{name} is in no layer"
        allowed = LAYERS[there] < LAYERS[here] or there == here or there in SAME_LAYER.get(here, set())
        assert allowed, f"{relative(file)} must not import {name}"


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_third_parties_stay_behind_their_fences(file: Path) -> None:
    for name in imports(file):
        fence = FENCES.get(name.split(".")[0])
        if fence is not None:
            place = relative(file)
            assert any(place == gate or (gate.endswith("/") and place.startswith(gate)) for gate in fence), name


PROGRAMS = ("remote/scripts/programs/", "kinds/programs/")
"""What runs on hosts and is never imported: constant texts, as far as this machine is concerned."""


@pytest.mark.parametrize(
    "file", [f for f in FILES if (layer(f) in PURE or relative(f) in PURE_FILES) and not relative(f).startswith(PROGRAMS)], ids=relative
)
def test_pure_layers_touch_nothing(file: Path) -> None:
    third = {name for name, gates in FENCES.items() if relative(file) not in gates}
    for name in imports(file) - {PACKAGE_DATA.get(relative(file))}:
        assert name.split(".")[0] not in IMPURE_MODULES | third, f"{relative(file)} imports {name}"
    if layer(file) in ("model", "core"):
        assert not {n for n in imports(file) if n.split(".")[0] == "time"}, "no clock in the pure core"


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_files_and_functions_are_small(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= MOST_LINES
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef):
            start = node.body[1].lineno if ast.get_docstring(node) and len(node.body) > 1 else node.lineno
            assert (node.end_lineno or 0) - start < MOST_FUNCTION, f"{node.name} is too long"


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_no_globals(file: Path) -> None:
    for node in ast.walk(tree(file)):
        assert not isinstance(node, ast.Global), "no global statement"


@pytest.mark.parametrize("file", [f for f in FILES if relative(f) not in ("remote/encode.py", "demo/server.py")], ids=relative)
def test_only_the_encoder_builds_commands(file: Path) -> None:
    """Scripts are constants; nothing but the encoder writes words that a shell will read."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.keyword) and node.arg == "shell" and isinstance(node.value, ast.Constant):
            assert node.value.value is not True
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("system", "popen") or relative(file) == "remote/probe.py"


LOOKS = {"engine/preflight.py", "engine/survey.py"}
"""What only looks and is content with one try."""


def test_sessions_are_asked_for_by_what_is_tried_again() -> None:
    """`Asking.session` is one try: who calls it is handed to `retry`, or called by somebody who is."""
    for file in FILES:
        if layer(file) not in ("engine", "appliers") or relative(file) in LOOKS:
            continue
        whole = tree(file)
        functions = [node for node in ast.walk(whole) if isinstance(node, ast.FunctionDef)]
        handed = [
            argument
            for call in ast.walk(whole)
            if isinstance(call, ast.Call) and isinstance(call.func, (ast.Attribute, ast.Name)) and _name(call.func) in ("retry", "_retry", "Staging")
            for argument in call.args
        ]
        safe: list[ast.AST] = [node for node in handed if isinstance(node, ast.Lambda)]
        names = {_name(node) for node in handed if isinstance(node, (ast.Name, ast.Attribute))}
        while True:
            names |= {_name(call.func) for node in safe for call in ast.walk(node) if isinstance(call, ast.Call)}
            more = [function for function in functions if function.name in names and function not in safe]
            if not more:
                break
            safe += more
        covered = {id(call) for node in safe for call in ast.walk(node)}
        bare = [
            f"{relative(file)}:{call.lineno}"
            for call in ast.walk(whole)
            if isinstance(call, ast.Call) and _name(call.func) == "session" and id(call) not in covered
        ]
        assert bare == [], "use Asking.capabilities, or hand it to Asking.retry"


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


SEAMS = ("appliers", "kinds", "transports", "executors", "transfers")
"""Rooms of which what leads a run, decides or reports knows the protocols only."""

OF_FILES = re.compile(r"\b(?:files?|copied)\b(?! system)")
"""Words that are not true of every item; a file system is the host's, whatever lies in it."""

CONTRACT = {
    ("report/as_json.py", "files"): "a documented key of --json",
    ("report/as_json.py", "copied"): "a documented key of --json",
    ("report/as_metrics.py", "copied"): "the documented name of a metric",
    ("engine/sinks.py", "copied"): "a documented key of the log",
    ("report/as_html.py", "files"): "the name of a style, which nobody reads",
    ("report/html_style.py", "files"): "the name of a style, which nobody reads",
}
"""Words that happen to be the name of something, or to be true of files only, each with what it is."""


def test_the_engine_knows_seams_by_their_protocols() -> None:
    for file in FILES:
        if layer(file) not in ("engine", "core", "report"):
            continue
        known = tuple(f"sshsync.{room}.base." for room in SEAMS)
        rooms = tuple(f"sshsync.{room}." for room in (*SEAMS, "state"))
        assert [name for name in imports(file) if name.startswith(rooms) and not name.startswith(known)] == []


def test_the_engine_names_no_kind_no_strategy_and_no_transport() -> None:
    names = {*builtin.KINDS, *builtin.STRATEGIES, *builtin.TRANSPORTS}
    for file in FILES:
        if layer(file) in ("engine", "core", "report"):
            named = {word for word in said(file) & names if (relative(file), word) not in CONTRACT}
            assert named == set(), relative(file)


def said(file: Path) -> set[str]:
    """Return what a module says to others, also in parts of longer words: all its texts but for its docstrings."""
    nodes = list(ast.walk(tree(file)))
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose}


def test_what_items_are_called_is_said_by_their_kind() -> None:
    """`Kind.words` reach everybody by the events; what stands in the shared layers is true of any item."""
    found = {
        (relative(file), word)
        for file in FILES
        if layer(file) in ("engine", "core", "report") or relative(file) == "cli/display.py"
        for words in said(file)
        for word in OF_FILES.findall(words)
    }
    assert found - CONTRACT.keys() == set()
    assert CONTRACT.keys() - found == set(), "exceptions that nothing needs"


def test_hosts_are_spoken_to_whatever_the_transport_and_the_kind() -> None:
    seams = ("sshsync.transports.base.", "sshsync.transports.dialing.", "sshsync.kinds.base.")
    for file in FILES:
        if layer(file) == "hosts":
            rooms = {name for name in imports(file) if name.startswith(("sshsync.transports", "sshsync.kinds"))}
            assert [name for name in rooms if not name.startswith(seams)] == []


def test_the_library_is_entered_by_its_door() -> None:
    public = {f"sshsync.api.{name}" for name in api.__all__}
    for file in (*FILES, *TESTS):
        if not file.is_relative_to(ROOT / "api"):
            assert {name for name in imports(file) if name.startswith("sshsync.api.")} <= public, file.name


def test_every_module_says_what_it_is() -> None:
    assert [relative(f) for f in FILES if not relative(f).startswith(PROGRAMS) and not ast.get_docstring(tree(f))] == []


def test_nobody_asks_which_transport_it_is() -> None:
    """What a transport can do is a member of the seam; tests may ask what they have made themselves."""
    for file in FILES:
        if layer(file) == "transports":
            continue
        for call in ast.walk(tree(file)):
            if isinstance(call, ast.Call) and _name(call.func) in ("isinstance", "issubclass", "type"):
                asked = {_name(node) for argument in call.args for node in ast.walk(argument)}
                assert not [name for name in asked if name.endswith("Transport")], f"{relative(file)}:{call.lineno}"
TESTS = sorted(Path(__file__).parent.rglob("*.py"))
NOT_OURS = {"_exit": "os._exit: a process that ends without a word"}
"""Names with an underscore that tests may use, none of which is the project's."""


def of_tests(file: Path) -> str:
    return file.relative_to(Path(__file__).parent).as_posix()


@pytest.mark.parametrize("file", TESTS, ids=of_tests)
def test_tests_use_what_is_public(file: Path) -> None:
    for node in ast.walk(tree(file)):
        name = ""
        if isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
            name = node.attr
            assert ast.unparse(node) != "monkeypatch.setattr", f"{of_tests(file)}:{node.lineno}: hand it in"
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("sshsync"):
            name = next((alias.name for alias in node.names if alias.name.startswith("_")), "")
        private = name.startswith("_") and not name.startswith("__")
        assert not private or name in NOT_OURS, f"{of_tests(file)}:{getattr(node, 'lineno', 0)}: {name}"


@pytest.mark.parametrize("file", TESTS, ids=of_tests)
def test_no_test_passes_by_leaving(file: Path) -> None:
    """But for laws, where a refusal is one of the answers that are expected."""
    for test in ast.walk(tree(file)):
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
            inner = [node for part in ast.walk(test) if part is not test and isinstance(part, (ast.FunctionDef, ast.ExceptHandler)) for node in ast.walk(part)]
            leaves = [node.lineno for node in ast.walk(test) if isinstance(node, ast.Return) and node not in inner]
            assert leaves == [], f"{of_tests(file)}: {test.name}"


def test_concrete_classes_are_named_in_one_file() -> None:
    concrete = {"SshTransport", "LocalTransport", "Relay", "ByCommand", "Files"}
    homes = {"builtin.py", "transports/ssh.py", "transports/local.py", "transfers/relay.py", "transfers/command.py", "kinds/files.py", "appliers/files.py", "appliers/looks.py"}
    for file in FILES:
        names = {node.id for node in ast.walk(tree(file)) if isinstance(node, ast.Name)}
        if names & concrete:
            assert relative(file) in homes
