"""``sluice copy``: single items and files, now."""

from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from shared.intake import Copies
from sluice.command import Operator, command
from sluice.output import Exit


def register(group: typer.Typer) -> None:
    """Add the commands of this module."""
    command(group, "copy", example="sluice copy sentinel sentinel-2-l2a/S2A_32TMT_20240601", asks_hosts=True)(copy)


async def copy(
    on: Operator,
    dataset: Annotated[str, typer.Argument(help="Its name in datasets.toml.")],
    what: Annotated[list[str], typer.Argument(help="Items by their names in the catalog, or files by their hrefs.")],
) -> Exit:
    """Ask for single items or files now, ahead of all runs, also where the dataset is paused.

    An item is read anew from the dataset's catalog, if that can be asked for one: of a STAC API it is called
    collection/id. A file is taken where the catalog would list it. Nothing is asked for where an item is unknown (exit
    code 2). Exit code 1: something was refused, or the dataset's `select` leaves it out.
    """
    told = await on.app.copies.ask(dataset, what)
    on.output.show(told, view=_view(told))
    return Exit.PROBLEMS if told.refused or told.filtered else Exit.GOOD


def _view(told: Copies) -> Group:
    lines = [Text(f"{told.accepted} assets asked for, in the lane copy-live, by {told.cause}")]
    lines += [Text(f"left out by the dataset's select: {each}", style="yellow") for each in told.filtered]
    lines += [
        Text(f"refused: {each.item} {each.key}: {each.error}: {each.message}", style="red") for each in told.refused
    ]
    return Group(*lines)
