"""Targets in processes of their own: one that dies, or that nothing else can end, is a violation too."""

import multiprocessing
from collections.abc import Callable, Collection, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from tests.fuzz.running import Finding, Violation, run_target
from tests.fuzz.target import Target

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from multiprocessing.sharedctypes import Synchronized

#: A case that takes so long without the alarm's ending it stands in somebody's C.
_SILENCE_SECONDS = 180
_LOOK_SECONDS = 0.5
_MOST_DEATHS = 5
_CONTEXT = multiprocessing.get_context("spawn")

type Load = Callable[[], Sequence[Target]]


def run_apart(
    names: Collection[str],
    *,
    load: Load,
    cases: int,
    seed: int,
    processes: int,
    told: Callable[[Finding], None] = lambda _: None,
) -> list[Finding]:
    """Work so many cases of the targets of these names, in some processes; ``told`` hears of each that is done.

    ``load``: a function of a module, for a target doesn't travel to another process.
    """
    targets = [each for each in load() if each.name in names]
    works = [_Work(targets[first::processes], load=load, cases=cases, seed=seed) for first in range(processes)]
    found: dict[str, Finding] = {}
    while any(not each.is_over for each in works):
        for finding in (finding for each in works if not each.is_over for finding in each.findings()):
            found[finding.target] = finding
            told(finding)
    return [found[each.name] for each in targets]


class _Work:
    """Some targets, in a process; where it dies another goes on behind the case."""

    def __init__(self, targets: Sequence[Target], *, load: Load, cases: int, seed: int) -> None:
        self._load = load
        self._left = [(each, range(max(1, round(cases * each.share)))) for each in targets]
        self._seed = seed
        self._before: Finding | None = None
        if self._left:
            self._begin()

    @property
    def is_over(self) -> bool:
        """Whether all is done."""
        return not self._left

    def findings(self) -> Iterator[Finding]:
        """What was found meanwhile; waits for a moment."""
        if self._end.poll(_LOOK_SECONDS):
            try:
                finding: Finding = self._end.recv()
            except EOFError:
                yield from self._died()
            else:
                yield self._done(finding)
            return
        seen = self._current.value
        self._silent = self._silent + _LOOK_SECONDS if seen == self._seen else 0.0
        self._seen = seen
        if self._silent > _SILENCE_SECONDS:
            self._process.kill()

    def _begin(self) -> None:
        names = [(target.name, numbers) for target, numbers in self._left]
        self._current: Synchronized[int] = _CONTEXT.Value("q", self._left[0][1].start)
        self._seen, self._silent = -1, 0.0
        self._end, other = _CONTEXT.Pipe(duplex=False)
        self._process: BaseProcess = _CONTEXT.Process(
            target=_work, args=(self._load, names, self._seed, self._current, other), daemon=True
        )
        self._process.start()
        other.close()

    def _done(self, finding: Finding) -> Finding:
        self._left.pop(0)
        if self.is_over:
            self._process.join()
        before, self._before = self._before, None
        return finding if before is None else before.and_then(finding)

    def _died(self) -> Iterator[Finding]:
        """Blame the case that was worked; what the target's other cases came to is lost with the process."""
        self._process.join()
        target, numbers = self._left[0]
        number = self._current.value
        blamed = Finding(target=target.name, cases=number - numbers.start + 1, violated=1)
        said = f"the process died ({self._process.exitcode})"
        case = target.case(self._seed, number)
        blamed.violations.append(Violation(target=target.name, seed=self._seed, number=number, said=said, case=case))
        self._before = blamed if self._before is None else self._before.and_then(blamed)
        # What dies so often can't even be opened.
        is_hopeless = self._before.violated >= _MOST_DEATHS
        self._left[0] = (target, range(number + 1, number + 1 if is_hopeless else numbers.stop))
        if not self._left[0][1]:
            yield self._before
            self._before = None
            self._left.pop(0)
        if self._left:
            self._begin()


def _work(load: Load, works: Sequence[tuple[str, range]], seed: int, current: Any, end: Connection) -> None:
    named = {each.name: each for each in load()}

    def tell(number: int) -> None:
        current.value = number

    for name, numbers in works:
        tell(numbers.start)
        end.send(run_target(named[name], numbers=numbers, seed=seed, tell=tell))
