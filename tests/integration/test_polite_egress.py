"""Egress to hosts with limits, against a server on loopback."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from shared.egress import Egress, Keeper, Manners, MinimumPace
from shared.model.errors import HostClosedError, SourceThrottledError, SourceUnavailableError
from shared.model.politeness import Limits
from tests.fakes import MemoryShares
from tests.fakes.raw_server import Answer, Ending, RawServer, chunked, reply
from tests.integration.exchange import BODY, Got, got, serve

_HOST = "127.0.0.1"


@contextlib.asynccontextmanager
async def polite(limits: Limits, *, pace: MinimumPace = MinimumPace()) -> AsyncGenerator[Egress]:  # noqa: B008 - frozen
    """An egress that keeps to the limits of the server; its shares were made long ago."""
    loop = asyncio.get_running_loop()
    shares = MemoryShares(clock=loop.time)
    for share in range(len(limits.shares())):
        await shares.take(_HOST, share)
    manners = Manners({_HOST: limits}, chance=lambda: 0.0)
    async with (
        Keeper(manners, shares, chance=lambda: 0.0).keep(),
        contextlib.aclosing(Egress(manners=manners, pace=pace)) as egress,
    ):
        yield egress


@pytest.mark.parametrize(
    "limits", [Limits(), Limits(at_once=1), Limits(at_once=2, per_second=100, bytes_per_second=64 * 1024 * 1024)]
)
async def test_whole_bodies(server: RawServer, limits: Limits) -> None:
    """With limits, or a gate alone, bodies come as they do without."""
    serve(server, reply(BODY), path="/a")
    serve(server, chunked(BODY), path="/b")
    serve(server, reply(headers={"Content-Length": "1000"}), path="/c")

    async with polite(limits) as egress:
        assert await got(egress, server) == Got(status=200, body=BODY, length=len(BODY))
        assert await got(egress, server, target="/b") == Got(status=200, body=BODY, length=None)
        assert await got(egress, server, target="/c", method="HEAD") == Got(status=200, body=b"", length=None)


async def test_each_hop_has_a_turn_of_its_own(server: RawServer) -> None:
    """A redirect on the same host doesn't wait for itself."""
    moved = reply(status="302 Found", headers={"Location": "/b"})
    server.answers["/a"] = (Answer(sent=moved, ending=Ending.KEEP),)
    serve(server, reply(BODY), path="/b")

    async with polite(Limits(at_once=1)) as egress:
        assert await got(egress, server) == Got(status=200, body=BODY, length=len(BODY))


async def test_waiting_for_a_turn_isnt_the_sources_slowness(server: RawServer) -> None:
    """A body that comes no faster than its limit allows isn't given up for its pace."""
    body = bytes(3 * 1024 * 1024)
    serve(server, reply(body))
    pace = MinimumPace(bytes_per_second=100_000_000, over=timedelta(seconds=0.9))

    async with polite(Limits(bytes_per_second=2 * 1024 * 1024, at_once=1), pace=pace) as egress:
        assert (await got(egress, server)).body == body


async def test_patience_is_every_requests(server: RawServer) -> None:
    """After one answer with a Retry-After the host isn't asked again."""
    serve(server, reply(status="503 Slow Down", headers={"Retry-After": "60"}))

    async with polite(Limits()) as egress:
        assert (await got(egress, server)).status == 503
        with pytest.raises(SourceThrottledError):
            await got(egress, server)

    assert len(server.asked) == 1


async def test_a_host_that_is_down_is_left_alone(server: RawServer) -> None:
    """Connections that break before an answer are failures, too."""
    for number in range(5):
        serve(server, b"", path=f"/{number}", ending=Ending.RESET)

    async with polite(Limits()) as egress:
        for number in range(5):
            with pytest.raises(SourceUnavailableError):
                await got(egress, server, target=f"/{number}")
        with pytest.raises(HostClosedError):
            await got(egress, server)
