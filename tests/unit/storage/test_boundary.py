"""Every error of the storage SDKs, and of the client below them, is ours when it leaves an adapter."""

import builtins
import inspect
import socket
import ssl
from collections.abc import Awaitable, Iterator, Mapping
from types import FunctionType, ModuleType, TracebackType
from typing import Any, Self

import aiohttp
import azure.core.exceptions
import azure.data.tables
import azure.data.tables.aio
import azure.identity
import azure.identity.aio
import azure.storage.blob
import azure.storage.blob.aio
import azure.storage.queue
import azure.storage.queue.aio
import pytest
from aiohttp import client_exceptions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DeserializationError,
    HttpResponseError,
    SerializationError,
)
from azure.core.pipeline.transport import AioHttpTransport
from pytest_mock import MockerFixture

from shared.model.errors import SluiceError, SourceRefusedError, SourceUnavailableError, StorageFailedError
from shared.storage.accounts import Account
from shared.storage.identity import Identity
from tests.unit.storage.adapters import CALLS, Call
from tests.unit.storage.conftest import Answer, Service

#: Errors that no call of ours can meet, and why.
_CANT_REACH_US: Mapping[type[BaseException], str] = {
    SerializationError: "it tells of arguments that a request can't be made of: a mistake of ours",
    azure.core.exceptions.ODataV4Error: "raised by clients of ARM and Graph, which none of these is",
    azure.storage.blob.PartialBatchErrorException: "raised by batches of blobs, which nothing here sends",
    azure.data.tables.TableTransactionError: "raised by the SDK's transactions; ours are calls of our own",
    azure.data.tables.RequestTooLargeError: "raised by the SDK's transactions; ours are calls of our own",
    aiohttp.WSMessageTypeError: "no web socket is opened",
}

_SDKS = (
    *(azure.core.exceptions, azure.identity, azure.identity.aio, azure.data.tables, azure.data.tables.aio),
    *(azure.storage.blob, azure.storage.blob.aio, azure.storage.queue, azure.storage.queue.aio),
)


def _errors_of(*modules: ModuleType) -> Iterator[type[BaseException]]:
    for module in modules:
        for name, each in vars(module).items():
            if isinstance(each, type) and issubclass(each, BaseException) and not name.startswith("_"):
                yield each


def _found(*modules: ModuleType, below: type[BaseException] = BaseException) -> list[type[BaseException]]:
    """The public errors of modules that can reach us."""
    found = {each for each in _errors_of(*modules) if issubclass(each, below)} - {*_CANT_REACH_US}
    return sorted(found, key=lambda each: each.__qualname__)


_OF_SDKS = _found(*_SDKS)
_OF_CLIENT = _found(client_exceptions)
_OF_SYSTEM = _found(builtins, socket, ssl, below=OSError)


def _made(error: type[BaseException], mocker: MockerFixture) -> BaseException:
    """An instance, made of stand-ins for whatever its class wants to be told."""
    if not isinstance(error.__init__, FunctionType):
        return error("failed")
    _, *told = inspect.signature(error.__init__).parameters.values()
    wanted = [each for each in told if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD]
    return error(*(mocker.MagicMock() for _ in wanted))


async def _raised(call: Awaitable[object]) -> type[BaseException] | None:
    try:
        await call
    except Exception as error:  # noqa: BLE001 - which it is, is asked
        return type(error)
    return None


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_errors_of_the_sdks(account: Account, mocker: MockerFixture, call: Call) -> None:
    """Each public error of the SDKs becomes StorageFailedError, wherever below an adapter it is raised."""
    send = mocker.patch.object(AioHttpTransport, "send")
    raised: dict[type[BaseException], type[BaseException] | None] = {}
    for error in [*_OF_SDKS, *_OF_SYSTEM]:
        send.side_effect = _made(error, mocker)
        raised[error] = await _raised(call(account))

    assert raised == dict.fromkeys([*_OF_SDKS, *_OF_SYSTEM], StorageFailedError)


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_errors_of_the_client(account: Account, mocker: MockerFixture, call: Call) -> None:
    """Each error of the HTTP client below the SDKs becomes StorageFailedError, too."""
    request = mocker.patch.object(aiohttp.ClientSession, "request")
    raised: dict[type[BaseException], type[BaseException] | None] = {}
    for error in _OF_CLIENT:
        request.side_effect = _made(error, mocker)
        raised[error] = await _raised(call(account))

    assert raised == dict.fromkeys(_OF_CLIENT, StorageFailedError)


async def test_errors_of_the_identity(mocker: MockerFixture) -> None:
    """Who gives no token refuses; who can't be asked for one is unavailable."""
    errors = [each for each in (*_OF_SDKS, *_OF_SYSTEM) if issubclass(each, AzureError | OSError)]
    raised: dict[type[BaseException], type[BaseException] | None] = {}
    for error in errors:
        credential = _Credential(_made(error, mocker))
        raised[error] = await _raised(Identity(lambda given=credential: given).storage_token())

    assert raised == {each: _of_identity(each) for each in errors}


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("look at a blob", Answer(status=200, headers={"Last-Modified": "yesterday"})),
        ("look at a blob", Answer(status=200, body="<html>", headers={"Content-Type": "text/html"})),
        ("put a blob", Answer(status=201, headers={"ETag": '"1"', "Last-Modified": "yesterday"})),
        ("put a blob", Answer(status=302, headers={"ETag": '"1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"})),
        ("stage a block", Answer(status=307, headers={"Location": "https://login.example.org/"})),
        ("send a message", Answer(status=201)),
        ("peek at messages", Answer(status=200, body="<html>", headers={"Content-Type": "text/html"})),
        ("read an entity", Answer(status=200, body="<html>", headers={"Content-Type": "text/html"})),
        ("read a ledger row", Answer(status=200, body="<html>")),
        ("read a ledger row", Answer(status=200, body="[]")),
        ("read ledger rows", Answer(status=200, body="[]")),
        ("read ledger rows", Answer(status=200, body="{}")),
    ],
)
async def test_answers_that_are_none_of_the_service(
    account: Account, service: Service, call: str, answer: Answer
) -> None:
    """What a gateway on the way answers is a failure of storage: nothing was read, and nothing written."""
    service.answers = [answer]

    assert await _raised(CALLS[call](account)) is StorageFailedError


def test_which_errors_there_are() -> None:
    """What is asked about above is found in the libraries: what a later version adds is asked about, too."""
    assert {AzureError, HttpResponseError, ClientAuthenticationError, DeserializationError} < {*_OF_SDKS}
    assert {aiohttp.ClientPayloadError, aiohttp.SocketTimeoutError, aiohttp.ServerDisconnectedError} < {*_OF_CLIENT}
    assert {OSError, TimeoutError, ConnectionResetError, socket.gaierror, ssl.SSLEOFError} < {*_OF_SYSTEM}


def _of_identity(error: type[BaseException]) -> type[SluiceError]:
    return SourceRefusedError if issubclass(error, ClientAuthenticationError) else SourceUnavailableError


class _Credential:
    """Raises an error instead of giving a token."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def get_token(self, *_: str, **__: Any) -> Any:
        """See ``AsyncTokenCredential``."""
        raise self._error

    async def close(self) -> None:
        """Nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing."""
