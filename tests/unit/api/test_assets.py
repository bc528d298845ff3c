"""The address of one asset: what is asked and what is answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast, override

import pytest

from shared.api import ROUTES, Answer, Asked, Level, assets, respond
from shared.storage.ledger import Entry
from tests.fakes import MemoryLedger
from tests.unit.ledgers.world import World
from tests.unit.model.builders import asset

_ROUTE = next(each for each in ROUTES if each.name == "find_asset")
_HREF = "https://data.example.org/a/b.tif"
_ALONE = asset(item=_HREF, key=_HREF, href=_HREF, name="demo/a/b.tif")


class _SlowLedger(MemoryLedger):
    """A ledger of which not all rows can be read in time."""

    @override
    async def all_of(self, dataset: str) -> AsyncIterator[Entry]:
        await asyncio.Event().wait()
        async for each in super().all_of(dataset):
            yield each


async def _ask(world: World, body: object) -> Answer:
    async def app() -> object:
        return SimpleNamespace(ledgers=SimpleNamespace(showing=world.showing))

    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await respond(_ROUTE, cast("Any", SimpleNamespace(app=app)), Asked(method="POST", url="", body=text))


@pytest.mark.parametrize("what", [_HREF, f" {_HREF}?X-Amz-Signature=secret\n", "demo/a/b.tif"])
async def test_an_asset_by_its_names(what: str) -> None:
    """Its address, signed or not, or its blob; with all that is known of it and without a signature."""
    world = World()
    row = await world.bring(_ALONE)

    answer = await _ask(world, {"what": what})

    (found,) = json.loads(answer.body)["found"]
    assert (answer.status, found["row"]) == (200, row.model_dump(mode="json"))
    assert "secret" not in answer.body


async def test_an_asset_of_an_item() -> None:
    """One of its assets, in one dataset."""
    world = World()
    for key in ("red", "nir"):
        await world.bring(asset(key=key, name=f"demo/{key}"))

    answer = await _ask(world, {"what": "s2/T32", "key": "nir", "dataset": "demo"})

    assert [each["key"] for each in json.loads(answer.body)["found"]] == ["nir"]


async def test_nothing_is_known() -> None:
    """It is told where it was looked for."""
    answer = await _ask(World(), {"what": "no/such"})

    told = "no item and no blob is called 'no/such' in demo, other"
    assert (answer.status, json.loads(answer.body)) == (200, {"found": [], "notes": [told]})


async def test_a_dataset_that_is_unknown() -> None:
    """The answer is 404 and names it."""
    answer = await _ask(World(), {"what": "s2/T32", "dataset": "nowhere"})

    assert (answer.status, "nowhere" in json.loads(answer.body)["error"]) == (404, True)


def test_it_needs_a_key_and_a_body() -> None:
    """An address may be signed, and addresses of requests, unlike their bodies, are written into logs."""
    assert (_ROUTE.level, _ROUTE.methods) == (Level.FUNCTION, ("POST",))


@pytest.mark.parametrize(
    ("body", "field"),
    [(b"", "what"), (b"no json", "body"), ({"what": 1}, "what"), ({"what": " "}, "what"), ({"what": "a", "x": 1}, "x")],
    ids=["nothing", "no json", "a number", "blanks", "an unknown field"],
)
async def test_what_cannot_be_read(body: object, field: str) -> None:
    """The answer names the field."""
    answer = await _ask(World(), body)

    told = json.loads(answer.body)
    assert (answer.status, told["field"], told["error"].startswith(f"{field}: ")) == (400, field, True)


@pytest.mark.parametrize("what", [{"https://x.example/a?sig=secret": 1}, "https://[x?sig=secret"])
async def test_a_signature_is_not_told_back(what: object) -> None:
    """Also where what was sent can't be read."""
    answer = await _ask(World(), {"what": what})

    assert (answer.status, "secret" in answer.body) == (400, False)


async def test_there_is_an_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform cuts a request that lasts; before that the caller is told what has more time."""
    monkeypatch.setattr(assets, "_SECONDS", 0.01)
    world = World()
    world.ledger = _SlowLedger()

    answer = await _ask(world, {"what": _HREF})

    assert (answer.status, "`sluice ledger show`" in json.loads(answer.body)["error"]) == (504, True)
