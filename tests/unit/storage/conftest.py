"""A storage service of our own on loopback, which answers as a test asks it to."""

import dataclasses
import random
from collections.abc import AsyncGenerator, Mapping

import pytest
from aiohttp import web
from pytest_mock import MockerFixture

from shared.model.settings import Settings
from shared.storage.accounts import Account, open_account

#: An answer that never comes: the connection breaks.
DROPPED = 0

_KEY = "c2VjcmV0"
_WRITTEN = {"ETag": '"1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT", "x-ms-request-id": "1"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of which more than its status matters."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])


@dataclasses.dataclass(kw_only=True)
class Service:
    """What a server is to answer (a status, or nothing at all), and what it was sent."""

    connection_string: str = ""
    answers: list[int | Answer] = dataclasses.field(default_factory=list[int | Answer])
    #: Method, path and query as they were sent.
    requests: list[tuple[str, str]] = dataclasses.field(default_factory=list[tuple[str, str]])
    bodies: list[bytes] = dataclasses.field(default_factory=list[bytes])
    headers: list[Mapping[str, str]] = dataclasses.field(default_factory=list[Mapping[str, str]])

    async def handle(self, request: web.Request) -> web.Response:
        """Answer as was asked for."""
        self.requests.append((request.method, request.raw_path))
        self.headers.append(request.headers)
        self.bodies.append(await request.read())
        asked = self.answers.pop(0)
        answer = Answer(status=asked, headers=_WRITTEN) if isinstance(asked, int) else asked
        if answer.status == DROPPED:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=answer.status or 500, headers=answer.headers, text=answer.body)


@pytest.fixture
async def service() -> AsyncGenerator[Service]:
    service = Service()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{tail:.*}", service.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/account"
    endpoints = "".join(f"{each}Endpoint={address};" for each in ("Blob", "Queue", "Table"))
    service.connection_string = f"DefaultEndpointsProtocol=http;AccountName=account;AccountKey={_KEY};{endpoints}"
    yield service
    await runner.cleanup()


@pytest.fixture
async def account(service: Service) -> AsyncGenerator[Account]:
    settings = Settings(storage_connection=service.connection_string)
    async with open_account(settings, chance=random.Random(1)) as account:
        yield account


@pytest.fixture
def waits(mocker: MockerFixture) -> list[float]:
    """How long the clients would have waited between their tries."""
    waits: list[float] = []

    async def sleep(_: object, seconds: float) -> None:
        waits.append(seconds)

    mocker.patch("azure.core.pipeline.transport.AsyncHttpTransport.sleep", sleep)
    return waits
