"""What a census or a verification tells of: lines for a file or a program, a table and the first few for people."""

import contextlib
import json
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path
from typing import cast

from pydantic import JsonValue
from rich.console import Group
from rich.table import Table
from rich.text import Text

from shared.census import Found, Mark
from sluice.output import Output
from sluice.session import UsageError

#: Lines of each symbol that people are shown; a file has them all.
_SHOWN = 10
_STDOUT = Path("-")
_JSON = frozenset({".ndjson", ".jsonl"})


class Lines:
    """Where every line goes."""

    def __init__(self, write: Callable[[str], object], *, is_json: bool, is_stdout: bool = False) -> None:
        self._write = write
        self._is_json = is_json
        #: Whether stdout has them, so that it can have nothing else.
        self.is_stdout = is_stdout

    def tell(self, found: Found) -> None:
        """Write a line."""
        line = json.dumps(dict(_row(found)), ensure_ascii=False) if self._is_json else found.line
        self._write(f"{line}\n")


@contextlib.contextmanager
def written(path: Path | None, *, is_json: bool) -> Generator[Lines]:
    """Open what all lines go to: a file, which is there once the block has ended well, or stdout. Raises UsageError."""
    if path is None:
        yield Lines(_forget, is_json=False)
        return
    if path == _STDOUT:
        yield Lines(sys.stdout.write, is_json=is_json, is_stdout=True)
        return
    part = path.with_name(f"{path.name}.part")
    try:
        file = part.open("w", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--output {path}: {error.strerror}") from error
    with contextlib.ExitStack() as stack:
        stack.callback(part.unlink, missing_ok=True)
        with file:
            yield Lines(file.write, is_json=path.suffix in _JSON)
        part.replace(path)


class Findings:
    """What was told, as far as it is shown."""

    def __init__(self, output: Output, lines: Lines) -> None:
        self._output = output
        self._lines = lines
        self._first: dict[Mark, list[Found]] = {each: [] for each in Mark}

    def tell(self, found: Found) -> None:
        """Write a line of everything; show what doesn't agree."""
        self._lines.tell(found)
        if found.mark is Mark.SAME:
            return
        if self._output.is_json and not self._lines.is_stdout:
            self._output.line(_row(found))
        if len(self._first[found.mark]) < _SHOWN:
            self._first[found.mark].append(found)

    def show(self, summary: Mapping[str, JsonValue], *, means: Mapping[Mark, str], notes: Iterable[str]) -> None:
        """Show what it came to; ``means`` says what its symbols mean."""
        if not self._lines.is_stdout:
            self._output.show(summary, view=self._view(summary, means=means, notes=notes))

    def _view(self, summary: Mapping[str, JsonValue], *, means: Mapping[Mark, str], notes: Iterable[str]) -> Group:
        marks = cast("Mapping[str, int]", summary["marks"])
        table = Table("", "", "", box=None, pad_edge=False, show_header=False)
        table.columns[1].justify = "right"
        for mark, meaning in means.items():
            table.add_row(mark.value, f"{marks[mark.value]:,}", meaning)
        parts: list[Table | Text] = [table, *(Text(each) for each in notes)]
        for mark, found in self._first.items():
            parts += [Text(f"{each.line}  {each.reason}") for each in found]
            if (more := marks[mark.value] - len(found)) and found:
                parts.append(Text(f"{mark.value} and {more:,} more: --output FILE has all of them"))
        return Group(*parts)


def _forget(line: str) -> None:
    """Write nothing."""


def _row(found: Found) -> dict[str, JsonValue]:
    row: dict[str, JsonValue] = {"mark": found.mark.value, "blob": found.blob, "item": found.item, "key": found.key}
    return row | {"reason": found.reason}
