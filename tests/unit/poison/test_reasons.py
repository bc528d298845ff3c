"""Why a message that the runtime poisoned stands there."""

from datetime import timedelta

import pytest

from shared.model.messages import MAX_MESSAGE_BYTES, CopyRequest, PageRequest, Queue, Reason
from shared.model.rows import Run, RunState
from shared.redaction import cut
from shared.storage.mailbox import Received, encoded
from tests.fakes.mailbox import WEEK
from tests.unit.model.builders import NOON, asset, copy_request
from tests.unit.poison.preserve_world import HOUR, POISON, World, assets_of_one_item

#: When the runtime poisons, here.
_POISONED_AT = NOON + HOUR
_NEVER_STARTED = Reason(
    error="NeverStarted",
    message="no attempt at it left a failure: its worker died each time, or the app couldn't start",
    at=_POISONED_AT,
)
_PAGE = PageRequest(dataset="s2", run="run-1", page=3)
_RUN = Run(
    dataset="s2",
    run="run-1",
    trigger="request",
    state=RunState.FAILED,
    began_at=NOON,
    progress_at=NOON,
    ended_at=NOON + HOUR / 2,
    reason="SourceUnavailableError: no answer; page 3 failed 5 times",
)


async def test_the_last_failure_of_its_asset() -> None:
    """Class, text and time of the row."""
    world = World()
    row = await world.failed()

    found = await _reason(world, copy_request())

    assert found == Reason(error=row.error, message=row.message, at=row.last_at)


async def test_no_failure_at_all() -> None:
    """A request that left nothing behind was never started: told by its class, and dated by the runtime's move."""
    assert await _reason(World(), copy_request()) == _NEVER_STARTED


async def test_the_first_asset_that_failed() -> None:
    """Of several assets the reason names the first that has a row, in the request's own order."""
    world = World()
    for key in ("B04", "B03"):
        await world.failed(key=key, message=f"{key} is broken")

    found = await _reason(world, assets_of_one_item("B02", "B03", "B04"))

    assert found == Reason(error="TruncatedBodyError", message="B03: B03 is broken", at=NOON + HOUR / 2)


async def test_a_failure_from_before() -> None:
    """A row that is older than the request is another's, which was asked for earlier."""
    world = World()
    await world.failed(last_at=NOON - HOUR)

    assert await _reason(world, copy_request()) == _NEVER_STARTED


async def test_a_failure_that_is_over() -> None:
    """An asset that was copied since didn't fail: its row is waiting to be swept."""
    world = World()
    await world.failed()
    await world.copied(completed_at=NOON + HOUR * 0.75)

    assert await _reason(world, copy_request()) == _NEVER_STARTED


async def test_a_failure_after_a_copy() -> None:
    """An asset that was there already and fails now has failed."""
    world = World()
    row = await world.failed()
    await world.copied(completed_at=NOON)

    found = await _reason(world, copy_request())

    assert found is not None
    assert found.error == row.error


async def test_a_request_with_a_reason() -> None:
    """One that says already why it is there says nothing else afterwards."""
    world = World()
    await world.failed()
    reason = Reason(error="AssetNotFoundError", message="404", at=NOON)
    request = copy_request().model_copy(update={"reason": reason})

    explained = await world.reasons.explained(_received(request.encode()), queue=Queue.COPY)

    assert (explained.text, explained.request) == (encoded(request.encode()), request)


@pytest.mark.parametrize(
    "text",
    ["not base64 !!", "", encoded("junk"), encoded("{}"), "/w==", encoded(_PAGE.encode())],
    ids=["no-base64", "empty", "no-json", "no-request", "no-utf-8", "another-queue's"],
)
async def test_what_isnt_ours(text: str) -> None:
    """Goes as it came."""
    explained = await World().reasons.explained(_as_it_is(text), queue=Queue.COPY)

    assert (explained.text, explained.request) == (text, None)


async def test_base64_with_white_space() -> None:
    """The host decodes it, so it is a request."""
    text = "\n".join(encoded(copy_request().encode()).partition("J"))

    explained = await World().reasons.explained(_as_it_is(text), queue=Queue.COPY)

    assert explained.request == copy_request().model_copy(update={"reason": _NEVER_STARTED})


async def test_a_reason_is_cut() -> None:
    """The longest request and the longest failure fit into a message together."""
    world = World()
    await world.failed(message="ü" * 4096)

    found = await _reason(world, copy_request())

    assert found is not None
    assert found.message == cut("ü" * 4096, 1900)


@pytest.mark.parametrize(("spare", "is_explained"), [(3000, True), (300, True), (10, False)])
async def test_a_reason_has_to_fit(*, spare: int, is_explained: bool) -> None:
    """In a body that is larger than ours are, it is cut further; where nothing of it fits, the body stays as it is."""
    world = World()
    await world.failed(message="ü" * 4096)
    request = _of_size(MAX_MESSAGE_BYTES - spare)

    explained = await world.reasons.explained(_received(request.encode()), queue=Queue.COPY)

    assert explained.request is not None
    assert (explained.request.reason is not None) is is_explained
    assert explained.text == encoded(explained.request.encode())
    assert len(explained.text) <= 64 * 1024
    assert explained.request.model_copy(update={"reason": None}) == request


async def test_a_page_has_its_runs_reason() -> None:
    """Why the run failed is why its page did, and since when."""
    world = World()
    await world.runs.save(_RUN, replaces=None)

    found = await _page_reason(world)

    message = "no answer; page 3 failed 5 times"
    assert found == Reason(error="SourceUnavailableError", message=message, at=NOON + HOUR / 2)


@pytest.mark.parametrize("reason", ["broken: all of it is", "all broken"])
async def test_a_runs_reason_without_a_class(reason: str) -> None:
    """It is told whole."""
    world = World()
    await world.runs.save(_RUN.model_copy(update={"reason": f"it's {reason}"}), replaces=None)

    found = await _page_reason(world)

    assert found == Reason(error="RunFailed", message=f"it's {reason}", at=NOON + HOUR / 2)


@pytest.mark.parametrize("values", [{"run": "run-2"}, {"reason": None}], ids=["another-run", "no-reason"])
async def test_a_page_without_a_reason(values: dict[str, str | None]) -> None:
    """A page of a run that went on, or of another run than the newest, was never started as far as anybody knows."""
    world = World()
    await world.runs.save(_RUN.model_copy(update=values), replaces=None)

    assert await _page_reason(world) == _NEVER_STARTED


async def test_a_page_of_no_run() -> None:
    """Nor is there a reason where nobody knows the dataset's runs."""
    assert await _page_reason(World()) == _NEVER_STARTED


async def _reason(world: World, request: CopyRequest) -> Reason | None:
    explained = await world.reasons.explained(_received(request.encode()), queue=Queue.COPY)
    assert explained.request is not None
    assert explained.text == encoded(explained.request.encode())
    return explained.request.reason


async def _page_reason(world: World) -> Reason | None:
    explained = await world.reasons.explained(_received(_PAGE.encode()), queue=Queue.DISCOVER)
    assert explained.request is not None
    assert explained.request.model_copy(update={"reason": None}) == _PAGE
    return explained.request.reason


def _received(body: str) -> Received:
    return _as_it_is(encoded(body))


def _as_it_is(text: str) -> Received:
    return Received(
        queue=POISON,
        id="message-1",
        receipt="receipt-1",
        text=text,
        inserted_at=_POISONED_AT,
        expires_at=_POISONED_AT + WEEK,
        next_visible_at=_POISONED_AT + timedelta(minutes=1),
        deliveries=1,
    )


def _of_size(size: int) -> CopyRequest:
    """A request whose body has so many bytes."""
    some = [asset(key=f"B{number:02}", name="s2/x") for number in range(20)]
    small = len(copy_request(*some).encode())
    more, first = divmod(size - small, len(some))
    longer = [each.model_copy(update={"href": each.href + "x" * more}) for each in some]
    longer[0] = longer[0].model_copy(update={"href": longer[0].href + "x" * first})
    request = copy_request(*longer)
    assert len(request.encode()) == size
    return request
