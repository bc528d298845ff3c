"""Each rule is found to be broken where it is, and not where it isn't."""

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from shared.model.assets import Asset
from shared.model.messages import CopyRequest, PageRequest, Queue, Reason
from shared.model.rows import LedgerRow, Run, RunState, Watermark
from shared.model.windows import TimeProperty
from shared.storage.blobs import BlobPath, Content
from shared.storage.ledger import Write
from tests.simulation.account import Account
from tests.simulation.checker import Checker
from tests.simulation.effects import Invocation, current
from tests.simulation.messages import Message, MessageStore
from tests.simulation.scenario import CONTAINER, DATASET, SECRET, START, Rates, chosen
from tests.simulation.small import Picks

_REASON = Reason(error="AssetNotFoundError", message="404", at=START)


class _World:
    """Two pages of one item with one file each, and somebody who checks."""

    def __init__(self, rates: Rates = Rates(crash=0.1)) -> None:  # noqa: B008 - it is frozen
        picked = chosen(Picks({"items": [1], "page_size": [1], "size": [4, 4]}))
        self.scenario = dataclasses.replace(picked, rates=rates)
        self.account = Account(messages=MessageStore(lambda: 0.0, sent=self._sent, removed=self._removed))
        self.checker = Checker(self.scenario, self.account, now=lambda: 0.0)
        self.account.watched(self.checker)
        self.first, self.second = self.scenario.files.values()

    @property
    def broken(self) -> list[str]:
        """The rules that were found to be broken."""
        return [each.rule for each in self.checker.violations]

    def request(self, number: int = 0, **values: Any) -> CopyRequest:
        """A request for one of the files."""
        file = (self.first, self.second)[number]
        asset = Asset(item=file.item, key=file.key, href=file.href, name=file.blob, size=len(file.bodies[0]))
        given = {"dataset": DATASET, "cause": "run", "asked_at": START, "assets": (asset,)}
        return CopyRequest.model_validate({**given, **values})

    def send(self, request: CopyRequest | PageRequest, queue: str | None = None) -> Message:
        """Send a message, by default to its own queue."""
        own = Queue.COPY if isinstance(request, CopyRequest) else Queue.DISCOVER
        return self.account.messages.send(queue or own, request.encode())

    def delete(self, message: Message) -> None:
        """Delete a message."""
        assert self.account.messages.delete(message, message.receipt)

    def page(self, **values: Any) -> PageRequest:
        """A page of the run."""
        return PageRequest.model_validate({"dataset": DATASET, "run": "run", **values})

    def put(self, body: bytes | None = None, **metadata: str) -> str:
        """Write the first file's blob; returns its ETag."""
        content = Content(md5=None, media_type="a/b", metadata=metadata)
        path = BlobPath(container=CONTAINER, name=self.first.blob)
        there = self.account.blobs.blobs.get(path)
        body = self.first.bodies[0] if body is None else body
        put = self.account.blobs.put(path, (body,), content=content, replaces=there.etag if there else None)
        return asyncio.run(put).etag

    def stage(self, body: bytes, *, block_id: str = "x" * 64) -> None:
        """Stage a block of it."""
        path = BlobPath(container=CONTAINER, name=self.first.blob)
        asyncio.run(self.account.blobs.stage(path, (body,), block_id=block_id))

    def record(self, etag: str, **values: Any) -> None:
        """Write the first file's row."""
        asset, body = self.request().assets[0], self.first.bodies[0]
        given = {
            "dataset": DATASET,
            "item": asset.item,
            "key": asset.key,
            "href": asset.href,
            "container": CONTAINER,
            "blob": asset.name,
            "etag": etag,
            "length": len(body),
            "digests": (f"sha256:{hashlib.sha256(body).hexdigest()}",),
            "verified_by": "nothing",
            "description": asset.description,
            "described_at": START,
            "cause": "run",
            "completed_at": START,
        }
        row = LedgerRow.model_validate({**given, **values})
        there = self.account.ledger.entries.get((DATASET, asset.identity))
        asyncio.run(self.account.ledger.transact([Write(row=row, replaces=there.etag if there else None)]))

    def save(self, **values: Any) -> None:
        """Save the run."""
        given = {"dataset": DATASET, "run": "run", "trigger": "request", "began_at": START, "progress_at": START}
        there = self.account.runs.newest_runs.get(DATASET)
        run = Run.model_validate({**given, **values})
        asyncio.run(self.account.runs.save(run, replaces=there.etag if there else None))

    def _sent(self, message: Message) -> None:
        self.checker.message_sent(message)

    def _removed(self, message: Message) -> None:
        self.checker.message_removed(message)


@pytest.fixture
def world() -> _World:
    return _World()


def _within(invocation: Invocation, do: Callable[[], object]) -> None:
    token = current.set(invocation)
    try:
        do()
    finally:
        current.reset(token)


def test_a_request_that_is_done_may_go(world: _World) -> None:
    """Blob, row, acknowledgement: no rule is broken."""
    message = world.send(world.request())
    world.record(world.put())
    world.delete(message)

    assert world.broken == []


def test_a_request_that_goes_away_undone_is_a_loss(world: _World) -> None:
    """S1: its asset is in no queue and not in the ledger."""
    world.delete(world.send(world.request()))

    assert world.broken == ["S1"]


@pytest.mark.parametrize("queue", [Queue.COPY_LATER.value, Queue.COPY.poison])
def test_a_request_may_go_on_as_another(world: _World, queue: str) -> None:
    """A copy in a lane or a poison queue carries the asset; it has to go somewhere, too."""
    message = world.send(world.request())
    other = world.send(world.request(reason=_REASON), queue)
    world.delete(message)
    assert world.broken == []

    world.delete(other)

    assert world.broken == ["S1"]


def test_an_older_row_does_not_cover_a_newer_request(world: _World) -> None:
    """S1: what was asked for since, described anew, isn't there; where it is older than the row, it is."""
    world.record(world.put(), description="another", cause="before")
    world.delete(world.send(world.request(asked_at=START - timedelta(hours=1))))
    assert world.broken == []

    world.delete(world.send(world.request()))

    assert world.broken == ["S1"]


def test_bytes_that_were_never_served(world: _World) -> None:
    """S2: half a file is no file."""
    world.put(world.first.bodies[0][:-1])

    assert world.broken == ["S2"]


@pytest.mark.parametrize("values", [{"etag": "other"}, {"length": 1}, {"digests": ("sha256:00",)}, {"digests": ()}])
def test_a_row_that_lies(world: _World, values: dict[str, Any]) -> None:
    """S3: a blob that never stood there, or was another one; or a row that says nothing of it."""
    etag = world.put()

    world.record(**{"etag": etag, **values})

    assert world.broken == ["S3"]


def test_a_row_may_name_a_blob_that_was_replaced(world: _World) -> None:
    """Somebody else can have replaced it between the look and the row."""
    etag = world.put()
    world.put()

    world.record(etag)

    assert world.broken == []


def test_a_page_before_whose_assets_are_asked_for(world: _World) -> None:
    """S5: the next page is asked for after all copy requests of the one before."""
    world.send(world.page(page=1))

    assert world.broken == ["S5"]


def test_a_page_after_whose_assets_were_asked_for(world: _World) -> None:
    """In the right order, all is well."""
    world.send(world.request())
    world.send(world.page(page=1))

    assert world.broken == []


def test_a_run_that_goes_on_without_a_page(world: _World) -> None:
    """S5: the last page message of a running run goes away, and nothing follows."""
    world.save()
    message = world.send(world.page())
    following = world.send(world.page())
    world.delete(message)
    assert world.broken == []

    world.delete(following)

    assert world.broken == ["S5"]


def test_a_run_that_is_over_needs_no_page(world: _World) -> None:
    """Its pages may go."""
    message = world.send(world.page())
    world.save(state=RunState.FAILED)

    world.delete(message)

    assert world.broken == []


@pytest.mark.parametrize(
    "what",
    ["put", "stage", "open"],
)
def test_finished_work_is_left_alone(world: _World, what: str) -> None:
    """S6: once the ledger has said that all is there, nothing is read and nothing is written."""
    world.record(world.put())
    request = world.request()
    entries = {identity: entry for (_, identity), entry in world.account.ledger.entries.items()}
    other = Invocation(function="copy", body=world.request(cause="another").encode())
    mine = Invocation(function="copy", body=request.encode())
    for each in (other, mine):
        world.checker.ledger_answered(each, entries)

    do: Mapping[str, Callable[[], object]] = {
        "put": world.put,
        "stage": lambda: world.stage(b"x"),
        "open": world.checker.source_opened,
    }
    _within(other, do[what])
    assert world.broken == []
    _within(mine, do[what])

    assert world.broken == ["S6"]


def test_one_id_for_two_blocks(world: _World) -> None:
    """S7: equal ids mean equal bytes, and all have one length."""
    world.stage(b"one")
    world.stage(b"one")
    assert world.broken == []

    world.stage(b"two")
    world.account.blobs.blocks.clear()
    world.stage(b"one", block_id="short")

    assert world.broken == ["S7", "S7"]


def test_poison_that_says_nothing(world: _World) -> None:
    """S14: what the pipeline puts aside has a reason, and a failure written down; what the host does has neither."""
    world.send(world.request(), Queue.COPY.poison)
    assert world.broken == []

    _within(Invocation(function="copy"), lambda: world.send(world.request(), Queue.COPY.poison))

    assert world.broken == ["S14", "S14"]


def test_poison_where_nothing_but_a_host_was_in_trouble() -> None:
    """L2: what passes by itself is no reason to give up."""
    world = _World(Rates(throttled=0.1, unavailable=0.1))

    world.send(world.request(reason=_REASON), Queue.COPY.poison)

    assert world.broken == ["L2"]


@pytest.mark.parametrize(
    ("counted", "asked", "broken"), [(0, 0, []), (36, 0, ["S15"]), (None, 0, ["S15"]), (0, 48, ["S15"])]
)
def test_a_backlog_without_a_bound(world: _World, counted: int | None, asked: int, broken: list[str]) -> None:
    """S15: a page asks only below the mark that it was told, and for so many at most."""
    assert (world.scenario.saturation, world.scenario.capacity) == (1.5, 24)
    invocation = Invocation(function="discover", counted=counted, asked=asked)

    _within(invocation, lambda: world.send(world.request()))

    assert world.broken == broken


@pytest.mark.parametrize("number", [0, 1])
def test_a_run_that_is_complete_without_all(world: _World, number: int) -> None:
    """S16, and the watermark's rule: both come after everything was asked for."""
    watermark = Watermark(dataset=DATASET, by=TimeProperty.UPDATED, at=START, run="run")
    world.send(world.request(number))

    world.save(state=RunState.COMPLETE)
    asyncio.run(world.account.watermarks.save(watermark, replaces=None))

    assert world.broken == ["S16", "rule 12"]


def test_a_run_that_is_complete(world: _World) -> None:
    """With all asked for, no rule is broken."""
    world.send(world.request(0))
    world.send(world.request(1))

    world.save(state=RunState.COMPLETE)

    assert world.broken == []


def test_a_secret_that_rests(world: _World) -> None:
    """S19: in a message, in metadata, in a row."""
    message = world.account.messages.send(
        Queue.COPY, json.dumps({**json.loads(world.request().encode()), "cause": SECRET})
    )
    etag = world.put(href=f"https://data.example.org/a?sig={SECRET}")
    world.record(etag, href=f"https://data.example.org/a?sig={SECRET}", cause=SECRET)
    world.delete(message)

    assert world.broken == ["S19"] * 3


def test_violations_read_well(world: _World) -> None:
    """Rule, time, and what."""
    world.put(b"nothing")

    (violation,) = world.checker.violations
    assert str(violation) == "S2: at 0.000 s: c/i0/k0 has 7 bytes that no source ever served as a whole"
    assert dataclasses.asdict(violation)["rule"] == "S2"


def test_finished_work_is_what_the_first_answer_says(world: _World) -> None:
    """Who was told first that something is left may have replaced since what the row of another one stands for."""
    etag = world.put()
    invocation = Invocation(function="copy", body=world.request().encode())
    world.checker.ledger_answered(invocation, {})
    world.record(etag)
    entries = {identity: entry for (_, identity), entry in world.account.ledger.entries.items()}
    world.checker.ledger_answered(invocation, entries)

    _within(invocation, world.put)

    assert world.broken == []
