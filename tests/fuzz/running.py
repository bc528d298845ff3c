"""Runs the cases of targets, and tells what came out of it."""

import asyncio
import contextlib
import dataclasses
import gc
import logging
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import Any, override

from shared.catalogs.kinds import KINDS
from shared.model.kinds import define
from shared.redaction import redacted
from shared.telemetry import configure_logging
from tests.fuzz.judging import MOST_SECONDS, Inline, Judge, hangs_end
from tests.fuzz.target import Target

#: Every so-manieth case is worked once more with its memory measured, besides those that make the process grow.
_MEASURED = 50
_COLLECTED = 500
_MOST_KEPT = 20
_SHOWN_BYTES = 2048

type Tell = Callable[[int], None]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A case that came out otherwise than it may."""

    target: str
    seed: int
    #: None: bytes that were given.
    number: int | None
    said: str
    case: bytes

    @property
    def replay(self) -> str:
        """What works the case again."""
        which = f"--hex {self.case.hex()}" if self.number is None else f"--seed {self.seed} --case {self.number}"
        return f"python -m tests.fuzz --target {self.target} {which}"

    def told(self) -> dict[str, Any]:
        """All of it; a long case is cut, for its number brings it again."""
        cut = self.case[:_SHOWN_BYTES].hex()
        return {"target": self.target, "said": self.said, "bytes": len(self.case), "hex": cut, "replay": self.replay}


@dataclasses.dataclass(slots=True, kw_only=True)
class Finding:
    """What came out of a target's cases."""

    target: str
    cases: int = 0
    outcomes: Counter[str] = dataclasses.field(default_factory=Counter[str])
    slowest_seconds: float = 0.0
    peak_bytes: int = 0
    violated: int = 0
    #: The first of them.
    violations: list[Violation] = dataclasses.field(default_factory=list[Violation])

    def and_then(self, other: "Finding") -> "Finding":
        """This one, and what came out of further cases of the target."""
        return Finding(
            target=self.target,
            cases=self.cases + other.cases,
            outcomes=self.outcomes + other.outcomes,
            slowest_seconds=max(self.slowest_seconds, other.slowest_seconds),
            peak_bytes=max(self.peak_bytes, other.peak_bytes),
            violated=self.violated + other.violated,
            violations=[*self.violations, *other.violations][:_MOST_KEPT],
        )

    def told(self) -> dict[str, Any]:
        """All of it, for a file."""
        return {
            "target": self.target,
            "cases": self.cases,
            "outcomes": dict(self.outcomes.most_common()),
            "slowest_ms": round(self.slowest_seconds * 1000, 1),
            "peak_mib": round(self.peak_bytes / 1024**2, 2),
            "violations": self.violated,
            "examples": [each.told() for each in self.violations],
        }


def run_target(
    target: Target,
    *,
    numbers: Sequence[int],
    seed: int,
    tell: Tell = lambda _: None,
    most_seconds: float = MOST_SECONDS,
) -> Finding:
    """Work these cases of a target; ``tell`` hears the number of each before it begins."""
    cases = ((number, target.case(seed, number)) for number in numbers)
    return _run(target, cases, seed=seed, tell=tell, most_seconds=most_seconds)


def run_case(target: Target, case: bytes, *, most_seconds: float = MOST_SECONDS) -> Finding:
    """Work one case that is given."""
    return _run(target, [(None, case)], seed=0, tell=lambda _: None, most_seconds=most_seconds)


def _run(target: Target, cases: Any, *, seed: int, tell: Tell, most_seconds: float) -> Finding:
    finding = Finding(target=target.name)
    with _quiet(), hangs_end(), asyncio.Runner() as runner:
        runner.run(_work(target, cases, finding, seed=seed, tell=tell, most_seconds=most_seconds))
    return finding


async def _work(target: Target, cases: Any, finding: Finding, *, seed: int, tell: Tell, most_seconds: float) -> None:
    asyncio.get_running_loop().set_default_executor(Inline(max_workers=1))
    async with target.opened() as run:
        judge = Judge(run, allowed=target.allowed, most_seconds=most_seconds)
        for number, case in cases:
            if number is not None:
                tell(number)
            is_measured = finding.cases % _MEASURED == 0
            verdict = await judge.judge(case, measures_memory=is_measured)
            finding.cases += 1
            finding.outcomes[verdict.outcome] += 1
            finding.slowest_seconds = max(finding.slowest_seconds, verdict.seconds)
            finding.peak_bytes = max(finding.peak_bytes, verdict.peak_bytes or 0)
            if verdict.violation is not None:
                finding.violated += 1
                if len(finding.violations) < _MOST_KEPT:
                    finding.violations.append(
                        Violation(target=target.name, seed=seed, number=number, said=verdict.violation, case=case)
                    )
            if finding.cases % _COLLECTED == 0:
                gc.collect()


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """Kinds defined, logs worded as in the app and then forgotten; no collector in the middle of a case."""
    define(KINDS)
    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    handlers, level = root.handlers[:], root.level
    configure_logging(redact=redacted)
    root.handlers[:] = [_Forgetting()]
    root.setLevel(logging.INFO)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
        root.handlers[:], root.level = handlers, level
        logging.setLogRecordFactory(factory)


class _Forgetting(logging.Handler):
    """Formats each record, which has to be possible and fit for UTF-8, and throws it away."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.format(record).encode()
