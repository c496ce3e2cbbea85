"""What is copied: files and trees, the same bytes each time on one machine."""

import hashlib
import itertools
import os
import random
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

PIECE = 1 << 20
TREE_SOURCES = (
    "/usr/share/doc",
    "/usr/share/locale",
    sysconfig.get_path("stdlib"),
    sysconfig.get_path("purelib"),
    "/usr/lib/python3",
    "/usr/share",
)
TREE_LARGEST = 8 << 20
PUBLISHED = 1_600_000_000
"""The time of every file: long ago, so that none is taken for one that is still being written."""


def big(file: Path, size: int, seed: int = 1) -> None:
    """Write a file of bytes that no compression makes smaller."""
    chance = random.Random(seed)
    with file.open("wb") as out:
        for start in range(0, size, PIECE):
            out.write(chance.randbytes(min(PIECE, size - start)))
    os.utime(file, (PUBLISHED, PUBLISHED))


def words(file: Path, size: int, seed: int = 1) -> None:
    """Write a file of lines as logs have them: compressed, about a third of it is left."""
    chance = random.Random(seed)
    names = ["".join(chance.choices("etaoinshrdlu", k=chance.randrange(3, 11))) for _ in range(2000)]
    with file.open("wb") as out:
        while out.tell() < size:
            line = f"{chance.randrange(10**9)} {' '.join(chance.choices(names, k=12))}\n"
            out.write(line.encode()[: size - out.tell()])
    os.utime(file, (PUBLISHED, PUBLISHED))


def sparse(file: Path, size: int, step: int = 16 << 20) -> None:
    """Write a file that takes little room: 64 KiB of bytes in each `step`, never at the same place of it, and holes."""
    chance = random.Random(2)
    with file.open("wb") as out:
        out.truncate(size)
        for start in range(0, size - step, step):
            out.seek(start + chance.randrange(step // 2))
            out.write(chance.randbytes(1 << 16))
    os.utime(file, (PUBLISHED, PUBLISHED))


def small(root: Path, count: int, size: int, by: int = 100) -> None:
    """Make `count` files of `size` bytes, `by` in a directory."""
    chance = random.Random(3)
    for number in range(count):
        directory = root / f"d{number // by:05}"
        if number % by == 0:
            directory.mkdir(parents=True)
        file = directory / f"f{number:07}"
        file.write_bytes(chance.randbytes(size))
        os.utime(file, (PUBLISHED, PUBLISHED))


def real(root: Path, count: int) -> None:
    """Copy a tree as people have it: documentation, locales, a Python library; `count` files at the most."""
    for source, name in itertools.islice(_found(), count):
        copy = root / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        os.utime(copy, (PUBLISHED, PUBLISHED))


def age(root: Path) -> None:
    """Change 2 % of a tree's files (some bytes in the middle, some at the end), delete 1 %, rename 1 %."""
    files = sorted(file for file in root.rglob("*") if file.is_file())
    chance = random.Random(4)
    chance.shuffle(files)
    step = max(1, len(files) // 100)
    for file in files[: 2 * step]:
        data = bytearray(file.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 20] = chance.randbytes(20)
        file.write_bytes(bytes(data) + b"and one line more\n")
        os.utime(file, (PUBLISHED + 60, PUBLISHED + 60))
    for file in files[2 * step : 3 * step]:
        file.unlink()
    for file in files[3 * step : 4 * step]:
        file.rename(file.with_name(f"renamed-{file.name}"))


def overwrite(file: Path, spans: Iterator[tuple[int, int]], seed: int = 5) -> None:
    """Write other bytes at these offsets, of these lengths."""
    chance = random.Random(seed)
    with file.open("r+b") as out:
        for offset, length in spans:
            out.seek(offset)
            out.write(chance.randbytes(length))


def mirror(source: Path, target: Path) -> None:
    """Make a directory equal to another, touching only what differs in size or time: what stays keeps its inode."""
    target.mkdir(exist_ok=True)
    wanted = {entry.name: entry for entry in os.scandir(source)}
    for entry in list(os.scandir(target)):
        if entry.name not in wanted or wanted[entry.name].is_dir() != entry.is_dir():
            (shutil.rmtree if entry.is_dir() else os.unlink)(entry.path)
    for name, entry in wanted.items():
        copy = target / name
        if entry.is_dir():
            mirror(Path(entry.path), copy)
        elif not copy.exists() or _stamp(copy) != _stamp(Path(entry.path)):
            shutil.copy2(entry.path, copy)


def empty(root: Path) -> None:
    """Leave an empty directory."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)


def digests(root: Path) -> dict[str, str]:
    """Return the digest of every file below a directory, by its path; sshsync's own directory is left out."""
    found = {}
    for directory, names, files in os.walk(root):
        if ".sshsync" in names:
            names.remove(".sshsync")
        for name in files:
            with open(os.path.join(directory, name), "rb") as data:
                found[os.path.relpath(data.name, root)] = hashlib.file_digest(data, "sha256").hexdigest()
    return found


def _found() -> Iterator[tuple[Path, str]]:
    """Go through regular files of this machine that are not huge, in one order, with a path for the copy of each."""
    seen: set[str] = set()
    for number, source in enumerate(TREE_SOURCES):
        for directory, names, files in os.walk(source):
            names[:] = sorted(
                name for name in names if os.path.join(directory, name) not in seen and name != "__pycache__"
            )
            seen.add(directory)
            for name in sorted(files):
                file = Path(directory, name)
                if not file.is_symlink() and file.is_file() and file.stat().st_size <= TREE_LARGEST:
                    yield file, f"{number}/{file.relative_to(source)}"


def _stamp(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


def mirror_file(source: Path, copy: Path) -> None:
    """Copy a file with its time."""
    shutil.copy2(source, copy)
