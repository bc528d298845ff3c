"""Which messages and failures are meant."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from shared.model.errors import QueryInvalidError
from shared.model.messages import Queue
from shared.poison.choosing import Choice, Traits
from tests.unit.model.builders import NOON

_TRAITS = Traits(
    dataset="s2",
    items=("s2/T32", "s2/T33"),
    hosts=("data.example.org",),
    error="AssetNotFoundError",
    failed_at=NOON,
    texts=("the body", "Answered 404"),
)


def test_every_filter_is_read() -> None:
    """By the names of addresses, bodies and options; a queue also by the name of its poison."""
    given = {
        "queue": "copy-live-poison",
        "class": "AssetNotFoundError",
        "host": "Data.Example.org",
        "dataset": "s2",
        "item": "s2/T32",
        "since": "2024-06-01T14:00:00+02:00",
        "text": "404",
    }

    choice = Choice.of(given, now=NOON)

    assert choice == Choice(
        queue=Queue.COPY_LIVE,
        error="AssetNotFoundError",
        host="data.example.org",
        dataset="s2",
        item="s2/T32",
        since=NOON,
        text="404",
    )
    assert Choice.of(choice.filters, now=NOON) == choice
    assert choice.queues == (Queue.COPY_LIVE,)


def test_no_filter_is_everything() -> None:
    """All queues, and whatever stands in them."""
    choice = Choice.of({"class": None}, now=NOON)

    assert choice == Choice()
    assert choice.queues == tuple(Queue)
    assert choice.filters == {}
    assert choice.fits(_TRAITS)


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("30m", NOON - timedelta(minutes=30)),
        ("12h", NOON - timedelta(hours=12)),
        ("10d", NOON - timedelta(days=10)),
        ("2024-05-01", datetime(2024, 5, 1, tzinfo=UTC)),
    ],
)
def test_since_a_time_or_a_while(text: str, since: datetime) -> None:
    """A time without a zone is one of UTC."""
    assert Choice.of({"since": text}, now=NOON).since == since


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("datset", "s2", "datset: there is no such filter, only queue, class, host, dataset, item, since, text"),
        ("host", " ", "host: is empty; leave it out to choose by something else"),
        ("queue", "kopie", "queue: 'kopie' is none of discover, copy, copy-live, copy-later, publish"),
        ("class", "no class", "class: 'no class' is no class of an error, as AssetNotFoundError is"),
        ("since", "soon", "since: 'soon' is no time; examples: 2024-06-01T00:00:00Z, 2024-06-01, 12h, 10d"),
        ("since", "999999d", "since: '999999d' is no time; examples: 2024-06-01T00:00:00Z, 2024-06-01, 12h, 10d"),
    ],
)
def test_what_is_no_filter_is_refused(name: str, value: str, says: str) -> None:
    """A filter that is mistyped must not mean everything; the error names it."""
    with pytest.raises(QueryInvalidError) as raised:
        Choice.of({name: value}, now=NOON)

    assert (str(raised.value), raised.value.field) == (says, name)


@pytest.mark.parametrize(
    ("choice", "fits"),
    [
        (Choice(error="AssetNotFoundError"), True),
        (Choice(error="SluiceError"), False),
        (Choice(dataset="s2"), True),
        (Choice(dataset="s"), False),
        (Choice(host="data.example.org"), True),
        (Choice(host="example.org"), False),
        (Choice(item="s2/T33"), True),
        (Choice(item="T33"), False),
        (Choice(since=NOON), True),
        (Choice(since=NOON + timedelta(seconds=1)), False),
        (Choice(text="answered"), True),
        (Choice(text="403"), False),
        (Choice(dataset="s2", text="403"), False),
    ],
)
def test_all_of_a_choice_has_to_be_true(choice: Choice, *, fits: bool) -> None:
    """Names exactly, texts within, times from then on."""
    assert choice.fits(_TRAITS) is fits


def test_what_has_no_dataset_is_of_none() -> None:
    """Junk is meant where no dataset is asked for."""
    junk = dataclasses.replace(_TRAITS, dataset=None)

    assert [each.fits(junk) for each in (Choice(), Choice(dataset="s2"))] == [True, False]
