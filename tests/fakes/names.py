"""Names without a network: resolvers that answer as they are told."""

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence

from aiohttp.abc import AbstractResolver, ResolveResult


class Names(AbstractResolver):
    """Answers to names, one a question, the last for ever: addresses, an error, or None for an endless wait."""

    def __init__(self, *answers: Sequence[str] | OSError | None) -> None:
        self._answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Answer, whatever the name."""
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, OSError):
            raise answer
        if answer is None:
            await asyncio.Event().wait()
        return [
            ResolveResult(hostname=host, host=each, port=port, family=family, proto=0, flags=0) for each in answer or ()
        ]

    async def close(self) -> None:
        """Nothing to close."""


class Zone(AbstractResolver):
    """Answers by name, one a question, the last for ever; other names lie elsewhere.

    As for the system's resolver, 127.1, 0x7f000001 and 2130706433 are no names but addresses.
    """

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]], *, elsewhere: str) -> None:
        self._names = {name: Names(*each) for name, each in answers.items()}
        self._elsewhere = elsewhere

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Answer for a name."""
        address = self._elsewhere
        with contextlib.suppress(OSError, UnicodeEncodeError):
            address = socket.inet_ntoa(socket.inet_aton(host))
        return await self._names.get(host.lower(), Names([address])).resolve(host, port, family)

    async def close(self) -> None:
        """Nothing to close."""
