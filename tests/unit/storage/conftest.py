"""A storage service of our own on loopback, which answers as a test asks it to."""

import dataclasses
import random
from collections.abc import AsyncGenerator, Mapping

import pytest
from aiohttp import web

from shared.model.settings import Settings
from shared.storage.accounts import Account, open_account

#: An answer that never comes: the connection breaks.
DROPPED = 0

_KEY = "c2VjcmV0"


@dataclasses.dataclass(kw_only=True)
class Service:
    """What a server is to answer (a status, or nothing at all), and what it was sent."""

    connection_string: str = ""
    answers: list[int] = dataclasses.field(default_factory=list[int])
    bodies: list[bytes] = dataclasses.field(default_factory=list[bytes])
    headers: list[Mapping[str, str]] = dataclasses.field(default_factory=list[Mapping[str, str]])

    async def handle(self, request: web.Request) -> web.Response:
        """Answer as was asked for."""
        self.headers.append(request.headers)
        self.bodies.append(await request.read())
        status = self.answers.pop(0)
        if status == DROPPED:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 500, headers={"ETag": '"1"', "x-ms-request-id": "1"})


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
