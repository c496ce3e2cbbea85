"""The law of JSON: whatever a file is called, every reader can read the line, and the name's bytes can be had."""

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from sshsync.core import fold
from sshsync.model import events as ev
from sshsync.report import as_json

KEYS = st.binary(min_size=1, max_size=12) | st.text(min_size=1, max_size=8).map(lambda text: text.encode("utf-8", "ignore") or b"x")
WORDS = st.text(alphabet=st.characters(), max_size=8) | st.sampled_from(["\udcff", "a\\xff\udc80", "\ud800"])


def readable(line: str) -> dict:
    values = json.loads(line)
    json.dumps(values, ensure_ascii=False).encode("utf-8")
    return values


def back(name: str, encoded: str | None) -> bytes:
    return base64.b64decode(encoded) if encoded else name.encode()


@given(KEYS, WORDS)
def test_a_name_of_its_own(key: bytes, words: str) -> None:
    for event in (ev.PlannedChange("r", "copy", ev.key_text(key), 1), ev.ItemFailed("r", ev.key_text(key), words)):
        values = readable(as_json.event_line(event))
        assert back(values["name"], values.get("name_base64")) == key
        assert ("name_base64" in values) == (b"\xff" in key or not _utf8(key))


@given(st.lists(KEYS, max_size=5))
def test_names_in_lists(keys: list[bytes]) -> None:
    names = [ev.key_text(key) for key in keys]
    for event in (ev.Deleted("r", names), ev.Adjusted("r", names)):
        values = readable(as_json.event_line(event))
        assert [back(*pair) for pair in zip(values["names"], values.get("names_base64", [None] * len(keys)), strict=True)] == keys
    values = readable(as_json.event_line(ev.Published("r", [(name, "sha256:1", 1) for name in names], 1)))
    pairs = zip(values["items"], values.get("items_base64", [None] * len(keys)), strict=True)
    assert [back(item[0], encoded) for item, encoded in pairs] == keys


@given(KEYS, WORDS)
def test_the_summary(key: bytes, words: str) -> None:
    report = fold.fold([ev.RunStarted("id", 1.0, [["r"]]), ev.ItemFailed("r", ev.key_text(key), words), ev.Remarked("r", words)])
    report.repositories["r"].error = words
    values = readable(as_json.summary_line(report))
    problem = values["repositories"][0]["problems"][0]
    assert back(problem["item"], problem.get("item_base64")) == key
    json.dumps(as_json.summary(report), ensure_ascii=False).encode("utf-8")
    readable(as_json.line({"any": [{"thing": (words, 1, None, 2.5, True)}]}))


def _utf8(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True
