"""What Azure Storage answers, in our own errors: the one place where exceptions of the SDKs are translated.

The message of an SDK's exception can quote a request with its headers, so only status and code are taken over; the
exception itself stays as the cause.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import Any
from xml.etree.ElementTree import ParseError

from azure.core.exceptions import AzureError, DeserializationError, HttpResponseError

from shared.model.errors import StorageFailedError

# Enough to hide the latency of point reads, and few beside the other invocations of a process.
_AT_ONCE = 16

# aiohttp's own time-outs and resets are OSErrors; azure-core lets some of them through. The last two tell of an answer
# that is none of the service's (a gateway's, say), and are no AzureErrors; a ValueError might be a mistake of ours.
_FAILURES = (AzureError, OSError, DeserializationError, ParseError)


@contextlib.contextmanager
def translated(doing: str) -> Generator[None]:
    """Raise StorageFailedError for whatever the SDK raises within the block; ``doing`` says what was tried."""
    try:
        yield
    except _FAILURES as error:
        raise _failed(doing, error) from error
    except AttributeError as error:
        # azure-data-tables looks for the answer of an error that came without one, such as a token that wasn't given.
        if not isinstance(cause := error.__context__, AzureError):
            raise
        raise _failed(doing, cause) from cause


def status_of(error: HttpResponseError) -> int | None:
    """The status that an error came with; None where an answer couldn't be read."""
    return error.status_code


def code_of(error: HttpResponseError) -> str:
    """The service's own code, such as BlobNotFound; empty where it gave none."""
    # The SDKs set an attribute that azure-core's class doesn't declare: text in one, an enumeration in others.
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


async def each_of[T, R](things: Iterable[T], ask: Callable[[T], Awaitable[R]]) -> list[R]:
    """Ask for each thing, some at once; the answers come in the order of the things. Raises the first error alone."""
    answers: list[R] = []
    for some in itertools.batched(things, _AT_ONCE, strict=False):
        answers += await _together(some, ask)
    return answers


async def _together[T, R](things: Iterable[T], ask: Callable[[T], Awaitable[R]]) -> list[R]:
    async def answer(thing: T) -> R:
        return await ask(thing)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(answer(each)) for each in things]
    except ExceptionGroup as failed:
        first = failed.exceptions[0]
    else:
        return [each.result() for each in tasks]
    raise first


def _failed(doing: str, error: Exception) -> StorageFailedError:
    failed = StorageFailedError(f"{doing}: {_summary(error)}")
    # azure-core's class declares of an answer what all of its transports' kinds have: no headers.
    answer: Any = error.response if isinstance(error, HttpResponseError) else None
    failed.request_id = answer.headers.get("x-ms-request-id") if answer is not None else None
    return failed


def _summary(error: Exception) -> str:
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return f"{error.status_code} {code_of(error)}".rstrip()
    return type(error).__name__
