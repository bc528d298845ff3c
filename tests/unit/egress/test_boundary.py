"""Every error of the HTTP client and of sockets becomes one of ours at the boundary; nothing else gets out."""

import builtins
import contextlib
import socket
import ssl
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import override

import aiohttp
import pytest
from aiohttp import client_exceptions, http_exceptions
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.base_protocol import BaseProtocol
from multidict import CIMultiDict, CIMultiDictProxy
from pytest_mock import MockerFixture

from shared.egress import Egress, Reply
from shared.egress.addresses import AddressRefusedError
from shared.egress.pace import MinimumPace, Pace
from shared.model.datasets import Allowlist
from shared.model.errors import (
    SluiceError,
    SourceUnavailableError,
    TruncatedBodyError,
    UrlRefusedError,
)

_ALLOW = Allowlist(hosts=("data.example.org",))
_URL = "https://data.example.org/a"

#: Errors of the client's modules that no call of ours can meet, with those below them, and why.
_CANT_REACH_US: Mapping[type[BaseException], str] = {
    http_exceptions.HttpProcessingError: "it becomes ClientResponseError in a head, ClientPayloadError in a body",
    aiohttp.WebSocketError: "no web socket is opened",
    aiohttp.WSMessageTypeError: "no web socket is opened",
    aiohttp.EofStream: "what its iterators end by; bodies are read by readany, which returns nothing at the end",
    aiohttp.BadContentDispositionHeader: "a warning of its reader of multipart, which nothing here uses",
    aiohttp.BadContentDispositionParam: "a warning of its reader of multipart, which nothing here uses",
}


def _errors_of(*modules: ModuleType) -> Iterator[type[BaseException]]:
    """The public errors of modules, built-in ones only where they are the system's."""
    for module in modules:
        for name, each in vars(module).items():
            if isinstance(each, type) and issubclass(each, BaseException) and not name.startswith("_"):
                yield each


def _client_errors() -> set[type[BaseException]]:
    found = set(_errors_of(aiohttp, client_exceptions, http_exceptions))
    return {each for each in found if not issubclass(each, tuple(_CANT_REACH_US))}


def _system_errors() -> set[type[BaseException]]:
    found = set(_errors_of(builtins, socket, ssl))
    return {each for each in found if issubclass(each, OSError)}


_ERRORS = sorted(_client_errors() | _system_errors(), key=lambda each: each.__qualname__)


def _bare(error: type[BaseException]) -> BaseException:
    """An instance, whatever its class wants to be told."""
    return error.__new__(error)


class _Resolver(AbstractResolver):
    """Raises an error in the middle of the client's work."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        raise self._error

    @override
    async def close(self) -> None:
        """Nothing."""


def _expected(error: type[BaseException]) -> type[SluiceError]:
    if issubclass(error, aiohttp.ClientPayloadError):
        return TruncatedBodyError
    return UrlRefusedError if issubclass(error, AddressRefusedError) else SourceUnavailableError


async def _asked(error: BaseException) -> type[BaseException] | None:
    """What a request raises while the client raises this."""
    async with contextlib.aclosing(Egress(resolver=_Resolver(error))) as egress:
        try:
            async with egress.request("GET", _URL, allow=_ALLOW):
                return None
        except Exception as raised:  # noqa: BLE001 - which it is, is asked
            return type(raised)


async def test_a_request_that_fails() -> None:
    """Each error of client and system while an answer is waited for is the source's trouble, or a refused address."""
    errors = [*_ERRORS, AddressRefusedError]

    raised = {error: await _asked(_bare(error)) for error in errors}

    assert raised == {error: _expected(error) for error in errors}


async def test_a_body_that_fails(mocker: MockerFixture) -> None:
    """Each error of client and system within a body is one of ours: it ended early, or the source is in trouble."""
    raised: dict[type[BaseException], type[BaseException] | None] = {}
    for error in _ERRORS:
        content = aiohttp.StreamReader(mocker.create_autospec(BaseProtocol, instance=True), limit=1)
        content.set_exception(_bare(error))
        raised[error] = await _read(_reply(content, mocker))

    assert raised == {error: _expected(error) for error in _ERRORS}


def test_which_errors_there_are() -> None:
    """What is asked about above is found in the client itself: what a later version adds is asked about, too."""
    names = {each.__name__ for each in _ERRORS}
    expected = {
        *("ClientPayloadError", "ServerDisconnectedError", "ClientConnectorDNSError", "SocketTimeoutError"),
        *("InvalidURL", "TooManyRedirects", "ClientConnectorCertificateError", "UnixClientConnectorError"),
        *("TimeoutError", "gaierror", "herror", "ConnectionResetError", "SSLError", "SSLCertVerificationError"),
    }

    assert expected <= names


async def test_a_host_that_is_no_name() -> None:
    """A host that IDNA can't write is refused before a resolver could fail by it."""
    allow = Allowlist(hosts=("*.example.org",))
    hosts = ("a" * 64, "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 63, "xn--" + "a" * 60, "a..b", "\udcff")

    raised: list[type[BaseException]] = []
    async with contextlib.aclosing(Egress(resolver=_Resolver(UnicodeError("label too long")))) as egress:
        for host in hosts:
            with pytest.raises(SluiceError) as error:
                async with egress.request("GET", f"https://{host}.example.org/", allow=allow):
                    pass
            raised.append(type(error.value))

    assert raised == [UrlRefusedError] * len(hosts)


def _reply(content: aiohttp.StreamReader, mocker: MockerFixture) -> Reply:
    """An answer of which the client has the head, and this body."""
    response = mocker.create_autospec(aiohttp.ClientResponse, instance=True)
    headers = CIMultiDictProxy(CIMultiDict({"Content-Length": "9"}))
    response.configure_mock(content=content, headers=headers, status=200, method="GET", content_length=9, host="h")
    return Reply(response, url=_URL, pace=Pace(MinimumPace()))


async def _read(reply: Reply) -> type[BaseException] | None:
    try:
        await reply.read(9)
    except Exception as raised:  # noqa: BLE001 - which it is, is asked
        return type(raised)
    return None
