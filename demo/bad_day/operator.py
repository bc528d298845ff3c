"""The operator: a person with a terminal, who types documented commands and waits for them."""

import dataclasses
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo.bad_day.site import DayError

_SLUICE = str(Path(sys.executable).with_name("sluice"))
_TERMINAL = {"COLUMNS": "110", "NO_COLOR": "1"}
_LONGEST_SECONDS = 120
#: Lines of a command's output that are shown: its first and its last.
_FIRST, _LAST = 8, 6


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A command that has ended."""

    line: str
    code: int
    out: str
    err: str
    #: For which the operator waited.
    seconds: float

    @property
    def rows(self) -> list[Any]:
        """What it printed with ``--json``: one value a line."""
        return [json.loads(each) for each in self.out.splitlines()]


class Operator:
    """Types commands in the app's folder, and keeps them."""

    def __init__(self, folder: Path, *, say: Callable[[str], None], program: str = _SLUICE) -> None:
        self._folder = folder
        self._say = say
        self._program = program
        self.typed: list[Typed] = []

    @property
    def seconds(self) -> float:
        """For how long the operator was busy."""
        return sum(each.seconds for each in self.typed)

    def types(self, *arguments: str) -> Typed:
        """Type ``sluice`` and these arguments, and wait for the end; nobody answers questions."""
        ended = self._ended(arguments)
        self.typed.append(ended)
        self._show(ended)
        return ended

    def types_until(self, seen: Callable[[Typed], bool], *arguments: str, seconds: float, every: float = 1.0) -> Typed:
        """Type the same again and again until its answer is seen to be well; counted as one command.

        Raises DayError where that takes too long.
        """
        began = time.monotonic()
        while not seen(ended := self._ended(arguments)):
            if time.monotonic() - began >= seconds:
                raise DayError(f"after {seconds:.0f} s {ended.line!r} still says: {ended.out[:500]} {ended.err[:500]}")
            time.sleep(every)
        waited = dataclasses.replace(ended, seconds=time.monotonic() - began)
        self.typed.append(waited)
        self._say(f"$ {waited.line}   # until nothing is outstanding: {waited.seconds:.1f} s")
        return waited

    def _ended(self, arguments: tuple[str, ...]) -> Typed:
        began = time.monotonic()
        ran = subprocess.run(
            [self._program, *arguments],
            cwd=self._folder,
            env={**os.environ, **_TERMINAL},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
        seconds = time.monotonic() - began
        line = shlex.join(["sluice", *arguments])
        return Typed(line=line, code=ran.returncode, out=ran.stdout, err=ran.stderr, seconds=seconds)

    def _show(self, ended: Typed) -> None:
        self._say(f"$ {ended.line}   # exit code {ended.code}, {ended.seconds:.1f} s")
        lines = [f"  {each}" for each in (*ended.out.splitlines(), *ended.err.splitlines())]
        if (left_out := len(lines) - _FIRST - _LAST) > 1:
            lines[_FIRST:-_LAST] = [f"  … {left_out} lines more"]
        for each in lines:
            self._say(each)
