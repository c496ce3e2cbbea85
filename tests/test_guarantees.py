"""The page of guarantees is what the suite is."""

import json
import re

from tests import guarantees

MATRIX = [*range(15, 30), 41, *range(44, 53), *range(54, 65), *range(65, 83), *range(93, 99)]


def test_the_page_is_made_of_the_suite() -> None:
    assert guarantees.unmatched() == []
    assert guarantees.PAGE.read_text() == guarantees.page(json.loads(guarantees.FIGURES.read_text())), "run script/docs"


def test_every_row_of_the_fault_matrix_that_is_promised_has_a_test() -> None:
    named: set[int] = set()
    for test in guarantees.functions():
        found = re.search(r"::test_rows?_(\d+)(?:_(and|to)_(\d+))?", test)
        if found:
            first, last = int(found.group(1)), int(found.group(3) or found.group(1))
            named |= {first, last} if found.group(2) == "and" else set(range(first, last + 1))
    assert [row for row in MATRIX if row not in named] == []
