"""Requests in line for a host with limits, and the shares that their process keeps; all in virtual time."""

import asyncio
import contextlib
import itertools
import math
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta

import pytest

from shared.egress import LEASE_SECONDS, Keeper, Manners
from shared.egress.pool import MARGIN_SECONDS
from shared.model.errors import HostBusyError, HostClosedError, SourceThrottledError, SourceUnavailableError
from shared.model.politeness import Limits
from tests.fakes import MemoryShares
from tests.fakes.virtual_time import run

_HOST = "data.example.org"
_MIB = 1024 * 1024


class Process:
    """One process of the app: its manners, and the task that keeps its shares."""

    def __init__(self, shares: MemoryShares, budgets: Mapping[str, Limits], *, chance: float = 0.0) -> None:
        self.shares = shares
        clock = asyncio.get_running_loop().time
        self.manners = Manners(budgets, chance=lambda: chance, clock=clock)
        self.keeper = Keeper(self.manners, shares, chance=lambda: chance, clock=clock)

    async def ask(
        self, host: str = _HOST, *, asset: str = "/a", status: int = 200, seconds: float = 0.0, length: int | None = 0
    ) -> float:
        """Ask once, which takes so long; return when it was let in."""
        async with self.manners.turn(host, asset=asset) as turn:
            begun = now()
            await asyncio.sleep(seconds)
            if turn:
                turn.answered(status, length=length, retry_after=None)
        return begun


def now() -> float:
    """Seconds of the loop's time since the test began."""
    return round(asyncio.get_running_loop().time() - 1000, 2)


def memory() -> MemoryShares:
    """Shares that live in the loop's time."""
    return MemoryShares(clock=asyncio.get_running_loop().time)


@contextlib.asynccontextmanager
async def process(limits: Limits, shares: MemoryShares | None = None) -> AsyncGenerator[Process]:
    """A process that keeps its shares until the block ends."""
    running = Process(shares or memory(), {_HOST: limits})
    async with running.keeper.keep():
        yield running


def test_hosts_without_limits_wait_for_nothing() -> None:
    """No share is asked for, and there is no turn."""

    async def main() -> None:
        async with process(Limits(at_once=1)) as asked, asked.manners.turn("other.example.org", asset="/a") as turn:
            assert turn is None
            assert asked.shares.calls == []

    run(main())


def test_no_more_requests_at_once_than_allowed() -> None:
    """The third of two waits until the first ends; in the order in which they came."""

    async def main() -> list[float]:
        async with process(Limits(at_once=2)) as asked:
            await asyncio.gather(*(asked.ask(seconds=5) for _ in range(2)))
            return await asyncio.gather(*(asked.ask(seconds=5) for _ in range(4)))

    begun = run(main())

    assert [each - begun[0] for each in begun] == [0, 0, 5, 5]


def test_no_more_requests_a_second_than_allowed() -> None:
    """A request counts until a second after its answer: whatever the network delays, the server sees no more."""

    async def main() -> list[float]:
        async with process(Limits(per_second=1)) as asked:
            await asked.ask()
            return [await asked.ask(seconds=0.5) for _ in range(4)]

    begun = run(main())

    assert [later - earlier for earlier, later in itertools.pairwise(begun)] == [1.5, 1.5, 1.5]


def test_a_slow_rate() -> None:
    """One request each five seconds; and a new holder of the share can't know better."""

    async def main() -> list[float]:
        async with process(Limits(per_second=0.2)) as asked:
            return [await asked.ask() for _ in range(3)]

    begun = run(main())

    assert [later - earlier for earlier, later in itertools.pairwise(begun)] == [5, 5]


def test_a_very_slow_rate_begins_with_a_wait() -> None:
    """Whoever held the share may have asked right before it died: a period has to pass, less the lease's margin."""

    async def main() -> tuple[float, float]:
        async with process(Limits(per_second=0.05)) as asked:
            return await asked.ask(), await asked.ask()

    first, second = run(main())

    assert first >= 20 - MARGIN_SECONDS
    assert second - first == 20


def test_bytes_wait_for_their_second() -> None:
    """A body of three MiB over a limit of one takes three seconds at least, and no second has more than a MiB."""

    async def main() -> list[tuple[float, int]]:
        came: list[tuple[float, int]] = []
        async with process(Limits(bytes_per_second=_MIB)) as asked, asked.manners.turn(_HOST, asset="/a") as turn:
            assert turn is not None
            assert (turn.kernel_bytes, turn.client_bytes) == (32 * 1024, 16 * 1024)
            turn.answered(200, length=3 * _MIB, retry_after=None)
            for _ in range(48):
                await turn.reads()
                came.append((now(), 64 * 1024))
                turn.came(64 * 1024)
            turn.came(0)
        return came

    came = run(main())

    assert all(sum(size for at, size in came if begin <= at < begin + 1) <= _MIB for begin, _ in came)
    assert 2 <= came[-1][0] - came[0][0] <= 4


def test_a_body_without_a_length_is_limited_too() -> None:
    """Its window is free again when it ends; a chunk larger than the window is counted all the same."""

    async def main() -> tuple[float, float]:
        async with process(Limits(bytes_per_second=_MIB)) as asked:
            async with asked.manners.turn(_HOST, asset="/a") as turn:
                assert turn is not None
                turn.answered(200, length=None, retry_after=None)
                await turn.reads()
                turn.came(_MIB)
                turn.came(0)
            ended = now()
            return ended, await asked.ask()

    ended, following = run(main())

    assert following - ended == 1


def test_a_body_that_is_broken_off_counts_for_a_second() -> None:
    """Its server may still be sending."""

    async def main() -> tuple[float, float]:
        async with process(Limits(at_once=1)) as asked:
            await asked.ask(length=1)
            ended = now()
            return ended, await asked.ask()

    ended, following = run(main())

    assert following - ended == 1


def test_one_host_of_two_budgets_keeps_both() -> None:
    """A pattern's hosts are one host; what names one of them more strictly counts as well."""

    async def main() -> list[float]:
        budgets = {"*.example.org": Limits(at_once=2), _HOST: Limits(at_once=1)}
        asked = Process(memory(), budgets)
        async with asked.keeper.keep():
            await asyncio.gather(*(asked.ask("b.example.org", seconds=12) for _ in range(2)))
            hosts = (_HOST, _HOST, "b.example.org")
            return await asyncio.gather(*(asked.ask(each, seconds=5) for each in hosts))

    first, second, third = run(main())

    assert second - first == 5
    assert third < second + 5


def test_who_finds_no_room_is_sent_away() -> None:
    """After half a minute, with a time to come again that leads into the lane of what is put off."""

    async def main() -> tuple[float, HostBusyError]:
        async with process(Limits(at_once=1)) as asked:
            await asked.ask()
            async with asked.manners.turn(_HOST, asset="/a"):
                begun = now()
                with pytest.raises(HostBusyError, match="all that 'polite' allows is under way") as raised:
                    await asked.ask()
                return now() - begun, raised.value

    waited, error = run(main())

    assert waited == 30
    assert error.retry_after == timedelta(seconds=61)


def test_a_host_that_asks_for_patience_isnt_asked() -> None:
    """Neither are those asked that stand in line for it already."""

    async def main() -> None:
        async with process(Limits(at_once=1)) as asked:
            await asked.ask()
            async with asked.manners.turn(_HOST, asset="/a") as turn, asyncio.TaskGroup() as group:
                waits = group.create_task(_error(asked))
                await asyncio.sleep(1)
                assert turn is not None
                turn.answered(503, length=0, retry_after=timedelta(seconds=60))
            assert isinstance(await waits, SourceThrottledError)
            assert now() < 20

    run(main())


@pytest.mark.parametrize("status", [401, 403, 500, 429, 408])
def test_a_host_that_fails_in_a_row_isnt_asked(status: int) -> None:
    """Refusals and outages of different assets close it, also where it has no limits."""

    async def main() -> None:
        async with process(Limits()) as asked:
            for number in range(5):
                await asked.ask(asset=f"/{number}", status=status)
            with pytest.raises(HostClosedError):
                await asked.ask()
            assert asked.shares.calls == []

    run(main())


def test_a_host_that_cant_be_reached_isnt_asked() -> None:
    """What was answered first and broke off then tells nothing of the host."""

    async def unreachable(asked: Process, asset: str, *, answers: bool) -> None:
        with contextlib.suppress(SourceUnavailableError):
            async with asked.manners.turn(_HOST, asset=asset) as turn:
                assert turn is not None
                if answers:
                    turn.answered(200, length=9, retry_after=None)
                raise SourceUnavailableError("no connection")

    async def main() -> None:
        async with process(Limits()) as asked:
            for number in range(10):
                await unreachable(asked, f"/{number}", answers=True)
            for number in range(5):
                await unreachable(asked, f"/{number}", answers=False)
            with pytest.raises(HostClosedError):
                await asked.ask()

    run(main())


def test_a_time_out_of_the_asker_stays_one() -> None:
    """It isn't taken for a share that was lost."""

    async def main() -> None:
        async with process(Limits()) as asked:
            with pytest.raises(TimeoutError, match="of the asker"):
                async with asked.manners.turn(_HOST, asset="/a"):
                    raise TimeoutError("of the asker")

    run(main())


def test_processes_share_a_budget() -> None:
    """Of two that want all there is each gets some, and together they never have more."""

    async def main() -> tuple[int, list[int]]:
        shares = memory()
        under_way, most = 0, 0

        async def work(asked: Process, count: list[int]) -> None:
            nonlocal under_way, most
            while now() < 600:
                with contextlib.suppress(HostBusyError):
                    async with asked.manners.turn(_HOST, asset="/a") as turn:
                        under_way += 1
                        most = max(most, under_way)
                        await asyncio.sleep(0.5)
                        assert turn is not None
                        turn.answered(200, length=0, retry_after=None)
                        under_way -= 1
                        count[0] += 1

        limits = Limits(at_once=4)
        done: list[list[int]] = [[0], [0]]
        async with process(limits, shares) as one, process(limits, shares) as other, asyncio.TaskGroup() as group:
            for asked, count in ((one, done[0]), (other, done[1])):
                for _ in range(6):
                    group.create_task(work(asked, count))
        return most, [count for (count,) in done]

    most, done = run(main())

    assert most == 4
    assert min(done) > 600
    assert sum(done) > 0.8 * 600 * 2 * 4


def test_one_call_of_storage_a_second() -> None:
    """Whatever there is to take, renew and give back, at ever so many hosts."""

    async def main() -> list[float]:
        budgets = {f"{number}.example.org": Limits(at_once=8) for number in range(5)}
        asked = Process(memory(), budgets)
        async with asked.keeper.keep(), asyncio.TaskGroup() as group:
            for host in budgets:
                for _ in range(20):
                    group.create_task(_patiently(asked, host))
            await asyncio.sleep(299)
            return list(asked.shares.calls)

    calls = run(main())

    assert len(calls) > 100
    assert all(later - earlier >= 1 for earlier, later in itertools.pairwise(calls))


def test_an_idle_process_gives_everything_back() -> None:
    """Then it asks storage for nothing any more, until there is work again."""

    async def main() -> None:
        async with process(Limits(at_once=2)) as asked:
            await asked.ask()
            await asyncio.sleep(30)
            calls = len(asked.shares.calls)
            assert all(lease == "nobody" for lease, _ in asked.shares.leases.values())
            await asyncio.sleep(600)
            assert len(asked.shares.calls) == calls
            await asked.ask()

    run(main())


def test_a_closing_process_gives_back_what_is_idle() -> None:
    """The next one needn't wait for the lease to end."""

    async def main() -> None:
        shares = memory()
        async with process(Limits(at_once=1), shares) as asked:
            await asked.ask()
        async with process(Limits(at_once=1), shares) as asked:
            assert await asked.ask() < 10

    run(main())


def test_a_dead_process_holds_its_shares_until_their_leases_end() -> None:
    """Whoever comes after it gets nothing before that."""

    async def main() -> None:
        shares = memory()
        await shares.take(_HOST, 0)
        await shares.take(_HOST, 0)
        async with process(Limits(at_once=1), shares) as asked:
            with pytest.raises(HostBusyError):
                await asked.ask()
            assert await _patiently(asked, _HOST) >= LEASE_SECONDS

    run(main())


def test_requests_end_before_a_lease_that_cant_be_renewed() -> None:
    """A margin before its end, by the process's own clock; also while a call of storage hangs."""

    async def main() -> None:
        async with process(Limits(at_once=1)) as asked:
            await asked.ask()
            taken = now()
            asked.shares.is_down = True
            with pytest.raises(HostBusyError, match="was lost"):
                await asked.ask(seconds=math.inf)
            assert now() - taken <= LEASE_SECONDS - MARGIN_SECONDS
            with pytest.raises(HostBusyError):
                await asked.ask()

    run(main())


def test_requests_end_when_a_share_is_anothers() -> None:
    """A renewal that is refused ends what there is no room for any more, and nothing else."""

    async def main() -> None:
        asked = Process(memory(), {_HOST: Limits(at_once=1), "b.example.org": Limits(at_once=1)})
        async with asked.keeper.keep(), asyncio.TaskGroup() as group:
            await asked.ask()
            other = group.create_task(asked.ask("b.example.org", seconds=100))
            await asyncio.sleep(5)
            asked.shares.leases[_HOST, 0] = ("theirs", math.inf)
            with pytest.raises(HostBusyError, match="was lost"):
                await asked.ask(seconds=math.inf)
            assert now() < 40
            assert await other < 10

    run(main())


def test_a_share_that_is_lost_and_not_needed_ends_nothing() -> None:
    """What is under way fits into the others."""

    async def main() -> None:
        async with process(Limits(at_once=2)) as asked:
            await asyncio.gather(*(asked.ask(seconds=3) for _ in range(2)))
            asked.shares.leases[_HOST, 1] = ("theirs", math.inf)
            await asked.ask(seconds=60)

    run(main())


def test_the_keeper_survives_what_nobody_foresaw(caplog: pytest.LogCaptureFixture) -> None:
    """It tries again a second later."""

    async def main() -> None:
        async with process(Limits(at_once=1)) as asked:
            asked.shares.leases = None  # pyright: ignore[reportAttributeAccessIssue] - no dictionary any more
            with pytest.raises(HostBusyError):
                await asked.ask()
            asked.shares.leases = {}
            await asked.ask()

    run(main())

    assert {each.__dict__["action"] for each in caplog.records} == {"shares_not_kept"}


def test_hosts_are_remembered_within_bounds() -> None:
    """A catalog may name any number of them."""

    async def main() -> None:
        async with process(Limits(at_once=1)) as asked:
            for number in range(1100):
                async with asked.manners.turn(f"{number}.example.org", asset="/a") as turn:
                    assert turn is None

    run(main())


def test_a_process_holds_no_more_shares_than_it_can_renew() -> None:
    """Sixteen, of whichever hosts: with a call a second none of their leases ends."""

    async def main() -> list[int]:
        budgets = {f"{number}.example.org": Limits(at_once=8) for number in range(3)}
        asked = Process(memory(), budgets)
        for host in budgets:
            for share in range(8):
                await asked.shares.take(host, share)
        held: list[int] = []
        async with asked.keeper.keep(), asyncio.TaskGroup() as group:
            for host in budgets:
                for _ in range(30):
                    group.create_task(_patiently(asked, host))
            for _ in range(60):
                await asyncio.sleep(1)
                held.append(sum(len(pool.held) for pool in asked.manners.pools.values()))
        return held

    assert max(run(main())) == 16


async def _error(asked: Process) -> Exception | None:
    try:
        await asked.ask()
    except SourceThrottledError as error:
        return error
    return None


async def _patiently(asked: Process, host: str) -> float:
    """Ask until there is room, as a message does that is sent again."""
    while True:
        try:
            return await asked.ask(host, seconds=3)
        except HostBusyError:
            await asyncio.sleep(10)
