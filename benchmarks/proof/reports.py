"""The reports of the long runs, as their tools write them: what is read of each has to stand there."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

#: What ``surroundings.commit`` says where there is none, and adds where files differ from it.
_UNKNOWN, _CHANGED = "unknown", "with changes"


class ReportError(Exception):
    """A report can't be taken as it is."""


class _Part(BaseModel):
    """Part of a report; tools may say more than is read."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Report(_Part):
    """What all have."""

    #: None: its tool didn't say.
    commit: str | None = None


class SimulationFigures(_Part):
    """Totals of all schedules."""

    schedules: int
    failures: int
    calls: int
    crashes: int
    other_faults: int = Field(alias="other faults")
    redeliveries: int


class Simulation(Report):
    """Of ``python -m tests.simulation run --report``."""

    #: The first seed; the others follow it.
    first: int
    figures: SimulationFigures
    #: Of each call: how often it was made, and how often a process died before it and after it.
    crash_points: Mapping[str, tuple[int, int, int]]
    digest: str


class Model(_Part):
    """A small model, and all ways through it."""

    name: str
    ways: int
    states: int
    steps: int
    longest: int
    is_whole: bool
    broken: Sequence[str]


class Exhaustive(Report):
    """Of ``python -m tests.simulation.exhaustive --json``."""

    models: Sequence[Model]


class Catch(_Part):
    """A planted bug, and what has found it."""

    plant: str
    says: str
    #: Schedules until the first that broke a rule; None: none of them did.
    after: int | None
    #: The small model that breaks a rule, where no schedule did.
    model: str | None
    broke: str
    #: How many of the first so many schedules broke one.
    seeds: int
    of: int

    @property
    def is_found(self) -> bool:
        """Whether anything has found it."""
        return self.after is not None or self.model is not None


class Mutants(Report):
    """Of ``python -m tests.simulation.mutants --json``."""

    plants: Sequence[Catch]


class Chaos(Report):
    """Of ``python -m tests.chaos.storm --json``."""

    seed: int
    seconds: float
    kills: int
    kills_at_points: Mapping[str, int]
    sigterms: int
    faults: int
    faults_by_cell: Mapping[str, int]
    deliveries: int
    duplicates_delivered: int
    assets: int
    acknowledged: int
    copied: int
    recovered: int
    poisoned_by_kills: int
    lost: int
    unexpected: int
    duplicated_effects: int
    corrupt: int
    ledger_lies: int
    overwritten: int
    poisoned_wrongly: int
    unpublished: int
    mortal: int
    secrets: int
    unfinished: int
    recovery_median_seconds: float | None
    recovery_p99_seconds: float | None


class Races(Report):
    """Of ``python -m tests.chaos.races --json``."""

    races: int
    contested: int
    between_processes: int
    lost: int
    mixed: int
    lies: int
    overwritten: int
    poisoned_wrongly: int
    unfinished: int
    repeated_deliveries: int


class Fuzz(Report):
    """Of ``python -m tests.fuzz --json``."""

    seed: int
    cases: int
    violations: int
    slowest_ms: float
    peak_mib: float
    targets: Sequence[Mapping[str, object]]


class Names(Report):
    """Of ``python -m tests.fuzz.names --json``."""

    seed: int
    names: int
    distinct: int
    refused: int
    violations: int


class Ssrf(Report):
    """Of ``python -m tests.fuzz.ssrf --json``."""

    cases: int
    kinds: Mapping[str, int]
    connects: int
    connects_outside: int
    not_reached: int
    unexpected_errors: int


class Grown(_Part):
    """A measure of the worker, once it was warm and at the end, and by how much it may have grown."""

    warm: float
    end: float
    bound: float


class Soak(Report):
    """Of ``python -m tests.chaos.storm --soak --json``."""

    assets: int
    seconds: float
    flat: bool
    rss_mib: Grown
    descriptors: Grown
    sockets: Grown
    tasks: Grown


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """All of them, by the names of their options."""

    simulation: Simulation
    exhaustive: Exhaustive
    mutants: Mutants
    chaos: Chaos
    races: Races
    fuzz: Fuzz
    names: Names
    ssrf: Ssrf
    soak: Soak


#: The options by which their files are named.
NAMES = tuple(each.name for each in dataclasses.fields(Reports))


def read_reports(files: Mapping[str, Path], *, allow_mixed: bool = False) -> Reports:
    """Read a file of each; ``allow_mixed``: of whatever commits they are.

    Raises ReportError where one lacks something, or isn't of the commit of all others.
    """

    def read[R: Report](name: str, kind: type[R]) -> R:
        return _read(files[name], kind, name=name)

    reports = Reports(
        simulation=read("simulation", Simulation),
        exhaustive=read("exhaustive", Exhaustive),
        mutants=read("mutants", Mutants),
        chaos=read("chaos", Chaos),
        races=read("races", Races),
        fuzz=read("fuzz", Fuzz),
        names=read("names", Names),
        ssrf=read("ssrf", Ssrf),
        soak=read("soak", Soak),
    )
    if not allow_mixed:
        _check_commits({name: getattr(reports, name).commit for name in NAMES})
    return reports


def _read[R: Report](file: Path, kind: type[R], *, name: str) -> R:
    try:
        return kind.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ReportError(f"--{name}: {file} can't be read: {error.strerror}") from error
    except ValidationError as error:
        raise ReportError(f"--{name}: {file} isn't such a report: {wrong(error)}") from error


def _check_commits(commits: Mapping[str, str | None]) -> None:
    """Only of one commit, as it was, can everybody run all of it again."""
    vague = [name for name, each in commits.items() if each in {None, _UNKNOWN} or str(each).endswith(_CHANGED)]
    if vague:
        raise ReportError(
            f"no commit has what these ran on: {', '.join(vague)}; run them on one, or take them with --allow-mixed"
        )
    if len(set(commits.values())) > 1:
        found = ", ".join(f"{name} of {each}" for name, each in commits.items())
        raise ReportError(f"they are of several commits: {found}; run all on one, or take them with --allow-mixed")


def wrong(error: ValidationError) -> str:
    """Tell which fields are wrong, and how."""
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'all of it'}: {each['msg']}" for each in error.errors())
