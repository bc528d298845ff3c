"""Who may call what: the keys of functions and host.

Source: azure-functions-host AuthenticationLevelHandler.cs; azure-functions-core-tools CliAuthenticationHandler.cs.
"""

import dataclasses
import enum
import hmac
from collections.abc import Iterable, Mapping

KEY_HEADER = "x-functions-key"
KEY_QUERY = "code"


class AuthLevel(enum.StrEnum):
    """What a function asks for, and what a caller has shown."""

    ANONYMOUS = "anonymous"
    FUNCTION = "function"
    ADMIN = "admin"

    def suffices_for(self, asked: "AuthLevel") -> bool:
        """Whether a caller of this level may do what asks for that one."""
        return _RANKS[self] >= _RANKS[asked]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of a host; where ``enable_auth`` is false every caller is an admin, as under plain ``func start``."""

    enable_auth: bool = False
    #: The key named ``_master``: opens everything.
    master: str | None = dataclasses.field(default=None, repr=False)
    #: Host function keys: open every function below the level ``admin``.
    host: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    #: Function keys: open one function each.
    functions: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict[str, tuple[str, ...]], repr=False)

    def level(self, key: str | None, *, function: str | None = None) -> AuthLevel:
        """What the owner of a key is where that function (``None``: the host itself) is concerned."""
        if not self.enable_auth:
            return AuthLevel.ADMIN
        if not key:
            return AuthLevel.ANONYMOUS
        if self.master and _is_among(key, (self.master,)):
            return AuthLevel.ADMIN
        if function is not None and _is_among(key, (*self.host, *self.functions.get(function, ()))):
            return AuthLevel.FUNCTION
        return AuthLevel.ANONYMOUS


def presented_key(*, headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The key a request shows: the header's, or else the query's; ``headers`` ignore case."""
    return headers[KEY_HEADER] if KEY_HEADER in headers else query.get(KEY_QUERY)


def _is_among(key: str, known: Iterable[str]) -> bool:
    return any(hmac.compare_digest(key.encode(), each.encode()) for each in known)


_RANKS = {level: rank for rank, level in enumerate(AuthLevel)}
