"""What each status means for what was asked for, and for its host."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from shared.egress import Keeper, Manners, check_status
from shared.model.datasets import Allowlist
from shared.model.errors import (
    AssetNotFoundError,
    HostClosedError,
    SluiceError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    UnexpectedStatusError,
)
from shared.model.politeness import Limits
from tests.fakes import MemoryShares
from tests.fakes.egress import Answer, FakeEgress
from tests.fakes.virtual_time import run

_HOST = "data.example.org"
_URL = f"https://{_HOST}/a"
#: A host that isn't asked any more fails five different assets in a row.
_MANY = 5

type _Ranges = Mapping[range, type[SluiceError] | None]

#: What is raised for the asset; None: nothing.
_ASSET: _Ranges = {
    range(100, 200): UnexpectedStatusError,
    range(200, 300): None,
    range(300, 400): UnexpectedStatusError,
    range(400, 401): UnexpectedStatusError,
    range(401, 402): SourceRefusedError,
    range(402, 403): UnexpectedStatusError,
    range(403, 404): SourceRefusedError,
    range(404, 405): AssetNotFoundError,
    range(405, 408): UnexpectedStatusError,
    range(408, 409): SourceUnavailableError,
    range(409, 410): UnexpectedStatusError,
    range(410, 411): AssetNotFoundError,
    range(411, 429): UnexpectedStatusError,
    range(429, 430): SourceThrottledError,
    range(430, 500): UnexpectedStatusError,
    range(500, 600): SourceUnavailableError,
}

#: The same where a Retry-After comes with it.
_PATIENT_ASSET: _Ranges = {
    range(100, 200): SourceThrottledError,
    range(200, 202): None,
    range(202, 203): SourceThrottledError,
    range(203, 300): None,
    range(300, 404): SourceThrottledError,
    range(404, 405): AssetNotFoundError,
    range(405, 410): SourceThrottledError,
    range(410, 411): AssetNotFoundError,
    range(411, 600): SourceThrottledError,
}

#: What the next request to a host raises after so many assets in a row were answered like this; None: it is asked.
_HOSTS: _Ranges = {
    range(100, 401): None,
    range(401, 402): HostClosedError,
    range(402, 403): None,
    range(403, 404): HostClosedError,
    range(404, 408): None,
    range(408, 409): HostClosedError,
    range(409, 429): None,
    range(429, 430): HostClosedError,
    range(430, 500): None,
    range(500, 600): HostClosedError,
}

#: The same after a single answer with a Retry-After.
_PATIENT_HOSTS: _Ranges = {
    range(100, 429): None,
    range(429, 430): SourceThrottledError,
    range(430, 503): None,
    range(503, 504): SourceThrottledError,
    range(504, 600): None,
}


def _each(ranges: _Ranges) -> dict[int, type[SluiceError] | None]:
    return {status: what for statuses, what in ranges.items() for status in statuses}


@pytest.mark.parametrize(("ranges", "headers"), [(_ASSET, {}), (_PATIENT_ASSET, {"Retry-After": "7"})])
async def test_the_asset(ranges: _Ranges, headers: Mapping[str, str]) -> None:
    """Each status of HTTP is a success or one error, and a Retry-After makes all but absence a matter of time."""
    raised = {status: await _raised(status, headers) for status in range(100, 600)}

    assert raised == _each(ranges)


@pytest.mark.parametrize(
    ("ranges", "answers", "retry_after"), [(_HOSTS, _MANY, None), (_PATIENT_HOSTS, 1, timedelta(seconds=7))]
)
def test_the_host(ranges: _Ranges, answers: int, retry_after: timedelta | None) -> None:
    """A host that fails or refuses in a row isn't asked for a while, nor is one that says for how long."""

    async def main() -> dict[int, type[SluiceError] | None]:
        return {status: await _closed_by(status, answers, retry_after) for status in range(100, 600)}

    assert run(main()) == _each(ranges)


async def _raised(status: int, headers: Mapping[str, str]) -> type[SluiceError] | None:
    egress = FakeEgress(lambda _: Answer(status=status, headers=headers))
    async with egress.request("GET", _URL, allow=Allowlist(hosts=(_HOST,))) as reply:
        try:
            check_status(reply)
        except SluiceError as error:
            return type(error)
    return None


async def _closed_by(status: int, answers: int, retry_after: timedelta | None) -> type[SluiceError] | None:
    times: Any = {"clock": asyncio.get_running_loop().time, "chance": lambda: 0.0}
    manners = Manners({_HOST: Limits()}, **times)
    async with Keeper(manners, MemoryShares(clock=times["clock"]), **times).keep():
        for number in range(answers):
            async with manners.turn(_HOST, asset=f"/{number}") as turn:
                assert turn is not None
                turn.answered(status, length=0, retry_after=retry_after)
        try:
            async with manners.turn(_HOST, asset="/next"):
                return None
        except SluiceError as error:
            return type(error)
