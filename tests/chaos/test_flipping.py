"""The source of the races: it flips, but it is honest."""

import asyncio
import datetime as dt
import hashlib
from collections.abc import AsyncGenerator, Mapping
from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from tests.chaos.flipping import SHORTEST, FlippingSource, Mark, Offer, content, versions_in

NAME = "races/1/file.bin"
SIZE = 2 * SHORTEST

#: A date that is younger than this can't tell versions apart (RFC 9110, 8.8.2.2).
_SETTLED = dt.timedelta(seconds=60)


@pytest.fixture
async def source() -> AsyncGenerator[FlippingSource]:
    async with FlippingSource().serve() as serving:
        yield serving


def offer(mark: Mark = Mark.ETAG, *, grows: bool = False) -> Offer:
    return Offer(size=SIZE, grows=grows, mark=mark, flips=2, pause_seconds=0)


async def get(url: str, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with aiohttp.ClientSession() as session, session.get(url, headers=named) as answer:
        return answer.status, answer.headers, await answer.read()


async def test_each_opening_finds_another_version(source: FlippingSource) -> None:
    """Two readers at once get a version each, the third one the last again; what was served is remembered."""
    url = source.offer(NAME, offer(grows=True))

    first, second = await asyncio.gather(get(url), get(url))
    third = await get(url)

    versions = {number: content(NAME, version=number, size=SIZE + number * 100) for number in (1, 2)}
    assert {first[2], second[2]} == set(versions.values())
    assert third[2] == versions[2]
    assert source.served[NAME] == {hashlib.sha256(body).hexdigest(): number for number, body in versions.items()}


@pytest.mark.parametrize("mark", [Mark.ETAG, Mark.MODIFIED])
async def test_a_rest_is_of_the_version_that_was_asked_for(source: FlippingSource, mark: Mark) -> None:
    """A range under a condition is served while its version stands and refused after that."""
    url = source.offer(NAME, offer(mark))
    answers = await asyncio.gather(get(url), get(url))
    (_, old, _), (_, new, body) = sorted(answers, key=lambda answer: versions_in(answer[2]))

    def condition(headers: Mapping[str, str]) -> dict[str, str]:
        return {"If_Match": headers["ETag"]} if mark is Mark.ETAG else {"If_Unmodified_Since": headers["Last-Modified"]}

    status, headers, rest = await get(url, Range=f"bytes=10-{SIZE - 1}", **condition(new))
    refused, _, _ = await get(url, Range=f"bytes=10-{SIZE - 1}", **condition(old))

    assert (status, headers["Content-Range"], rest) == (206, f"bytes 10-{SIZE - 1}/{SIZE}", body[10:])
    assert refused == 412


async def test_a_file_without_a_mark(source: FlippingSource) -> None:
    """Neither its ETag nor its date tells one version from another."""
    url = source.offer(NAME, offer(Mark.NOTHING))

    (_, first, _), (_, second, _) = await asyncio.gather(get(url), get(url))

    assert first["ETag"] == second["ETag"] == 'W/"version"'
    assert parsedate_to_datetime(first["Date"]) - parsedate_to_datetime(first["Last-Modified"]) < _SETTLED


def test_a_version_is_known_by_its_bytes() -> None:
    """Any part that is long enough tells its version, and no two blocks of a version are equal."""
    body = content(NAME, version=12, size=3 * 1024 * 1024)
    blocks = {body[at : at + 1024 * 1024] for at in range(0, len(body), 1024 * 1024)}

    assert [versions_in(each[-SHORTEST:]) for each in blocks] == [(12,)] * 3
