"""Packages on real hosts: environments of real Pythons made by real pips, held against what pip itself lists."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Site
from tests.sshd import require
from tests.values import some

pytestmark = pytest.mark.integration

NAMES = ("2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "VIRTUAL"))}


def interpreter(version: str) -> str:
    """Return the path of a Python of this machine, skipping where it has none that runs."""
    for found in (shutil.which(f"python{version}"), *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))):
        if found:
            told = subprocess.run([found, "-c", "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"], capture_output=True, text=True, check=False)
            if told.stdout.startswith(version + "\n"):
                return told.stdout.splitlines()[1]
    pytest.skip(f"no Python {version}")


def wheel(directory: Path, name: str, version: str, files: dict[str, str] | None = None) -> Path:
    """Write a wheel (PEP 427) by hand, for any Python."""
    spelled = name.replace("-", "_").replace(".", "_")
    info = f"{spelled}-{version}.dist-info"
    held = files if files is not None else {f"{spelled}.py": f"VERSION = {version!r}\n"}
    held = {**held, f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n"}
    file = directory / f"{spelled}-{version}-py2.py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as out:
        held[f"{info}/RECORD"] = "".join(f"{path},{recorded(text)}\n" for path, text in held.items()) + f"{info}/RECORD,,\n"
        for path, text in held.items():
            out.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return file


def recorded(text: str) -> str:
    """Return what a RECORD says of a file beside its name."""
    made = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    return f"sha256={made},{len(text)}"


BACKEND = """
import zipfile

def build_wheel(directory, settings=None, metadata=None):
    return _made(directory, {"myapp.py": open("myapp.py").read()})

def build_editable(directory, settings=None, metadata=None):
    return _made(directory, {"myapp.pth": ""})

def _made(directory, held):
    info = "myapp-1.0.dist-info"
    held[info + "/METADATA"] = "Metadata-Version: 2.1\\nName: myapp\\nVersion: 1.0\\n"
    held[info + "/WHEEL"] = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    held[info + "/RECORD"] = "".join(path + ",,\\n" for path in [*held, info + "/RECORD"])
    with zipfile.ZipFile(directory + "/myapp-1.0-py3-none-any.whl", "w") as out:
        for path, text in held.items():
            out.writestr(path, text)
    return "myapp-1.0-py3-none-any.whl"
"""
"""What builds a package of one module (PEP 517, PEP 660) with nothing but the standard library."""


def environment(top: Path, python: str = sys.executable) -> Path:
    """Make an environment without asking anybody."""
    if subprocess.run([python, "-m", "venv", str(top)], capture_output=True, check=False, env=CLEAN).returncode:
        pytest.skip(f"{python} makes no environments by itself")
    return top


def run(*words: object, cwd: Path = Path("/")) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, env={**CLEAN, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}, cwd=cwd, timeout=150)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def install(made: Path, *what: object) -> None:
    run(made / "bin/python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", *what)


def listed_by_pip(made: Path) -> dict[str, str]:
    said = json.loads(run(made / "bin/python", "-m", "pip", "list", "--format=json"))
    return {one["name"].lower().replace("_", "-").replace(".", "-"): one["version"] for one in said}


def configure(site: Site, *repositories: tuple[str, Path | None], more: str = "") -> None:
    text = [f"[{name}]\ntype = pip\ntools = yes\n{server(site, name)}path = {path or ''}\n{more}" for name, path in repositories]
    site.write("\n".join(text))


def server(site: Site, name: str) -> str:
    return "transport = local\n" if name.startswith("here") else f"host = 127.0.0.1\nport = {site.server(name).port}\nuser = {site.server(name).user}\nkey_file = {site.server(name).key}\n"


def packages(site: Site, name: str) -> dict[str, str]:
    done = site.cli("packages", name, "--json")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["name"]: one["digest"].removeprefix("version:") for one in found}


@pytest.mark.parametrize("version", some(NAMES, 4))
def test_what_is_listed_is_what_pip_lists(site: Site, tmp_path: Path, version: str) -> None:
    """By the Python of the environment itself, without its pip."""
    made = environment(tmp_path / "venv", interpreter(version))
    install(made, wheel(tmp_path, "Zope.Interface", "5.0"), wheel(tmp_path, "my_pkg", "1.0+local.1"), wheel(tmp_path, "epoch", "2!1.0rc1"))
    configure(site, ("here.pip", made))
    found = packages(site, "here.pip")
    assert {name: told.partition(" @ ")[0] for name, told in found.items()} == listed_by_pip(made)


def test_an_old_python_without_any_pip_is_listed(site: Site) -> None:
    """Its library is no package of somebody's; `python` names whose packages are meant."""
    python = interpreter("2.7")
    site.write(f"[here.pip]\ntype = pip\ntransport = local\npython = {python}\ntools = yes\n")
    assert {"wsgiref", "python", "argparse"} & set(packages(site, "here.pip")) == set()


@pytest.fixture
def pair(site: Site, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    one, two = environment(tmp_path / "one"), environment(tmp_path / "two")
    configure(site, ("web01.pip", one), ("web02.pip", two))
    yield one, two


def test_origins_tell_apart_what_bears_one_version(site: Site, tmp_path: Path, pair: tuple[Path, Path]) -> None:
    """A working copy at two commits, an editable one, a wheel that lay in two places."""
    require(shutil.which("git") is not None, "git")
    one, two = pair
    source = tmp_path / "app"
    source.mkdir()
    (source / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n')
    (source / "backend.py").write_text(BACKEND)
    (source / "myapp.py").write_text("A = 1\n")
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false")
    run(*git, "init", "-q", cwd=source)
    run(*git, "add", ".", cwd=source)
    run(*git, "commit", "-qm", "one", cwd=source)
    first = run("git", "rev-parse", "HEAD", cwd=source).strip()
    install(one, f"git+file://{source}@{first}")
    (source / "myapp.py").write_text("A = 2\n")
    run(*git, "commit", "-qam", "two", cwd=source)
    second = run("git", "rev-parse", "HEAD", cwd=source).strip()
    install(two, f"git+file://{source}@{second}")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    lib = wheel(tmp_path / "a", "lib", "1.0")
    shutil.copy(lib, tmp_path / "b" / lib.name)
    install(one, lib)
    install(two, tmp_path / "b" / lib.name)
    done = site.cli("drift", "web[01-02].pip", "--json")
    rows = {one["name"]: one for one in map(json.loads, done.stdout.splitlines()) if one["type"] == "drifted_item"}
    assert [(version["digest"], version["repositories"]) for version in rows["myapp"]["versions"]] == sorted(
        [(f"version:git+file://{source}@{first}", ["web01.pip"]), (f"version:git+file://{source}@{second}", ["web02.pip"])]
    )
    assert set(rows) == {"myapp"}, "lib lay elsewhere, and is the same file"
    install(two, "-e", source)
    assert packages(site, "web02.pip")["myapp"] == f"file://{source}@{second}"


def test_a_change_that_was_killed_in_the_middle_is_seen(site: Site, tmp_path: Path, pair: tuple[Path, Path]) -> None:
    """METADATA and RECORD of the new version are there, and pip believes them; some modules are not."""
    one, two = pair
    big = wheel(tmp_path, "big", "2.0", {f"big/m{number}.py": "" for number in range(50)})
    for made in pair:
        install(made, big)
    (where,) = two.glob("lib/python*/site-packages")
    for number in range(20, 50):
        (where / f"big/m{number}.py").unlink()
    assert listed_by_pip(two)["big"] == "2.0"
    done = site.cli("drift", "web01.pip", "web02.pip")
    assert done.returncode == 7, done.stdout
    assert "web02.pip: half installed: 30 of its files are missing, such as big/m" in done.stdout
    shutil.rmtree(where / "big/__pycache__")
    shutil.rmtree(next(one.glob("lib/python*/site-packages/big/__pycache__")))
    assert "web01.pip: half" not in site.cli("drift", "web01.pip", "web02.pip").stdout, "what is compiled may be gone"


def test_nothing_that_lies_in_an_environment_can_hold_or_misuse_the_listing(site: Site, tmp_path: Path) -> None:
    """Pipes and loops in the place of files, names that are commands."""
    made = environment(tmp_path / "venv")
    (where,) = made.glob("lib/python*/site-packages")
    pipe = where / "pipe-1.0.dist-info"
    pipe.mkdir()
    os.mkfifo(pipe / "METADATA")
    os.mkfifo(where / "x.egg-link")
    (where / "loop-1.0.dist-info").symlink_to("loop-1.0.dist-info")
    (where / "$(touch INJECTED)-1.0.dist-info").mkdir()
    configure(site, ("here.pip", made))
    done = site.cli("packages", "here.pip", timeout=60)
    assert done.returncode == 9, "a name that is none refuses the list"
    assert "is no name of a package" in done.stderr
    (where / "$(touch INJECTED)-1.0.dist-info").rmdir()
    (where / "x.egg-link").unlink()
    done = site.cli("packages", "here.pip", timeout=60)
    assert done.returncode == 7, done.stderr
    assert "pipe: half installed: its metadata is cut or missing" in done.stderr
    assert not list(tmp_path.rglob("INJECTED"))


def test_the_page_of_the_how_to_which_servers_are_out_of_sync(site: Site, tmp_path: Path) -> None:
    """Three servers, a hot fix on one, something forgotten on another, and one that is down."""
    made = [environment(tmp_path / name) for name in ("a", "b", "c")]
    for number, top in enumerate(made):
        install(top, wheel(tmp_path, "django", "4.2.11" if number == 2 else "4.2.7"), wheel(tmp_path, "idna", "3.7"))
    for number in (0, 2):
        install(made[number], wheel(tmp_path, "six", "1.16.0"))
    names = [f"web0{number}.pip" for number in (1, 2, 3)]
    configure(site, *zip(names, made, strict=True), more="groups = web\nretries = 1\n")
    done = site.cli("drift", "@web")
    head, *rest = done.stdout.splitlines()
    assert head.startswith("web[01-03].pip: 3 repositories, ")
    assert head.endswith(": 2 differ")
    assert [" ".join(line.split()) for line in rest] == [
        "several versions",
        f"django {told(tmp_path, 'django', '4.2.7')} web[01-02].pip",
        f"{told(tmp_path, 'django', '4.2.11')} (newest) web03.pip",
        "missing",
        f"six {told(tmp_path, 'six', '1.16.0')} elsewhere, missing on web02.pip",
        "next: sshsync --sync web02.pip,web03.pip --like web01.pip --dry-run",
    ]
    assert done.returncode == 11
    assert site.cli("drift", "web01.pip", "web01.pip", "--include", "idna", "web02.pip").returncode == 0
    site.server("web02.pip").stop()
    done = site.cli("drift", "@web", "--html", str(tmp_path / "page.html"))
    assert done.returncode == 75
    assert "could not be asked" in done.stdout
    assert "web02.pip: " in done.stdout
    assert "six" not in done.stdout, "who cannot be asked misses nothing"
    assert "Could not be asked" in (tmp_path / "page.html").read_text()


def told(directory: Path, name: str, version: str) -> str:
    """Return what is told of a wheel that was installed from a file."""
    file = directory / f"{name}-{version}-py2.py3-none-any.whl"
    return f"{version} @ {file.name}#sha256={hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"


def test_files_drift_without_a_parent(site: Site) -> None:
    for name, text in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        site.fill(name, {"same": b"x", "app.conf": text, **({"extra": b"e"} if name == "c" else {})})
    configured = "[DEFAULT]\ntransport = local\n" + "".join(f"[{name}]\npath = {site.root(name)}\n" for name in "abc")
    site.write(f"{configured}[other]\ntype = pip\n")
    done = site.cli("drift")
    assert done.returncode == 11
    assert done.stderr == "sshsync: compared with nobody: other\n"
    site.write(configured)
    assert site.cli("drift").stderr == ""
    assert [line.split() for line in done.stdout.splitlines()[1:]][:4] == [
        ["several", "versions"],
        ["app.conf", "d4735e3a265e", "b"],
        ["6b86b273ff34", "a,", "c"],
        ["missing"],
    ]
    assert "only on c, missing on a, b" in done.stdout
    assert site.cli("drift", "--against", "c").returncode == 11
    assert site.cli("drift", "a", "c", "--include", "*.conf").returncode == 0
    assert site.cli("drift", "--html", "-", "--json").returncode == 2


def test_commands_for_files_say_so_of_packages(site: Site, tmp_path: Path) -> None:
    made = environment(tmp_path / "venv")
    install(made, wheel(tmp_path, "six", "1.16.0"))
    site.fill("files", {"f": b"1"})
    site.write(f"[DEFAULT]\ntransport = local\n[p]\ntype = pip\npath = {made}\n[f]\npath = {site.root('files')}\n")
    for words, said in ((("sums", "p"), "holds no files"), (("packages", "f"), "holds no packages"), (("diff", "p", "f"), "cannot be compared"), (("drift", "p", "f"), "no two are of one type"), (("--sync", "p"), "is a master")):
        done = site.cli(*words)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    done = site.cli("packages", "p", "--format", "requirements")
    assert done.stdout.startswith("six @ six-1.16.0") or done.stdout.startswith("six=="), done.stdout
    checked = site.cli("hosts", "check", "p")
    assert checked.returncode == 0
    assert "writable" in checked.stdout


def test_two_environments_are_compared_by_diff(site: Site, tmp_path: Path, pair: tuple[Path, Path]) -> None:
    one, two = pair
    install(one, wheel(tmp_path, "six", "1.16.0"), wheel(tmp_path, "idna", "3.4"))
    install(two, wheel(tmp_path, "six", "1.15.0"))
    done = site.cli("diff", "web01.pip", "web02.pip")
    assert (done.returncode, done.stdout.splitlines()) == (11, ["+ idna", "* six"])
