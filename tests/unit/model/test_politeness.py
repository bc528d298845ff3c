import pytest
from pydantic import ValidationError

from shared.model.politeness import MAX_SHARES, Limits, Polite, Worth, budgets

_MIB = 1024 * 1024


def test_the_strictest_limit_of_a_host_counts() -> None:
    """Whichever dataset asks: each kind of limit by itself, and only of the hosts that are meant."""
    one = Polite(requests_at_once=4, requests_per_second=2)
    other = Polite(requests_at_once=8, requests_per_second=1, bytes_per_second=2 * _MIB, hosts=("b.example.org",))
    third = Polite(hosts=("c.example.org",))

    found = budgets([(one, ("a.example.org", "b.example.org")), (other, ("*.example.org",)), (third, ())])

    assert found == {
        "a.example.org": Limits(at_once=4, per_second=2),
        "b.example.org": Limits(at_once=4, per_second=1, bytes_per_second=2 * _MIB),
        "c.example.org": Limits(),
    }


@pytest.mark.parametrize(
    "limits",
    [
        Limits(at_once=1),
        Limits(at_once=11),
        Limits(per_second=100),
        Limits(at_once=100, per_second=3),
        Limits(bytes_per_second=_MIB),
        Limits(at_once=12, per_second=50, bytes_per_second=30 * _MIB + 7),
    ],
)
def test_the_shares_are_the_budget(limits: Limits) -> None:
    """Together exactly what the limits say, in parts that each allow a request, eight of them at most."""
    shares = limits.shares()

    whole = sum(shares, Worth())
    assert 1 <= len(shares) <= MAX_SHARES
    assert whole.at_once in {limits.at_once, 0} or limits.bytes_per_second
    assert whole.requests == (limits.per_second or 0)
    assert whole.body_bytes == (limits.bytes_per_second or 0)
    for each in shares:
        assert each.requests >= 1 or limits.per_second is None
        assert each.body_bytes >= each.at_once * limits.window or limits.bytes_per_second is None


@pytest.mark.parametrize(
    ("limits", "shares"),
    [
        (Limits(at_once=3), (Worth(at_once=1),) * 3),
        (Limits(at_once=10), (Worth(at_once=2),) * 2 + (Worth(at_once=1),) * 6),
        (Limits(per_second=0.2), (Worth(requests=1),)),
        (Limits(bytes_per_second=4 * _MIB), (Worth(at_once=1, body_bytes=2 * _MIB),) * 2),
        (Limits(at_once=9, bytes_per_second=_MIB), (Worth(at_once=1, body_bytes=_MIB),)),
        (Limits(), ()),
    ],
)
def test_how_a_budget_is_cut(limits: Limits, shares: tuple[Worth, ...]) -> None:
    """As evenly as can be; a limit of bytes is one of requests at once, too."""
    assert limits.shares() == shares


@pytest.mark.parametrize(("rate", "period"), [(None, 1), (5, 1), (1, 1), (0.25, 4)])
def test_the_period_of_a_rate(rate: float | None, period: float) -> None:
    """A second, or as long as a rate needs for one request."""
    assert Limits(per_second=rate).period == period


@pytest.mark.parametrize(
    ("limits", "window"),
    [
        (Limits(at_once=4), 0),
        (Limits(bytes_per_second=_MIB), _MIB // 4),
        (Limits(at_once=4, bytes_per_second=32 * _MIB), _MIB),
        (Limits(at_once=1, bytes_per_second=1024 * _MIB), 16 * _MIB),
    ],
)
def test_what_a_connection_may_hold(limits: Limits, window: int) -> None:
    """An eighth of a second's bytes for all connections together, within bounds."""
    assert limits.window == window


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("requests_per_second", 2.5, "has to be a whole number, or less than one; 2 is the next one"),
        ("requests_per_second", 0.04, r"greater than or equal to 0\.05"),
        ("requests_at_once", 0, "greater than or equal to 1"),
        ("bytes_per_second", 1000, "greater than or equal to 1048576"),
        ("request_at_once", 1, "Extra inputs"),
    ],
)
def test_limits_that_cant_be_kept_are_refused(field: str, value: float, said: str) -> None:
    """The error says what is wrong, and what would be right."""
    with pytest.raises(ValidationError, match=said):
        Polite.model_validate({field: value})
