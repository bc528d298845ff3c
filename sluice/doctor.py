"""``sluice doctor``: whether all that the app needs is there, and what to do where it isn't."""

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from shared.doctor import Finding, Health
from shared.model.errors import SluiceError
from shared.redaction import redacted
from sluice.command import Visitor, command_before_opening
from sluice.configuration import of_configuration
from sluice.output import Exit
from sluice.session import Place, UsageError, open_session

_COLOURS = {Health.OK: "green", Health.PROBLEM: "red", Health.NOTE: "yellow"}
_NOTES = (
    Finding(
        health=Health.NOTE,
        check="a deployed app",
        told="its app settings and its host.json can't be read from its storage: those above are this machine's",
    ),
    Finding(
        health=Health.NOTE,
        check="rights to write",
        told=(
            "not tried. discover, pause, resume, cancel and copy need Storage Table Data Contributor and Storage Queue "
            "Data Message Sender, copy also Storage Blob Data Contributor where items are published; poison redrive "
            "and drop need Storage Queue Data Message Processor and Sender"
        ),
    ),
)


def register(group: typer.Typer) -> None:
    """Add the commands of this module."""
    command_before_opening(group, "doctor", example="sluice doctor --account mydata")(doctor)


async def doctor(on: Visitor) -> Exit:
    """Look at settings, datasets.toml, secrets, host.json, queues, tables, containers, roles, clock and messages.

    Reads only. Says what to do about each problem. Exit code 1: there is one.
    """
    findings = [*of_configuration(on.place), *await _of_account(on.place), *_NOTES]
    if on.output.is_json:
        for each in findings:
            on.output.line(each.model_dump(mode="json"))
    else:
        on.output.out.print(_view(findings))
    return Exit.PROBLEMS if _problems(findings) else Exit.GOOD


async def _of_account(place: Place) -> list[Finding]:
    try:
        async with open_session(place) as app:
            return [*await app.doctor.findings()]
    # A ValueError is what Azure's clients make of a connection string that is none.
    except (UsageError, SluiceError, ValueError) as error:
        told = f"not looked at, since the app can't be opened: {redacted(str(error))}"
        return [
            Finding(health=Health.PROBLEM, check="data account", told=told, mend="mend what is named above or here")
        ]


def _view(findings: list[Finding]) -> Group:
    table = Table.grid(padding=(0, 2, 0, 0))
    for each in findings:
        told = Text(f"{each.check}: {each.told}")
        table.add_row(
            Text(each.health.value, _COLOURS[each.health]), told.append(f"\n→ {each.mend}" if each.mend else "")
        )
    problems = _problems(findings)
    return Group(table, Text(), Text(f"{problems} problem{'' if problems == 1 else 's'}", style="bold"))


def _problems(findings: list[Finding]) -> int:
    return sum(each.health is Health.PROBLEM for each in findings)
