"""Calls that fail: a process that is killed at one of them, a service whose answer is lost."""

import dataclasses
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast


class KilledError(BaseException):
    """The process was killed: as no exception of ours, no handler takes it for a failure."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a port, as it began."""

    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Faults:
    """Watches ports, and raises at one of their calls: the so-manieth of all, or the first that ``at`` is true of.

    It raises before the call, or after it where it ``has_effect``. Each call begins with a pause, in which others run.
    """

    def __init__(
        self,
        *,
        at: int | Callable[[Call], bool] | None = None,
        has_effect: bool = False,
        error: Callable[[], BaseException] = KilledError,
        pause: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        #: The calls that began, in order.
        self.calls: list[Call] = []
        #: Whether one of them failed.
        self.happened = False
        self._at = at
        self._has_effect = has_effect
        self._error = error
        self._pause = pause

    def watch[T](self, port: T) -> T:
        """The port, whose calls are counted from now on."""
        return cast("T", _Watched(port, self._call))

    async def _call(self, method: Callable[..., Awaitable[object]], call: Call) -> object:
        fails = not self.happened and (self._at(call) if callable(self._at) else self._at == len(self.calls))
        self.calls.append(call)
        self.happened |= fails
        if self._pause is not None:
            await self._pause()
        if fails and not self._has_effect:
            raise self._error()
        try:
            return await method(*call.args, **call.kwargs)
        finally:
            if fails:
                raise self._error()


async def _begun(*_args: Any, **_kwargs: Any) -> None:
    """The beginning of a list has no effect."""


class _Watched:
    """Stands before a port whose methods are all coroutines, or lists that are one call, at their beginning."""

    def __init__(
        self, port: object, call: Callable[[Callable[..., Awaitable[object]], Call], Awaitable[object]]
    ) -> None:
        self._port = port
        self._call = call

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)

        async def listed(*args: Any, **kwargs: Any) -> AsyncIterator[object]:
            await self._call(_begun, Call(method=name, args=args, kwargs=kwargs))
            async for each in method(*args, **kwargs):
                yield each

        async def called(*args: Any, **kwargs: Any) -> object:
            return await self._call(method, Call(method=name, args=args, kwargs=kwargs))

        return listed if inspect.isasyncgenfunction(method) else called
