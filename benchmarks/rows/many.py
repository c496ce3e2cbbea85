"""Many small files."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import peers, trees
from benchmarks.row import OURS, Target
from benchmarks.rows.push import Push
from benchmarks.wire import Link

ORIGINAL = Path(__file__).resolve().parent.parent / "original.sh"


class Many(Push):
    name, theme = "many", "many"
    title = "20,000 files of 4 KiB, 0 ms, first copy"
    targets = (Target("seconds", 1.0, peers.RSYNC_FSYNC),)

    def fill(self) -> None:
        trees.small(self.source, self.lab.size.of(20_000, 300), 4096)


class ManyFar(Many):
    name, title, link = "many-50ms", "20,000 files of 4 KiB, 50 ms round trip, first copy", Link(delay=0.025)


class Original(Push):
    """The way of working of the script that sshsync replaces: an ssh for each digest, an scp for each file."""

    name, theme = "original", "many"
    title = "20 files of 4 KiB from host to host, beside the original script and scp"
    needs = ("scp",)
    link = None  # the hosts must reach each other

    def setup(self) -> None:
        super().setup()
        self.parent = self.lab.host("parent")
        self.lab.configure(
            {
                "source": self.parent.section(self.source),
                "target": "parent = source\n" + self.host.section(self.target),
            },
        )

    def fill(self) -> None:
        trees.small(self.source, self.lab.size.of(20, 5), 4096, by=20)

    @property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        config = str(self.lab.ssh_config)
        original = [f"ssh -F {config}", f"-F {config}", "parent", str(self.source), "child", str(self.target)]
        scp = [*peers.scp(self.lab), "-3", "-r", f"parent:{self.source}{os.sep}.", f"child:{self.target}"]
        return {
            OURS: lambda _step: self.lab.sshsync("--sync", "target"),
            "original": lambda _step: self.lab.run([str(ORIGINAL), *original]),
            "scp -3 -r": lambda _step: self.lab.run(scp),
        }


ROWS = (Many, ManyFar, Original)
