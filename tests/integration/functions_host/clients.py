"""Asks the host's HTTP server."""

import dataclasses
import json
from typing import Any

import aiohttp
import yarl

_SECONDS = aiohttp.ClientTimeout(total=20)


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    content_type: str | None

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


async def ask(method: str, url: str | yarl.URL, **how: Any) -> Answer:
    """Send one request on a connection of its own."""
    async with (
        aiohttp.ClientSession(timeout=_SECONDS) as session,
        session.request(method, url, **how) as response,
    ):
        content = await response.read()
        return Answer(response.status, content, response.headers.get("Content-Type"))
