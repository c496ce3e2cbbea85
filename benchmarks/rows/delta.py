"""A big file of which the host holds most already."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from benchmarks import peers, trees
from benchmarks.row import Target
from benchmarks.rows.push import Push

BLOCK = 1 << 16
PREFIX = bytes(range(100))


class Spot(Push):
    name, theme = "delta-spot", "delta"
    title = "256 MB of which 100 KB differ on the child"
    rsyncs: ClassVar[Mapping[str, tuple[str, ...]]] = {peers.RSYNC: ()}
    targets = (Target("wire", 1.1, peers.RSYNC),)
    full, small = 256e6, 4e6

    def fill(self) -> None:
        self.size = self.lab.size.of(self.full, self.small)
        self.old = self.lab.top / "old"
        trees.big(self.old, self.size)
        trees.mirror_file(self.old, self.source / "file")
        self.change()

    def change(self) -> None:
        """Make the parent's file another than the child's."""
        trees.overwrite(self.source / "file", iter([(self.size // 3, 100_000)]))

    def prepare(self, way: str, step: str) -> None:
        super().prepare(way, step)
        trees.mirror_file(self.old, self.target / "file")


class Blocks(Spot):
    name, title = "delta-blocks", "1 GiB with 1 % of its 64 KiB blocks rewritten"
    full = float(1 << 30)

    def change(self) -> None:
        trees.overwrite(self.source / "file", self._spans())

    def _spans(self) -> Iterator[tuple[int, int]]:
        return ((offset, BLOCK) for offset in range(0, self.size - BLOCK, 100 * BLOCK))


class Front(Spot):
    name, title = "delta-front", "1 GiB with 100 bytes inserted in front"
    full = float(1 << 30)

    def change(self) -> None:
        file = self.source / "file"
        file.unlink()
        with self.old.open("rb") as data, file.open("wb") as out:
            out.write(PREFIX)
            while piece := data.read(trees.PIECE):
                out.write(piece)


ROWS = (Spot, Blocks, Front)
