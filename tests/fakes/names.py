"""Names without a network: a resolver that answers as it is told."""

import asyncio
import socket
from collections.abc import Sequence

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
