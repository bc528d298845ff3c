import asyncio

import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from pytest_mock import MockerFixture

from shared.model.errors import StorageFailedError
from shared.storage.answers import each_of, translated


def http_error(mocker: MockerFixture, status: int, code: str | None) -> HttpResponseError:
    """An error as the storage SDKs raise it for an answer."""
    error = HttpResponseError(
        "Server failed. Authorization: SharedKey secret",
        response=mocker.Mock(status_code=status, reason="Failed", headers={"x-ms-request-id": "id-1"}),
    )
    error.error_code = code  # pyright: ignore[reportAttributeAccessIssue] - as the SDKs do
    return error


def stumble_over(error: HttpResponseError) -> None:
    """As azure-data-tables does where no answer came with an error."""
    try:
        raise error
    except HttpResponseError as caught:
        raise AttributeError(f"{caught.response!r} has no attribute 'headers'")  # noqa: B904 - as it does


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [(500, "InternalError", "500 InternalError"), (503, "ServerBusy", "503 ServerBusy"), (502, None, "502")],
)
def test_an_error_answer_is_translated_without_its_text(
    mocker: MockerFixture, status: int, code: str | None, said: str
) -> None:
    """Status and code are said; the text, which can quote a request's headers, stays with the cause."""
    error = http_error(mocker, status, code)

    with pytest.raises(StorageFailedError) as raised, translated("queue copy: send"):
        raise error

    assert str(raised.value) == f"queue copy: send: {said}"
    assert raised.value.__cause__ is error


def test_an_error_answer_keeps_what_the_service_calls_the_request(mocker: MockerFixture) -> None:
    """The service's own log can be asked for it."""
    with pytest.raises(StorageFailedError) as raised, translated("queue copy: send"):
        raise http_error(mocker, 500, "InternalError")

    assert raised.value.request_id == "id-1"


def test_no_answer_has_no_name_of_a_request() -> None:
    """Nobody has given it one."""
    with pytest.raises(StorageFailedError) as raised, translated("queue copy: send"):
        raise HttpResponseError("no answer")

    assert raised.value.request_id is None


@pytest.mark.parametrize(
    "error",
    [
        ServiceRequestError("no connection"),
        ServiceResponseError("no answer"),
        ServiceResponseTimeoutError("no answer in time"),
        ClientAuthenticationError("no token"),
        IncompleteReadError("half a body"),
        AzureError("anything"),
        TimeoutError("aiohttp's"),
        ConnectionResetError("the socket's"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_without_an_answer_is_translated_by_its_class(error: Exception) -> None:
    """Connections, time-outs, tokens: each becomes StorageFailedError and keeps its cause."""
    with pytest.raises(StorageFailedError) as raised, translated("blob a: put"):
        raise error

    assert str(raised.value) == f"blob a: put: {type(error).__name__}"
    assert raised.value.__cause__ is error


def test_an_error_that_the_sdk_stumbles_over_is_translated() -> None:
    """What the SDK was told is the cause, not how it failed over it."""
    cause = ClientAuthenticationError("no token")

    with pytest.raises(StorageFailedError) as raised, translated("table runs: write"):
        stumble_over(cause)

    assert str(raised.value) == "table runs: write: ClientAuthenticationError"
    assert raised.value.__cause__ is cause


@pytest.mark.parametrize("error", [ValueError("a mistake"), AttributeError("a mistake"), asyncio.CancelledError()])
def test_what_is_not_the_services_passes(error: BaseException) -> None:
    """Mistakes and cancellation are no failures of storage."""
    with pytest.raises(type(error)) as raised, translated("blob a: put"):
        raise error

    assert raised.value is error


async def test_answers_come_in_the_order_of_the_questions() -> None:
    """More questions than are asked at once, and the slow ones first."""
    turns = iter(range(1000))

    async def ask(thing: int) -> tuple[int, int]:
        await asyncio.sleep(0)
        return thing, next(turns)

    answers = await each_of(range(40), ask)

    assert [thing for thing, _ in answers] == list(range(40))


async def test_only_some_are_asked_at_once() -> None:
    """Concurrency has a bound, whatever the number of questions."""
    running = 0
    most = 0

    async def ask(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    await each_of(range(100), ask)

    assert most == 16


async def test_the_first_error_comes_alone_with_its_cause() -> None:
    """No exception group escapes: its one fate is the error's."""

    async def ask(thing: int) -> int:
        with translated("read"):
            if thing % 2:
                raise ServiceRequestError("no connection")
        return thing

    with pytest.raises(StorageFailedError) as raised:
        await each_of(range(5), ask)

    assert isinstance(raised.value.__cause__, ServiceRequestError)
