import contextlib
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from pathlib import Path
from typing import Annotated, cast

import pytest
import typer
from typer.testing import CliRunner, Result

from shared.clients import App
from shared.model.errors import (
    DatasetsInvalidError,
    RunConflictError,
    SourceUnavailableError,
    StorageFailedError,
    UnknownDatasetError,
    WindowError,
)
from sluice import command as command_module
from sluice.command import Operator, Visitor, command, command_before_opening
from sluice.output import Exit
from sluice.session import Place, UsageError

_APP = cast("App", object())

type Act = Callable[[Operator], Awaitable[Exit | None]]


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Generator[None]:
    """A command configures the logging of its process."""
    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.setLogRecordFactory(factory)
    for name in ("aiohttp", "azure", "urllib3"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Place, bool]]:
    """Where commands looked, and whether they ask hosts; nothing is opened."""
    opened: list[tuple[Place, bool]] = []

    @contextlib.asynccontextmanager
    async def open_session(place: Place, *, asks_hosts: bool) -> AsyncGenerator[App]:
        opened.append((place, asks_hosts))
        yield _APP

    monkeypatch.setattr(command_module, "open_session", open_session)
    return opened


def run(act: Act, *arguments: str, asks_hosts: bool = False) -> Result:
    group = typer.Typer(pretty_exceptions_enable=False)
    command(group, "try", example="sluice try --json", asks_hosts=asks_hosts)(act)
    return CliRunner().invoke(group, arguments, env={"COLUMNS": "80", "SLUICE_ACCOUNT": None})


def test_a_command_gets_its_own_arguments_and_an_operator() -> None:
    """Arguments and options are those of the function's signature; the operator comes first."""

    async def act(on: Operator, lane: str, *, most: Annotated[int, typer.Option()] = 3) -> None:
        assert on.app is _APP
        on.output.show({"lane": lane, "most": most}, view=f"{lane}: {most}")

    group = typer.Typer()
    command(group, "try", example="sluice try copy")(act)

    ran = [CliRunner().invoke(group, each) for each in (["copy"], ["copy", "--most", "5", "--json"], [])]

    assert [each.exit_code for each in ran] == [0, 0, 2]
    assert ran[0].stdout == "copy: 3\n"
    assert json.loads(ran[1].stdout) == {"lane": "copy", "most": 5}


def test_the_help_has_the_docstring_its_example_and_what_all_commands_have() -> None:
    """Help fits 80 columns and names every common option."""

    async def act(on: Operator) -> None:
        """Look at something."""

    shown = run(act, "--help").stdout

    assert all(len(line) <= 80 for line in shown.splitlines())
    for expected in ("Look at something.", "Example: sluice try --json", "--json", "--debug", "--app", "--account"):
        assert expected in shown


def test_a_command_looks_where_it_is_told(tmp_path: Path, places: list[tuple[Place, bool]]) -> None:
    """Folder, account and whether hosts are asked reach the session."""

    async def act(on: Operator) -> None: ...

    run(act, "--app", str(tmp_path), "--account", "data", asks_hosts=True)

    assert places == [(Place(folder=tmp_path, account="data"), True)]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("--since: no time"), Exit.USAGE),
        (DatasetsInvalidError("datasets.toml: no such file"), Exit.USAGE),
        (UnknownDatasetError("no dataset 'x'"), Exit.USAGE),
        (WindowError("since is after until", field="since"), Exit.USAGE),
        (RunConflictError("a run makes progress", run="1"), Exit.PROBLEMS),
        (StorageFailedError("queue copy: no connection"), Exit.UNREACHABLE),
        (SourceUnavailableError("503"), Exit.UNREACHABLE),
        (KeyError("x"), Exit.DEFECT),
    ],
    ids=lambda case: case.name if isinstance(case, Exit) else type(case).__name__,
)
def test_an_error_is_one_line_and_a_code(error: Exception, code: Exit) -> None:
    """Nobody sees a traceback who didn't ask for one."""

    async def act(_: Operator) -> None:
        raise error

    ran = run(act)

    assert ran.exit_code == code
    assert len(ran.stderr.splitlines()) == 1
    assert ran.stderr.startswith("sluice: ")
    assert str(error) in ran.stderr
    assert ran.stdout == ""


def test_debug_shows_where_it_failed() -> None:
    """With --debug the traceback comes before the line."""

    async def act(_: Operator) -> None:
        raise StorageFailedError("queue copy: no connection")

    ran = run(act, "--debug")

    assert ran.exit_code == Exit.UNREACHABLE
    assert "Traceback" in ran.stderr


def test_an_error_shows_no_secret() -> None:
    """Signatures in an error's text are taken out."""

    async def act(_: Operator) -> None:
        raise UsageError("https://host/a?sig=abcdef is no href")

    assert "abcdef" not in run(act).stderr


def test_ctrl_c_ends_quietly() -> None:
    """An interrupted command says so in a line, with the shell's code for it."""

    async def act(_: Operator) -> None:
        raise KeyboardInterrupt

    ran = run(act)

    assert (ran.exit_code, ran.stderr) == (Exit.STOPPED, "sluice: stopped\n")


def test_a_command_that_found_problems_ends_with_1() -> None:
    """What a command returns is the code."""

    async def act(_: Operator) -> Exit:
        return Exit.PROBLEMS

    assert run(act).exit_code == Exit.PROBLEMS


def test_nobody_is_asked_where_there_is_no_terminal() -> None:
    """A question without a terminal is a usage error that names the way out; with --yes it isn't asked."""

    async def act(on: Operator, *, yes: bool = False) -> None:
        on.output.text(str(on.confirms("Drop 3 messages?", yes=yes)))

    asked, given = run(act), run(act, "--yes")

    assert (asked.exit_code, asked.stderr) == (
        Exit.USAGE,
        "sluice: Drop 3 messages? Nobody can be asked here: add --yes\n",
    )
    assert (given.exit_code, given.stdout) == (Exit.GOOD, "True\n")


def test_a_command_that_opens_nothing(places: list[tuple[Place, bool]], tmp_path: Path) -> None:
    """It gets the place itself, with the same options, help and codes."""
    seen: list[Place] = []

    async def act(on: Visitor, name: str) -> Exit:
        """Look at what would be opened."""
        seen.append(on.place)
        on.output.show({"name": name}, view=name)
        return Exit.PROBLEMS

    group = typer.Typer()
    command_before_opening(group, "try", example="sluice try x")(act)

    ran = CliRunner().invoke(group, ["x", "--app", str(tmp_path), "--json"])

    assert (ran.exit_code, json.loads(ran.stdout)) == (Exit.PROBLEMS, {"name": "x"})
    assert (seen, places) == ([Place(folder=tmp_path)], [])
