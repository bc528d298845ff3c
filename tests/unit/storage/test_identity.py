from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.model.errors import SourceRefusedError
from shared.storage.identity import Identity


class _Credential:
    """Gives one token, or none."""

    def __init__(self, *, error: Exception | None = None) -> None:
        self.asked: list[str] = []
        self.closed = 0
        self._error = error

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """See ``AsyncTokenCredential``."""
        self.asked += scopes
        if self._error is not None:
            raise self._error
        return AccessToken("t0k3n", 1_717_243_200)

    async def close(self) -> None:
        """Close."""
        self.closed += 1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()


async def test_token() -> None:
    """One credential is made, when it is first wanted, and asked for storage accounts."""
    made: list[_Credential] = []

    def make() -> _Credential:
        made.append(_Credential())
        return made[-1]

    identity = Identity(make)
    before = len(made)
    tokens = [await identity.storage_token() for _ in range(2)]
    await identity.aclose()

    assert before == 0
    assert tokens == [("t0k3n", datetime(2024, 6, 1, 12, tzinfo=UTC))] * 2
    assert [(each.asked, each.closed) for each in made] == [(["https://storage.azure.com/.default"] * 2, 1)]


async def test_no_token() -> None:
    """Where the identity gets no token the source counts as refusing, which the queue retries."""
    identity = Identity(lambda: _Credential(error=ClientAuthenticationError("no")))

    with pytest.raises(SourceRefusedError, match="the app's identity got no token"):
        await identity.storage_token()


async def test_unused() -> None:
    """An identity that nobody wanted closes without having been one."""
    await Identity(_Credential).aclose()
