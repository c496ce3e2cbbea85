"""Plans: which repositories are synchronized, and in which order. Plain values that can be sent anywhere."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """Bring `repository` to what `parent` holds; `stage` counts from 0."""

    repository: str
    parent: str
    stage: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The jobs of a run, by stage."""

    stages: tuple[tuple[Job, ...], ...]

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs in order."""
        return tuple(job for stage in self.stages for job in stage)

    @property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """The repository names by stage."""
        return tuple(tuple(job.repository for job in stage) for stage in self.stages)

    @property
    def command(self) -> str:
        """The command line that asks for this plan."""
        return "sshsync " + " ".join("--sync " + ",".join(stage) for stage in self.names)
