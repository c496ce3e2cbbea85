"""Plans: which repositories are synchronized, and in which order. Plain values that can be sent anywhere."""

from dataclasses import dataclass
from enum import StrEnum

from sshsync.model.narrow import WHOLE, Narrow


class Step(StrEnum):
    """What a job does with its repository."""

    LOOK = "look"
    """Scan it, so that others know what it offers. Never part of a plan: a run adds what its jobs need."""

    SYNC = "sync"
    """Bring it to what its parent holds."""


@dataclass(frozen=True, slots=True)
class Job:
    """One step of one repository; `stage` counts from 0, `parent` is "" where the step asks nothing of one."""

    repository: str
    parent: str
    stage: int
    step: Step = Step.SYNC


@dataclass(frozen=True, slots=True)
class Manner:
    """How one run goes about its stages, other than the configuration says.

    Attributes:
        narrowed: what of the repositories is looked at.
        like: the repository whose items they get instead of those of their parents; "" for these.
        halt: no stage begins after one in which some repository did not reach its goal.
        back: the run before which they are to be again, as far as it and later ones changed them; "" for none.
        force: also what somebody else changed since.
    """

    narrowed: Narrow = WHOLE
    like: str = ""
    halt: bool = False
    back: str = ""
    force: bool = False

    @property
    def options(self) -> str:
        """The options of the command line that ask for it, as a shell takes them; "" for none."""
        like = f"--like {self.like}" if self.like else ""
        return " ".join(filter(None, (like, "--halt" if self.halt else "", self.narrowed.options)))


CONFIGURED = Manner()
"""As the configuration says."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The jobs of a run, by stage, and how it goes about them."""

    stages: tuple[tuple[Job, ...], ...]
    manner: Manner = CONFIGURED

    @property
    def narrowed(self) -> Narrow:
        """What of the repositories is looked at."""
        return self.manner.narrowed

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs in order."""
        return tuple(job for stage in self.stages for job in stage)

    @property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """The repository names by stage."""
        return tuple(tuple(job.repository for job in stage) for stage in self.stages)

    @property
    def contacted(self) -> tuple[str, ...]:
        """Every repository whose host a run of this plan speaks to, once: jobs and their parents."""
        return tuple(dict.fromkeys(name for job in self.jobs for name in (job.parent, job.repository)))

    @property
    def command(self) -> str:
        """The command line that asks for this plan."""
        if self.manner.back:
            names = " ".join(job.repository for job in self.jobs)
            return f"sshsync rollback {names} --to {self.manner.back}{' --force' if self.manner.force else ''}"
        stages = ("--sync " + ",".join(stage) for stage in self.names)
        return " ".join(filter(None, ("sshsync", *stages, self.manner.options)))
