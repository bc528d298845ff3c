"""``sluice poison``: what failed for good, sent back or put away."""

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Annotated

import typer

from shared.poison import Choice, Kept, Order, Outcome, Poison, PoisonFact, Tally, told_of
from sluice.command import Operator, command
from sluice.drop_file import DropFile
from sluice.output import Exit
from sluice.poison_view import classes, poison_list, what_of, whole
from sluice.session import UsageError, user

#: Rows for people, unless they ask for more.
SHOWN = 50
#: Why messages stay where they are, each once.
_REASONS_SHOWN = 10

Queue = Annotated[
    str | None, typer.Argument(help="Only of this queue: copy, copy-live, copy-later, discover, publish.")
]
Class = Annotated[str | None, typer.Option("--class", help="Only errors of this class, as AssetNotFoundError.")]
Host = Annotated[str | None, typer.Option(help="Only assets of this host.")]
Dataset = Annotated[str | None, typer.Option(help="Only of this dataset.")]
Item = Annotated[str | None, typer.Option(help="Only of this item.")]
Since = Annotated[str | None, typer.Option(help="Failed since: 2024-06-01, 2024-06-01T00:00:00Z, 12h, 10d.")]
Text = Annotated[str | None, typer.Option(help="What stands in it, or in its reason.")]
Limit = Annotated[int | None, typer.Option(min=1, help=f"So many; {SHOWN} rows for people.")]
_Most = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do it, in place of telling what would be done.")]


def register(group: typer.Typer) -> None:
    """Add the commands of this module."""
    poison = typer.Typer(help="What failed for good: shown, sent back, put away.")
    command(poison, "list", example="sluice poison list copy --class AssetNotFoundError --since 12h")(list_)
    command(poison, "show", example="sluice poison show 7a2b9c1d")(show)
    command(poison, "redrive", example="sluice poison redrive --host data.example.org --rate 5 --yes")(redrive)
    command(poison, "drop", example="sluice poison drop --class MalformedRequestError --yes")(drop)
    group.add_typer(poison, name="poison", no_args_is_help=True)


async def list_(  # noqa: PLR0913 - each is an option
    on: Operator,
    queue: Queue = None,
    *,
    error: Class = None,
    host: Host = None,
    dataset: Dataset = None,
    item: Item = None,
    since: Since = None,
    text: Text = None,
    limit: Limit = None,
) -> Exit:
    """Show what stands in the poison queues, and what to do about each class of error.

    The messages stay where they are, and are hidden from others for a moment: until the list is there, or for two
    minutes if it is killed.

    Exit code 1: there is poison, so that a check can look.
    """
    choice = _choice(on, queue=queue, class_=error, host=host, dataset=dataset, item=item, since=since, text=text)
    shown: list[PoisonFact] = []
    counts: Counter[str] = Counter()
    with on.output.progress("messages") as steps:

        def tell(poison: Poison) -> None:
            steps.advance()
            counts[poison.reason.error] += 1
            if on.output.is_json:
                on.output.line(poison.fact.model_dump(mode="json"))
            elif len(shown) < (limit or SHOWN):
                shown.append(poison.fact)

        more = await on.app.poison.listing.tell(choice, to=tell, limit=limit if on.output.is_json else None)
    if shown:
        on.output.out.print(poison_list(shown, at=on.app.poison.clock()))
        on.output.out.print(classes(counts))
    on.output.note(
        f"{counts.total():,} messages" + (f", {len(shown)} are shown" if shown else "") + _and_more(more=more)
    )
    return Exit.PROBLEMS if counts else Exit.GOOD


async def show(
    on: Operator, message: Annotated[str, typer.Argument(metavar="ID", help="A message's id, or its beginning.")]
) -> None:
    """Show all about one message: what it asks for, why it failed, how often, and what to do."""
    found: list[PoisonFact] = []

    def tell(poison: Poison) -> None:
        if poison.received.id.startswith(message):
            found.append(poison.fact)

    await on.app.poison.listing.tell(Choice(text=message), to=tell)
    if not found:
        raise UsageError(f"no message's id begins with {message!r} in any poison queue; sluice poison list has them")
    for each in found:
        on.output.show(each, view=whole(each))


async def redrive(  # noqa: PLR0913 - each is an option
    on: Operator,
    queue: Queue = None,
    *,
    error: Class = None,
    host: Host = None,
    dataset: Dataset = None,
    item: Item = None,
    since: Since = None,
    text: Text = None,
    limit: _Most = None,
    rate: Annotated[float | None, typer.Option(min=0.001, max=1000, help="At most so many a second.")] = None,
    kept: Annotated[
        Path | None,
        typer.Option("--from", help="Send what `poison drop` wrote into this file instead.", dir_okay=False),
    ] = None,
    yes: _Yes = False,
) -> Exit:
    """Send poison back to where it failed, the oldest first, with its attempts, delays and progress forgotten.

    Without --yes it only tells what would be sent. Sent twice is harmless: what is copied already is found to be. What
    no function could read stays, and so do messages of datasets that aren't defined: mend that, or drop them.

    Exit code 1: something stayed, or would.
    """
    choice = _choice(on, queue=queue, class_=error, host=host, dataset=dataset, item=item, since=since, text=text)
    order = Order(by=user(), dry_run=not yes, rate=rate, limit=limit)
    told = _Told(on=on)
    with _lines(kept) as source:
        tally = await on.app.poison.redriving.redrive(choice, order, tell=told.tell, kept=source)
    told.end("sent back" if yes else "would be sent back", tally, order=order)
    return Exit.PROBLEMS if tally.left else Exit.GOOD


async def drop(  # noqa: PLR0913 - each is an option
    on: Operator,
    queue: Queue = None,
    *,
    error: Class = None,
    host: Host = None,
    dataset: Dataset = None,
    item: Item = None,
    since: Since = None,
    text: Text = None,
    limit: _Most = None,
    output: Annotated[
        Path | None, typer.Option(help="Where they are written; poison-<time>.ndjson here by default.", dir_okay=False)
    ] = None,
    yes: _Yes = False,
) -> None:
    """Take poison out of its queues for good.

    Without --yes it only tells what would be dropped. Each message is on disk, whole, before it is deleted, and
    `poison redrive --from FILE` sends it back.
    """
    mending = on.app.poison
    choice = _choice(on, queue=queue, class_=error, host=host, dataset=dataset, item=item, since=since, text=text)
    order = Order(by=user(), dry_run=not yes, limit=limit)
    path = output or Path(f"poison-{mending.clock():%Y%m%dT%H%M%SZ}.ndjson")
    told = _Told(on=on)
    with DropFile(path) as file:
        tally = await mending.dropping.drop(choice, order, keep=file.keep, tell=told.tell)
    where = f", and written into {path}" if file.is_there else ""
    told.end(f"dropped{where}" if yes else "would be dropped", tally, order=order)


@dataclasses.dataclass(slots=True, kw_only=True)
class _Told:
    """What is told while it is done."""

    on: Operator
    counts: Counter[str] = dataclasses.field(default_factory=Counter[str])
    #: Why messages stay, and what is to be known of others, each once.
    remarks: dict[str, None] = dataclasses.field(default_factory=dict[str, None])

    def tell(self, poison: Poison, outcome: Outcome, why: str | None) -> None:
        """One message."""
        if outcome is not Outcome.LEFT:
            self.counts[poison.reason.error] += 1
        if remark := why or poison.note:
            self.remarks[f"{'stays' if why else 'note'}: {remark}"] = None
        if self.on.output.is_json:
            self.on.output.line(told_of(poison, outcome, why))
        else:
            self.on.output.text(f"{outcome.value} {poison.queue.poison} {poison.reason.error} {what_of(poison.fact)}")

    def end(self, done: str, tally: Tally, *, order: Order) -> None:
        """All of it."""
        note = self.on.output.note
        for remark in list(self.remarks)[:_REASONS_SHOWN]:
            note(remark)
        by_class = ", ".join(f"{count:,} {name}" for name, count in self.counts.most_common())
        note(f"{tally.done:,} {done}{f' ({by_class})' if by_class else ''}{_and_more(more=tally.more)}")
        if tally.left:
            note(f"{tally.left:,} stay{' as they are' if order.dry_run else ''}")
        if tally.lost:
            note(f"{tally.lost:,} were in somebody else's hands by then: they may be worked twice, which is harmless")
        if order.dry_run and tally.done:
            note("nothing was done: add --yes")


def _choice(on: Operator, **filters: str | None) -> Choice:
    """What is meant. Raises QueryInvalidError."""
    return Choice.of({name.removesuffix("_"): value for name, value in filters.items()}, now=on.app.poison.clock())


@contextlib.contextmanager
def _lines(path: Path | None) -> Generator[Kept | None]:
    """What was dropped into a file. Raises UsageError."""
    if path is None:
        yield None
        return
    try:
        file = path.open(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--from {path}: {error.strerror}") from error
    with file:
        yield Kept(file)


def _and_more(*, more: bool) -> str:
    return "; there may be more" if more else ""
