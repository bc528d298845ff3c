"""``sluice failures``: what an operator sees of the failures table."""

import io

import pytest

from shared.model.errors import advice_of
from sluice.command import Operator
from sluice.failures import failures
from sluice.output import Exit
from tests.unit.model.builders import NOON
from tests.unit.poison.desk import Desk
from tests.unit.poison.preserve_world import HOUR
from tests.unit.sluice.operators import documents, operator, shown


async def test_nothing_failed() -> None:
    """All good: what was copied since counts for nothing."""
    desk = Desk()
    await desk.failed()
    await desk.copied(completed_at=NOON + HOUR)
    on = operator(poison=desk.mending)

    code = await failures(on)

    assert (code, shown(on), _notes(on)) == (Exit.GOOD, [], ["0 assets failed"])


async def test_what_failed() -> None:
    """Two lines a failure within 80 columns, and each class with what to do; exit code 1."""
    desk = Desk()
    await desk.failed(attempts=3)
    await desk.failed(dataset="l8", item="l8", key="l8")
    on = operator(poison=desk.mending)

    code = await failures(on, limit=1)

    assert code is Exit.PROBLEMS
    assert shown(on)[:4] == [
        "since   times  class               dataset",
        "30 min  1      TruncatedBodyError  l8",
        "    l8 (data.example.org): half a body",
        "2 TruncatedBodyError",
    ]
    assert _notes(on) == ["2 assets failed, 1 are shown"]


async def test_failures_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """One document a failure, with its advice; filters hold."""
    desk = Desk()
    row = await desk.failed()
    await desk.failed(dataset="l8")

    code = await failures(operator(is_json=True, poison=desk.mending), "s2", error="TruncatedBodyError")

    expected = {**row.model_dump(mode="json"), "advice": advice_of("TruncatedBodyError")}
    assert (code, documents(capsys)) == (Exit.PROBLEMS, [expected])


def _notes(on: Operator) -> list[str]:
    assert isinstance(on.output.err.file, io.StringIO)
    return on.output.err.file.getvalue().splitlines()
