"""What catalogs need of ``egress``."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from typing import Protocol

from shared.egress import Reply
from shared.model.datasets import Allowlist


class Http(Protocol):
    """Asks servers; ``Egress`` is one."""

    def request(
        self,
        method: str,
        url: str,
        *,
        allow: Allowlist,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes | None = None,
    ) -> AbstractAsyncContextManager[Reply]:
        """Ask once; raises UrlRefusedError, SourceUnavailableError."""
        ...
