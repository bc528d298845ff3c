"""A body while it is read: it ends at its dataset's limit or at the deadline; egress ends one that comes too slowly."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime

from shared.copying.job import DeadlineReachedError, Job
from shared.model.errors import AssetTooLargeError
from shared.sources.body import Body


async def watched(
    body: Body, job: Job, *, clock: Callable[[], datetime], first: int = 0, total: int | None
) -> AsyncIterator[bytes]:
    """The chunks of a body that begins at ``first`` of ``total`` bytes.

    Raises AssetTooLargeError, DeadlineReachedError and what the body does.
    """
    length = first
    async for chunk in body.chunks():
        length += len(chunk)
        check_limit(job, length)
        yield chunk
        if clock() >= job.deadline and length != total:
            raise DeadlineReachedError


def check_limit(job: Job, length: int) -> None:
    """Raise AssetTooLargeError for more bytes than the dataset allows."""
    limit = job.dataset.select.max_bytes
    if limit is not None and length > limit:
        raise AssetTooLargeError(f"{length} bytes are more than the dataset's max_bytes, {limit}")
