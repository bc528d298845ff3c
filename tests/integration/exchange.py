"""A question and what came of it, between egress and a server that does as it is told."""

import dataclasses
from typing import Any

import pytest

from shared.egress import Egress, Reply, check_status
from shared.model.datasets import Allowlist
from shared.model.errors import SluiceError
from tests.fakes.raw_server import Answer, Ending, RawServer

BODY = bytes(range(256)) * 512
SECRET = "c4n4ry"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """What a request came to."""

    status: int
    body: bytes
    length: int | None


def serve(
    server: RawServer, sent: bytes, *, path: str = "/a", ending: Ending = Ending.CLOSE, pieces: tuple[bytes, ...] = ()
) -> None:
    """Let a path answer with these bytes, and then in pieces."""
    server.answers[path] = (Answer(sent=sent, ending=ending, pieces=pieces),)


def allowlist(server: RawServer) -> Allowlist:
    """Allow a server, and nothing else."""
    return Allowlist(
        hosts=("127.0.0.1",), http_hosts=("127.0.0.1",), ports=(server.port,), private_networks=("127.0.0.1/32",)
    )


async def got(egress: Egress, server: RawServer, *, target: str = "/a", method: str = "GET", **arguments: Any) -> Got:
    """Ask for a path and read what comes."""
    said: dict[str, Any] = {"allow": allowlist(server), **arguments}
    async with egress.request(method, server.url(target), **said) as answer:
        return Got(status=answer.status, body=await read(answer), length=answer.length)


async def checked(egress: Egress, server: RawServer, *, target: str = "/a") -> int:
    """Ask for a path, judge its status, and read what comes."""
    async with egress.request("GET", server.url(target), allow=allowlist(server)) as answer:
        check_status(answer)
        await read(answer)
        return answer.status


async def read(answer: Reply) -> bytes:
    """Read a body to its end."""
    return b"".join([chunk async for chunk in answer.chunks()])


async def error_of(egress: Egress, server: RawServer, **arguments: Any) -> type[SluiceError]:
    """Ask for a path, which has to fail."""
    with pytest.raises(SluiceError) as raised:
        await got(egress, server, **arguments)
    return type(raised.value)
