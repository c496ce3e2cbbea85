"""Sphinx: the documentation as HTML and the man pages. `script/docs` builds both, with warnings as errors."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sshsync.version import VERSION

project = "sshsync"
copyright = "2026, the sshsync authors"  # noqa: A001 - Sphinx' own name for it
release = version = VERSION
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]
html_theme = "furo"
html_title = f"sshsync {VERSION}"
html_show_sphinx = False
html_copy_source = False
man_pages = [
    ("man/sshsync.1", "sshsync", "chained, verified, resumable file repositories over nothing but SSH", [], "1"),
    ("man/sshsync.conf.5", "sshsync.conf", "configuration of sshsync", [], "5"),
    ("man/sshsync-cookbook.7", "sshsync-cookbook", "sshsync by example", [], "7"),
]
