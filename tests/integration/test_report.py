"""The page of a run: what is on it, what hostile names cannot do to it, and how a real browser shows it."""

import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmarks.ports import reserved
from tests.integration.conftest import OLD, Site
from tests.sshd import require

pytestmark = pytest.mark.integration

EVIL = ["<script>alert(1)<", "\"><img src=x onerror=alert(1)>", "&amp;lt;", "\x1b[31mred", "line\nfeed", os.fsdecode(b"\xff\xfe"), "\u202egnp.exe"]
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Outline(HTMLParser):
    """Every tag with its attributes; complains about what is not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture
def failed(site: Site) -> Site:
    """A run in which one node is in sync, one lacks files and one cannot be reached."""
    site.fill("m", {**{f"file{n}": b"x" * n * 100 for n in range(30)}, **{name.replace("/", "|"): b"evil" for name in EVIL}}, OLD)
    for name in EVIL:
        (site.root("n2") / name).mkdir()
    roots = "".join(f"[{name}]\npath = {site.root(name)}\nparent = {parent}\n" for name, parent in (("c", "m"), ("n1", "c"), ("n2", "c")))
    site.write(
        f"report_dir = {site.directory}/reports\n[DEFAULT]\nstable_for = 0\ntransport = local\n[m]\npath = {site.root('m')}\n{roots}"
        f"[n3]\ntransport = ssh\nhost = 127.0.0.1\nport = {reserved()}\npath = /x\nparent = c\nretries = 2\n"
    )
    assert site.cli("--all").returncode == 7
    return site


@pytest.fixture
def page(failed: Site) -> str:
    return (failed.directory / "reports" / "latest.html").read_text()


def test_the_page_says_what_happened_and_how_to_go_on(page: str) -> None:
    found = Outline(page)
    text = re.sub(r"\s+", " ", " ".join(found.texts))
    for words in ("2 of 4 repositories not in sync", "exit code 7: partial", "feeds this run", "Stage 2", "steps tried again", "n3: connect, try 1", "n3: failed: ", "cannot connect", "n1: 37 files copied", "file29 (2.9 kB)"):
        assert words in text, words
    colours = {attributes.get("class") for tag, attributes in found.tags if tag == "span"}
    assert {"dot good", "dot warn", "dot bad", "dot idle"} <= colours
    assert sum((attributes.get("class") or "").startswith("span ") for _, attributes in found.tags) == 4, "a bar for each"


def test_nothing_on_the_page_can_run_or_fetch(page: str) -> None:
    found = Outline(page)
    assert {tag for tag, _ in found.tags} <= {
        "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "div", "p", "code", "section", "ul", "li", "span", "b",
        "table", "dl", "dt", "dd", "thead", "tbody", "tr", "th", "td", "details", "summary", "footer",
    }  # fmt: skip
    for _, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "href")]
    assert "default-src 'none'" in page
    assert not re.search(r"url\(|@import", page)
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;") >= 3, "the names are there, as text"


def test_pages_are_kept_and_made_again(failed: Site, page: str) -> None:
    latest = failed.directory / "reports" / "latest.html"
    run = latest.resolve().stem
    made = failed.cli("report", run[:15], "--html", str(failed.directory / "again.html"))
    assert made.stdout == f"wrote {failed.directory}/again.html\n"
    assert (failed.directory / "again.html").read_text() == page
    assert failed.cli("report", "--html", "-").stdout.startswith("<!DOCTYPE html>")
    assert "2 of 4 repositories not in sync" in failed.cli("report").stdout
    assert json.loads(failed.cli("report", "--json").stdout)["exit_code"] == 7
    refused = failed.cli("report", "--html", "/nonexistent/x.html")
    assert (refused.returncode, "cannot write /nonexistent/x.html" in refused.stderr) == (6, True)
    assert failed.cli("report", "nonsense").returncode == 2
    # A dry run tells nobody; a page of a made-up run is not the latest one.
    failed.cli("--all", "--dry-run")
    failed.cli("notify", "test")
    assert latest.resolve().stem == run


def test_the_oldest_pages_make_room(site: Site) -> None:
    site.fill("m", {"a": b"a"})
    pages = site.directory / "reports"
    pages.mkdir()
    for day in range(210):
        (pages / f"20200101-{day:06}-aaaa.html").write_text("old")
    (pages / "notes.txt").write_text("mine")
    site.write(f"report_dir = {pages}\n[DEFAULT]\nstable_for = 0\ntransport = local\n[m]\npath = {site.root('m')}\n[c]\npath = {site.root('c')}\nparent = m\n")
    assert site.cli("--all").returncode == 0
    left = sorted(file.name for file in pages.iterdir())
    assert len(left) == 202
    assert "20200101-000011-aaaa.html" in left
    assert "20200101-000010-aaaa.html" not in left
    assert {"latest.html", "notes.txt"} <= set(left)


def test_bytes_that_were_there_already_are_counted_as_saved(site: Site) -> None:
    site.fill("m", {"a": b"x" * 5000, "b": b"y" * 300}, OLD)
    site.fill("c", {"a": b"x" * 5000}, OLD)
    site.write(f"[DEFAULT]\nstable_for = 0\ntransport = local\n[m]\npath = {site.root('m')}\n[c]\npath = {site.root('c')}\nparent = m\n")
    assert site.summary("--all")["by_name"]["c"]["bytes"]["kept"] == 5000
    text = " ".join(Outline(site.cli("report", "--html", "-").stdout).texts)
    assert "5.0 kB saved: already there" in text


PROBE = """<!DOCTYPE html><iframe src="/page.html" style="width:%dpx;height:900px;border:0"></iframe><pre id="found"></pre><script>
const frame = document.querySelector("iframe");
frame.onload = () => {
  const inside = frame.contentDocument, root = inside.documentElement;
  document.getElementById("found").textContent = JSON.stringify({
    wide: root.scrollWidth, view: root.clientWidth,
    paper: frame.contentWindow.getComputedStyle(inside.body).backgroundColor,
    small: [...inside.querySelectorAll("p, li, td, .card")].map(e => parseFloat(frame.contentWindow.getComputedStyle(e).fontSize)).sort((a, b) => a - b)[0],
    bars: [...inside.querySelectorAll(".span")].every(e => e.getBoundingClientRect().width > 0),
  });
};
</script>"""


@pytest.fixture
def browser(page: str, tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """Serves the page and what looks at it; gives the address and the paths that a browser asked for."""
    require(bool(shutil.which("chromium")), "chromium")
    asked: list[str] = []

    class Serves(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = page if self.path == "/page.html" else PROBE % int(self.path.strip("/")) if self.path.strip("/").isdigit() else ""
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *words: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Serves) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def looked(address: str, width: int, tmp_path: Path, *flags: str) -> dict[str, object]:
    quiet = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
    command = ["chromium", "--headless", "--no-sandbox", *quiet, f"--user-data-dir={tmp_path}/browser{width}{len(flags)}", "--virtual-time-budget=5000", *flags, "--dump-dom", f"{address}/{width}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    found = re.search(r'<pre id="found">(.+?)</pre>', done.stdout)
    assert found, done.stdout[-500:]
    return json.loads(found.group(1).replace("&amp;", "&"))


@pytest.mark.parametrize("width", [360, 1200])
def test_a_browser_shows_it_on_a_phone_and_on_a_desk(browser: tuple[str, list[str]], width: int, tmp_path: Path) -> None:
    address, asked = browser
    seen = looked(address, width, tmp_path)
    assert seen["wide"] <= seen["view"], "the page itself never scrolls sideways"
    assert seen["small"] >= 12
    assert seen["bars"]
    assert seen["paper"] == "rgb(255, 255, 255)"
    assert set(asked) <= {f"/{width}", "/page.html", "/favicon.ico"}, "nothing is fetched from elsewhere"


def test_a_browser_shows_it_by_night(browser: tuple[str, list[str]], tmp_path: Path) -> None:
    seen = looked(browser[0], 360, tmp_path, "--blink-settings=preferredColorScheme=0")
    assert seen["paper"] == "rgb(18, 22, 28)"
