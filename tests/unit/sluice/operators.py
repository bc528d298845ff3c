"""An operator who looks at use cases over fakes, and what it is shown."""

import io
import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from sluice.command import Operator
from sluice.output import Output

WIDTH = 80


def operator(*, is_json: bool = False, terminal: bool = False, **use_cases: Any) -> Operator:
    """An operator whose app has these use cases alone, at a terminal of 80 columns."""
    out = Console(file=io.StringIO(), width=WIDTH, no_color=True, force_terminal=terminal)
    err = Console(file=io.StringIO(), width=WIDTH, no_color=True)
    app = cast("Any", SimpleNamespace(**use_cases))
    return Operator(app=app, output=Output(is_json=is_json, out=out, err=err))


def shown(on: Operator, *, most: int | None = WIDTH) -> list[str]:
    """The lines on stdout, for people, none of more than so many columns; what moves a cursor counts as some."""
    assert isinstance(on.output.out.file, io.StringIO)
    lines = on.output.out.file.getvalue().splitlines()
    assert most is None or all(len(each) <= most for each in lines)
    return [each.rstrip() for each in lines]


def documents(capsys: pytest.CaptureFixture[str]) -> Sequence[Any]:
    """The lines on stdout, for programs."""
    return [json.loads(each) for each in capsys.readouterr().out.splitlines()]
