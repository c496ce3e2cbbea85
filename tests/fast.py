"""Which tests `script/test --fast` runs: those of decisions and of what must not go stale, chosen by what a file asks for.

A test that imports nothing of ours but pure layers and the option table needs no host, no thread and no wait; so a new
one is chosen without being listed anywhere.

Usage: python -m tests.fast. Prints the files, one a line.
"""

import ast
from pathlib import Path

TESTS = Path(__file__).parent
PURE = {"config", "core", "errors", "kinds", "model", "remote", "report", "version"}
"""The pure layers, and the option table, which is made once."""
GUARDS = ("test_architecture.py", "test_guarantees.py", "unit/test_docs.py")
"""What holds code, suite and pages together; a page that is stale is found here."""
AT_LENGTH = {"test_many.py": "ten thousand repositories", "test_fast.py": "it runs what this chooses"}
"""Pure, but not for every commit, each with the reason."""


def files() -> list[Path]:
    """Return the files in the order in which they run: what takes longest first."""
    guards = [TESTS / name for name in GUARDS]
    rest = [file for room in ("unit", "property") for file in sorted((TESTS / room).glob("test_*.py"))]
    return guards + [file for file in rest if file not in guards and file.name not in AT_LENGTH and pure(file.read_text())]


def pure(source: str) -> bool:
    """Tell whether a test asks for nothing but decisions: hosts come by an import or by the fixture of that name."""
    tree = ast.parse(source)
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    rooms = {module.split(".")[1] for module in modules if module.startswith("sshsync.")}
    fixtures = {argument.arg for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for argument in node.args.args}
    return rooms <= PURE and "world" not in fixtures and "sshsync" not in modules


if __name__ == "__main__":
    for chosen in files():
        print(chosen.relative_to(TESTS.parent))
