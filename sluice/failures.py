"""``sluice failures``: what failed last and why, whether it is tried again or stands in a poison queue."""

from collections import Counter
from typing import Annotated

import typer

from shared.model.errors import advice_of
from shared.model.rows import Failure
from shared.poison import Choice
from sluice.command import Operator, command
from sluice.output import Exit
from sluice.poison import SHOWN, Class, Host, Item, Limit, Since, Text
from sluice.poison_view import classes, failure_list


def register(group: typer.Typer) -> None:
    """Add the command of this module."""
    command(group, "failures", example="sluice failures zurich --since 12h")(failures)


async def failures(
    on: Operator,
    dataset: Annotated[str | None, typer.Argument(help="Only of this dataset.")] = None,
    *,
    error: Class = None,
    host: Host = None,
    item: Item = None,
    since: Since = None,
    text: Text = None,
    limit: Limit = None,
) -> Exit:
    """Show what failed and was not copied since, with what to do about each class of error.

    Of each asset its last failure, whether it is tried again by itself or stands in a poison queue. No queue is asked.

    Exit code 1: there are failures.
    """
    mending = on.app.poison
    filters = {"class": error, "host": host, "dataset": dataset, "item": item, "since": since, "text": text}
    choice = Choice.of(filters, now=mending.clock())
    shown: list[Failure] = []
    counts: Counter[str] = Counter()

    def tell(failure: Failure) -> None:
        counts[failure.error] += 1
        if on.output.is_json:
            on.output.line({**failure.model_dump(mode="json"), "advice": advice_of(failure.error)})
        elif len(shown) < (limit or SHOWN):
            shown.append(failure)

    await mending.failing.tell(choice, to=tell, limit=limit if on.output.is_json else None)
    if counts and not on.output.is_json:
        on.output.out.print(failure_list(shown, at=mending.clock()))
        on.output.out.print(classes(counts))
    on.output.note(f"{counts.total():,} assets failed" + (f", {len(shown)} are shown" if shown else ""))
    return Exit.PROBLEMS if counts else Exit.GOOD
