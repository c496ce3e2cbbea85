"""All rows, by theme.

A row is a class with a name, a title, what is aimed at, and how to do it. A new file is named here.
"""

from benchmarks.row import Row
from benchmarks.rows import big, breaking, delta, drift, fan, growth, many, memory, narrow, rpm, tree

ROWS: dict[str, type[Row]] = {
    row.name: row
    for theme in (big, breaking, many, tree, delta, fan, growth, memory, narrow, drift, rpm)
    for row in theme.ROWS
}
