"""What a route is asked and what it answers; the triggers bring it to Azure Functions."""

import dataclasses
import json
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from pydantic import BaseModel, JsonValue

from shared.clients import App, Process
from shared.model.errors import (
    HTTP_STATUS,
    NotAuthenticatedError,
    SenderUnavailableError,
    SluiceError,
    TooManyEventsError,
)


class Level(StrEnum):
    """Which key a caller needs (https://learn.microsoft.com/azure/azure-functions/function-keys-how-to)."""

    ANONYMOUS = "ANONYMOUS"
    FUNCTION = "FUNCTION"
    ADMIN = "ADMIN"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request."""

    method: str
    url: str
    #: What stands in the route's braces.
    params: Mapping[str, str] = MappingProxyType({})
    query: Mapping[str, str] = MappingProxyType({})
    #: Names in lower case.
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""

    @property
    def address(self) -> str:
        """The URL without its query, in which a key may stand."""
        return self.url.partition("?")[0]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer."""

    body: str = ""
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = MappingProxyType({})

    @classmethod
    def of(cls, value: BaseModel | Mapping[str, JsonValue], *, status: int = 200) -> Self:
        """A value as JSON."""
        text = value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(dict(value))
        return cls(body=text, status=status)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An address and what answers there."""

    #: The function's name on Azure.
    name: str
    methods: tuple[str, ...]
    #: Below ``/api/``; what stands in braces is a parameter.
    path: str
    answer: Callable[[Process, Asked], Awaitable[Answer]]
    level: Level = Level.FUNCTION


def by_app(answer: Callable[[App, Asked], Awaitable[Answer]]) -> Callable[[Process, Asked], Awaitable[Answer]]:
    """Let a handler have the app, which is opened by whichever request or message comes first."""

    async def opened(process: Process, asked: Asked) -> Answer:
        return await answer(await process.app(), asked)

    return opened


async def respond(route: Route, process: Process, asked: Asked) -> Answer:
    """Answer; where the error is the caller's, with the problem and the fields of its error.

    Raises what is nobody's but Sluice's: the host logs it and answers 500.
    """
    try:
        return await route.answer(process, asked)
    except tuple(HTTP_STATUS) as error:
        answer = Answer.of({"error": str(error), **vars(error)}, status=HTTP_STATUS[type(error)])
        return dataclasses.replace(answer, headers=_headers(error))


def _headers(error: SluiceError) -> Mapping[str, str]:
    """What goes with a status by RFC 9110, 10.2.3 and 11.6.1."""
    if isinstance(error, TooManyEventsError | SenderUnavailableError):
        return {"Retry-After": str(error.retry_after_seconds)}
    return {"WWW-Authenticate": "Sluice"} if isinstance(error, NotAuthenticatedError) else {}
