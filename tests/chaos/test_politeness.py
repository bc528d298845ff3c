"""Processes ask hosts as hard as their limits allow, and one is killed: no limit is exceeded.

The counting is judged, too: a server that is asked too hard says so.
"""

import asyncio

import pytest

from demo.azurite import Azurite
from shared.model.politeness import Limits
from tests.chaos.counting import CountingServer, Load, most_in_any_second
from tests.chaos.politeness import AT_ONCE, BYTES, PER_SECOND, measure

#: Of few shares, so that two processes soon hold them all.
_LIMITS = {
    AT_ONCE: Limits(at_once=2),
    PER_SECOND: Limits(per_second=3),
    BYTES: Limits(bytes_per_second=4 * 1024 * 1024, at_once=2),
}


@pytest.mark.timeout(90)
def test_no_limit_is_exceeded_while_a_process_dies(storage: Azurite) -> None:
    """Two processes, and one more in the place of the one that is killed; every host is asked."""
    measured = measure(storage, seconds=24, workers=2, limits=_LIMITS)

    assert {each.name: each.peak for each in measured.figures if each.peak > each.limit} == {}
    assert all(each.peak > 0 for each in measured.figures)
    assert all(most <= 1 for _, most in measured.calls)


async def test_the_server_counts_what_is_too_much() -> None:
    """Requests at once, and requests and bytes in a second."""
    async with CountingServer({"127.0.0.1": Load(seconds=0.05, size=1000)}).serve() as server:

        async def ask() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(1000)
            writer.close()

        await asyncio.gather(*(ask() for _ in range(5)))
        counted = server.hosts["127.0.0.1"]

        assert (counted.most_under_way, counted.under_way) == (5, 0)
        assert most_in_any_second(counted.requests) == 5
        assert most_in_any_second(counted.sent) == 5000


def test_the_most_in_any_second() -> None:
    """Wherever it begins; its end is the next one's beginning."""
    assert most_in_any_second([(0.0, 1), (0.75, 2), (1.0, 4), (1.75, 8), (5.0, 13)]) == 13
    assert most_in_any_second([(0.0, 1), (0.75, 2), (1.0, 4), (1.5, 8)]) == 14
    assert most_in_any_second([]) == 0
