"""Poison and failures as they are drawn: a row each, the classes with what to do, and all about one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shared.model.errors import advice_of
from shared.model.rows import Failure
from shared.poison import PoisonFact
from shared.redaction import cut, redacted
from sluice.status_view import lasting

#: Of an id, which is 36 characters long: enough to tell messages apart, and to ask for one.
ID_LENGTH = 8
_TEXT_LENGTH = 400


def poison_list(facts: Sequence[PoisonFact], *, at: datetime) -> RenderableType:
    """Two lines each; what doesn't fit is cut, and --json has all of it."""
    rows = [
        (each.id[:ID_LENGTH], lasting(at - each.failed_at), each.queue, each.error, each.dataset or "")
        for each in facts
    ]
    below = [_below(what_of(each), each.assets[0].host if each.assets else "", each.message) for each in facts]
    return _list(("id", "since", "queue", "class", "dataset"), rows, below=below)


def failure_list(failures: Sequence[Failure], *, at: datetime) -> RenderableType:
    """Two lines each, as ``poison_list``."""
    rows = [(lasting(at - each.last_at), str(each.attempts), each.error, each.dataset) for each in failures]
    below = [_below(_named(each.item, each.key), each.host, each.message) for each in failures]
    return _list(("since", "times", "class", "dataset"), rows, below=below)


def classes(counts: Counter[str]) -> RenderableType:
    """How many of each class there are, the most frequent first, and what to do."""
    lines: list[Text] = []
    for name, count in counts.most_common():
        lines += [Text(f"{count:,} {name}", style="bold"), Text(f"  {advice_of(name)}")]
    return Group(*lines)


def what_of(fact: PoisonFact) -> str:
    """What a message is about, in a few words."""
    if fact.assets:
        first, more = fact.assets[0], len(fact.assets) - 1
        return _named(first.item, first.key) + (f" and {more} more" if more else "")
    if fact.kind == "page":
        return f"page of {fact.cause}"
    return fact.items[0] if fact.items else cut(fact.body, _TEXT_LENGTH)


def whole(fact: PoisonFact) -> RenderableType:
    """All about one message."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in _told(fact):
        table.add_row(Text(name, style="bold"), _plain(value))
    assets = [Text("\n".join(lines)) for lines in map(_asset_lines, [fact] if fact.assets else [])]
    return Group(table, *assets, Text(), Text(fact.body))


def _told(fact: PoisonFact) -> Iterable[tuple[str, str]]:
    yield "message", f"{fact.id} in {fact.queue}"
    yield "asks for", f"{fact.kind or 'nothing that its queue carries'}"
    if fact.dataset:
        yield "dataset", fact.dataset
    if fact.cause:
        yield "asked by", fact.cause
    yield "failed", f"{fact.failed_at.isoformat()} {fact.error}"
    yield "because", fact.message
    yield "what to do", fact.advice
    if fact.note:
        yield "note", fact.note
    yield "put there", fact.inserted_at.isoformat()
    yield "expires", fact.expires_at.isoformat() if fact.expires_at else "never"
    yield "received", f"{fact.deliveries} times, by lists like this one too"


def _asset_lines(fact: PoisonFact) -> Iterable[str]:
    for each in fact.assets:
        yield ""
        yield f"{_named(each.item, each.key)}: {each.href}"
        yield f"  to {each.name}"
        if each.copied_at:
            yield f"  copied since, at {each.copied_at.isoformat()}: there is nothing left to do"
        if each.error and each.first_at and each.last_at:
            span = f"first {each.first_at.isoformat()}, last {each.last_at.isoformat()}"
            yield f"  failed {each.attempts} times, {span}: {each.error}: {each.message}"


def _named(item: str, key: str) -> str:
    return redacted(item if item == key else f"{item} {key}")


def _below(what: str, host: str, message: str) -> str:
    return f"{what}{f' ({host})' if host else ''}: {message}"


def _list(names: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, below: Sequence[str]) -> RenderableType:
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]

    def line(row: tuple[str, ...]) -> str:
        return "  ".join(each.ljust(width) for each, width in zip(row, widths, strict=True)).rstrip()

    lines = [Text(line(names), style="bold")]
    for row, text in zip(rows, below, strict=True):
        lines += [Text(line(row)), Text(f"    {cut(text, _TEXT_LENGTH)}", style="dim")]
    for each in lines:
        each.no_wrap, each.overflow = True, "ellipsis"
    return Group(*lines)


def _plain(text: str) -> Text:
    """A text that is no markup, with neither colours nor lines of its own."""
    return Text(text)
