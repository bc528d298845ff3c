"""What the demo shows: a live table on a terminal, a line now and then elsewhere."""

import collections
import contextlib
import time
from collections.abc import Callable, Generator

from rich.console import Console
from rich.live import Live
from rich.table import Table

from demo.expected import Expected
from demo.status import Snapshot

_LINE_EVERY_SECONDS = 2.0
#: The rate is that of the last seconds.
_WINDOW_SECONDS = 6.0
_MEGABYTE = 1_000_000


class View:
    """Prints sentences, and shows progress while a run goes on."""

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._live: Live | None = None
        self._printed = clock()
        self._samples = collections.deque[tuple[float, int]]([(clock(), 0)])

    def say(self, sentence: str) -> None:
        """Print a sentence; it stays."""
        self._console.print(sentence, highlight=False, markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def live(self) -> Generator[None]:
        """Keep a table in place, on a terminal, until the block ends."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, refresh_per_second=8) as self._live:
            yield
        self._live = None

    def show(self, snapshot: Snapshot, *, expected: Expected) -> None:
        """Show how far the run is."""
        rate = self._rate(snapshot.copied_bytes)
        if self._live is not None:
            self._live.update(_table(snapshot, expected=expected, rate=rate))
        elif self._clock() - self._printed >= _LINE_EVERY_SECONDS:
            self._printed = self._clock()
            self.say("; ".join(f"{name} {value}" for name, value in _facts(snapshot, expected=expected, rate=rate)))

    def _rate(self, copied: int) -> float:
        """Bytes a second."""
        now = self._clock()
        self._samples.append((now, copied))
        while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW_SECONDS:  # noqa: PLR2004 - two make a rate
            self._samples.popleft()
        since, before = self._samples[0]
        # A killed worker takes what it had counted within its last seconds along.
        return max(0, copied - before) / (now - since) if now > since else 0.0


def megabytes(count: float) -> str:
    """A number of bytes for people."""
    return f"{count / _MEGABYTE:,.1f} MB"


def _table(snapshot: Snapshot, *, expected: Expected, rate: float) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in _facts(snapshot, expected=expected, rate=rate):
        table.add_row(name, value)
    return table


def _facts(snapshot: Snapshot, *, expected: Expected, rate: float) -> list[tuple[str, str]]:
    total = len(expected.assets) + len(expected.misfits)
    discovery = f"{snapshot.state or 'not begun'}, asked for {snapshot.sent} of {total} assets"
    if snapshot.withheld_because:
        discovery += f", withheld ({snapshot.withheld_because})"
    copied = f"{snapshot.copied_assets} assets, {megabytes(snapshot.copied_bytes)} of {megabytes(expected.bytes)}"
    return [
        ("discovery", discovery),
        ("outstanding", f"{snapshot.requests} copy requests, {snapshot.pages} pages, {snapshot.publishing} items"),
        ("copied", f"{copied}, {megabytes(rate)}/s"),
        ("poison", str(snapshot.poison)),
    ]
