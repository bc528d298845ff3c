import asyncio

from shared.egress import Shares

_HOST = "*.example.org"


async def test_a_share_is_made_when_it_is_first_asked_for(shares: Shares) -> None:
    """That takes the one call; the next one gets the share."""
    assert await shares.take(_HOST, 0) is None
    assert await shares.take(_HOST, 0)


async def test_a_share_is_one_holders(shares: Shares) -> None:
    """Of those who ask at once one gets it, and who asks later gets nothing."""
    await shares.take(_HOST, 0)

    leases = await asyncio.gather(*(shares.take(_HOST, 0) for _ in range(3)))

    assert sorted(map(bool, leases)) == [False, False, True]
    assert await shares.take(_HOST, 0) is None


async def test_shares_are_apart(shares: Shares) -> None:
    """Another share of the host, and the same of another host, are still to be had."""
    for host, share in ((_HOST, 0), (_HOST, 1), ("data.example.org", 0)):
        await shares.take(host, share)
        assert await shares.take(host, share)


async def test_who_holds_a_share_renews_it(shares: Shares) -> None:
    """Nobody else does: neither with a lease of his own making nor with one of another share."""
    await shares.take(_HOST, 0)
    lease = await shares.take(_HOST, 0)

    assert lease
    assert await shares.renew(_HOST, 0, lease=lease)
    assert not await shares.renew(_HOST, 0, lease="6f0c5f0e-0b4e-4d3c-9d5e-8f6a2b1c0d9e")
    assert not await shares.renew(_HOST, 1, lease=lease)


async def test_a_share_that_is_given_back_is_the_next_ones(shares: Shares) -> None:
    """At once; and its former holder can't renew it any more."""
    await shares.take(_HOST, 0)
    first = await shares.take(_HOST, 0)
    assert first

    await shares.give_back(_HOST, 0, lease=first)
    second = await shares.take(_HOST, 0)

    assert second
    assert second != first
    assert not await shares.renew(_HOST, 0, lease=first)


async def test_what_is_anothers_stays_his(shares: Shares) -> None:
    """To give back what isn't held, or was never made, ends nobody's lease."""
    await shares.take(_HOST, 0)
    lease = await shares.take(_HOST, 0)
    assert lease

    await shares.give_back(_HOST, 0, lease="6f0c5f0e-0b4e-4d3c-9d5e-8f6a2b1c0d9e")
    await shares.give_back(_HOST, 1, lease=lease)

    assert await shares.take(_HOST, 0) is None
    assert await shares.renew(_HOST, 0, lease=lease)
