import contextlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shared.doctor import Finding, Health
from sluice import doctor as module
from sluice.command import Visitor
from sluice.doctor import doctor
from sluice.output import Exit
from sluice.session import Place, UsageError
from tests.unit.sluice.operators import documents, operator, shown

_FINE = Finding(health=Health.OK, check="queue copy", told="there, and may be read")
_BAD = Finding(health=Health.PROBLEM, check="table runs", told="missing: 404", mend="deploy " + "the templates " * 8)


class _Account:
    """What an account comes to."""

    def __init__(self, *findings: Finding, error: Exception | None = None) -> None:
        self._findings = findings
        self._error = error

    async def findings(self) -> Sequence[Finding]:
        return self._findings

    @contextlib.asynccontextmanager
    async def open_session(self, _: Place) -> AsyncGenerator[Any]:
        """In place of a session."""
        if self._error:
            raise self._error
        yield SimpleNamespace(doctor=self)


@pytest.fixture(autouse=True)
def configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wrong in the files."""

    def of_configuration(_: Place) -> list[Finding]:
        return [_FINE]

    monkeypatch.setattr(module, "of_configuration", of_configuration)


async def _visit(
    account: _Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, is_json: bool = False
) -> tuple[Exit, list[str]]:
    monkeypatch.setattr(module, "open_session", account.open_session)
    on = operator(is_json=is_json)
    code = await doctor(Visitor(place=Place(folder=tmp_path), output=on.output))
    return code, shown(on)


async def test_an_app_that_is_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each finding is a line; what can't be looked at is said; exit code 0."""
    code, lines = await _visit(_Account(_FINE), monkeypatch, tmp_path)

    assert code is Exit.GOOD
    assert lines[:3] == [
        "ok    queue copy: there, and may be read",
        "ok    queue copy: there, and may be read",
        "note  a deployed app: its app settings and its host.json can't be read from its",
    ]
    assert lines[-1] == "0 problems"


async def test_what_to_do_stands_below_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Within 80 columns; exit code 1."""
    code, lines = await _visit(_Account(_BAD), monkeypatch, tmp_path)

    assert code is Exit.PROBLEMS
    assert lines[1:4] == [
        "problem  table runs: missing: 404",
        "         → deploy the templates the templates the templates the templates the",
        "         templates the templates the templates the templates",
    ]
    assert lines[-1] == "1 problem"


@pytest.mark.parametrize("error", [UsageError("host.json: no such file"), ValueError("Connection string is malformed")])
async def test_an_app_that_cant_be_opened(error: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """That is a finding, and what was found in the files is told."""
    code, lines = await _visit(_Account(error=error), monkeypatch, tmp_path)

    text = " ".join(" ".join(lines).split())
    assert code is Exit.PROBLEMS
    assert f"data account: not looked at, since the app can't be opened: {error}" in text
    assert "queue copy" in text


async def test_programs_get_a_line_for_each_finding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do."""
    code, _ = await _visit(_Account(_BAD), monkeypatch, tmp_path, is_json=True)

    assert code is Exit.PROBLEMS
    assert documents(capsys)[:2] == [each.model_dump(mode="json") for each in (_FINE, _BAD)]
