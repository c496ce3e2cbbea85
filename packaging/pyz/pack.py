"""Makes one runnable file of a directory with modules. Usage: pack.py SITE PYTHON VERSION FILE.

The same modules give the same bytes.
"""

import hashlib
import os
import sys
import zipfile
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(site: Path, python: str, version: str, target: Path) -> None:
    """Write the file."""
    files = {f"site/{file.relative_to(site)}": file.read_bytes() for file in sorted(site.rglob("*")) if file.is_file()}
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name} {len(content)}\n".encode() + content)
    start = (Path(__file__).parent / "start.py").read_text()
    major, minor = python.split(".")
    for line, value in (
        ("PYTHON = (0, 0)  # set by pack.py", f"PYTHON = ({major}, {minor})"),
        ('MACHINE = ""', f'MACHINE = "{os.uname().machine}"'),
        ('KEY = ""', f'KEY = "{version}-{digest.hexdigest()[:16]}"'),
    ):
        if line not in start:
            raise ValueError(f"start.py has no line {line}")
        start = start.replace(line, value)
    with target.open("wb") as out:
        out.write(f"#!/usr/bin/env python{python}\n".encode())
        with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
            for name, content in {"__main__.py": start.encode(), **files}.items():
                entry = zipfile.ZipInfo(name, EPOCH)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
                archive.writestr(entry, content)
    target.chmod(0o755)


if __name__ == "__main__":
    pack(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]))
