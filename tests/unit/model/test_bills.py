"""What work costs."""

import pytest

from shared.model.costs import Work, bill, puts_and_looks, units
from shared.model.prices import load_prices

_WORK = Work(assets=10, bytes=10**9, requests=4, pages=2, parts=3, items=5, puts=20, looks=6)


@pytest.mark.parametrize(("size", "calls"), [(0, (1, 0)), (8, (1, 0)), (9, (3, 3)), (16, (3, 3)), (17, (4, 3))])
def test_calls_of_an_asset(size: int, calls: tuple[int, int]) -> None:
    """One Put Blob, or blocks with a commit and three looks."""
    assert puts_and_looks(size, block_size=8) == calls


def test_units_of_some_work() -> None:
    """Three queue calls for each message, a write and a query for each request, a query for each item."""
    assert units(_WORK) == {
        "compute, GB-s": 20,
        "executions": 7,
        "blob writes": 22,
        "blob reads": 6,
        "queue calls": 21,
        "table calls": 2 * 4 + 5 + 6 * 3,
        "stored, GB-months": 1,
        "logs, GB": (10 + 21) * 1000 / 10**9,
    }


def test_publishing_costs_extra() -> None:
    """An item's document is kept and read, it is looked up, written, and asked of the ledger twice; by a message."""
    plain = units(_WORK)
    publishing = units(Work(**{**{name: getattr(_WORK, name) for name in Work.__slots__}, "published": 2}))

    assert {name: publishing[name] - plain[name] for name in plain if name != "logs, GB"} == {
        "compute, GB-s": 0,
        "executions": 2,
        "blob writes": 4,
        "blob reads": 4,
        "queue calls": 6,
        "table calls": 4,
        "stored, GB-months": 0,
    }


def test_small_work_is_bound_by_assets_and_large_by_bytes() -> None:
    """An instance copies so many assets a second or so many bytes, whichever takes longer."""
    small = Work(assets=1200, bytes=1, requests=0, pages=0, parts=0, items=0, puts=0, looks=0)

    assert units(small)["compute, GB-s"] == 20


@pytest.mark.parametrize(
    ("requester_pays", "payer"), [(False, "the source's owner"), (True, "you: the source's requester pays")]
)
def test_egress_is_in_no_sum(payer: str, *, requester_pays: bool) -> None:
    """It is told at its owner's rate, with who pays; a cloud that nothing leaves isn't told."""
    prices = load_prices()
    without = bill(_WORK, egress={}, prices=prices, requester_pays=False)

    found = bill(_WORK, egress={"Azure": 10**9}, prices=prices, requester_pays=requester_pays)

    assert [(each.cloud, each.dollars, each.paid_by) for each in found.egress] == [("Azure", 0.087, payer)]
    assert (found.dollars_once, found.dollars_a_month) == (without.dollars_once, without.dollars_a_month)
    assert without.egress == ()
