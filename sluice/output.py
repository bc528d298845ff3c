"""What commands print: tables for people, JSON for programs, progress and notes on stderr."""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Generator, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Self

from pydantic import BaseModel, JsonValue
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

EXIT_CODES = "Exit codes: 0 all good, 1 problems found, 2 wrong usage, 3 can't reach what it needs, 130 stopped."


class Exit(IntEnum):
    """With which code a command ends."""

    GOOD = 0
    #: It did what it was asked for, and what it found isn't well.
    PROBLEMS = 1
    #: Arguments, datasets.toml or settings are wrong.
    USAGE = 2
    #: Storage, a catalog or a source can't be reached, or doesn't let us.
    UNREACHABLE = 3
    #: A defect in this program (EX_SOFTWARE of sysexits.h).
    DEFECT = 70
    #: Ctrl-C (128 + SIGINT).
    STOPPED = 130


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where a command's results go. Colours follow NO_COLOR and whether it is a terminal (rich does)."""

    #: JSON on stdout: one document for ``show``, one line a row for ``rows``.
    is_json: bool
    #: Results.
    out: Console
    #: Everything else: progress, notes, questions.
    err: Console

    @classmethod
    def opened(cls, *, is_json: bool) -> Self:
        """On this process's stdout and stderr."""
        return cls(is_json=is_json, out=Console(soft_wrap=False), err=Console(stderr=True))

    def show(self, value: BaseModel | Mapping[str, JsonValue], *, view: RenderableType) -> None:
        """One result: the view for people, or the value as one JSON document."""
        if self.is_json:
            _write(value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(dict(value)))
        else:
            self.out.print(view)

    def rows(self, rows: Iterable[Mapping[str, JsonValue]], *, columns: Sequence[str], title: str = "") -> None:
        """Many results: a table with these columns, or each row whole as a line of JSON."""
        if self.is_json:
            for row in rows:
                self.line(row)
            return
        table = Table(*columns, title=title or None, title_justify="left", box=None, pad_edge=False)
        for row in rows:
            table.add_row(*("" if row.get(each) is None else str(row[each]) for each in columns))
        self.out.print(table)

    def line(self, row: Mapping[str, JsonValue]) -> None:
        """One line of JSON on stdout, for results that are streamed."""
        _write(json.dumps(dict(row), ensure_ascii=False))

    def text(self, text: str) -> None:
        """One line on stdout as it is, without markup or wrapping: what another program may read."""
        _write(text)

    def note(self, text: str) -> None:
        """One line on stderr, without markup."""
        self.err.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def progress(self, what: str, *, total: int | None = None) -> Generator["Steps"]:
        """A bar on stderr while the block runs: none where stderr is no terminal, or for JSON."""
        columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        shown = self.err.is_terminal and not self.is_json
        with Progress(*columns, TimeElapsedColumn(), console=self.err, transient=True, disable=not shown) as bar:
            yield Steps(bar=bar, task=bar.add_task(what, total=total))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """A bar that is shown."""

    bar: Progress
    task: TaskID

    def advance(self, steps: int = 1, *, total: int | None = None) -> None:
        """So many more are done; of so many, where that is known by now."""
        self.bar.update(self.task, advance=steps, total=total)


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
