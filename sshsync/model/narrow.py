"""What one run is narrowed to: patterns beside those of the configuration."""

import shlex
from dataclasses import dataclass

from sshsync.model.words import visible


@dataclass(frozen=True, slots=True)
class Narrow:
    """Patterns as in `include` and `exclude`, for one run; both empty for a whole one.

    Only what takes part by the configuration and by these, too, is looked at: they leave out more and bring in nothing.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether it leaves out anything."""
        return bool(self.include or self.exclude)

    @property
    def options(self) -> str:
        """The options of the command line that ask for it, as a shell takes them; "" for a whole run."""
        words = [word for one in self.include for word in ("--include", one)]
        return shlex.join([*words, *(word for one in self.exclude for word in ("--exclude", one))])

    @property
    def words(self) -> str:
        """It in a few words, fit for any screen; "" for a whole run."""
        if not self:
            return ""
        told = ", ".join(visible(one, 80) for one in self.include) or "all"
        without = ", ".join(visible(one, 80) for one in self.exclude)
        return f"narrowed to {told}" + (f" without {without}" if without else "")


WHOLE = Narrow()
"""Not narrowed at all."""
