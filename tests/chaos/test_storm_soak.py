"""The soak tells what grows from what is flat."""

import dataclasses
from collections.abc import Sequence

import pytest

from tests.chaos.storm.soak import BOUNDS, Sample, Soaked, growth


def samples(**per_second: float) -> Sequence[Sample]:
    """A hundred seconds, in each of which fifty assets come and so much of something."""
    begin = Sample(seconds=0, assets=0, rss_mib=100, descriptors=50, sockets=40, tasks=10)
    return [
        dataclasses.replace(
            begin,
            assets=50 * second,
            **{name: getattr(begin, name) + rate * second for name, rate in per_second.items()},
        )
        for second in range(100)
    ]


def soaked(found: Sequence[Sample], **changes: int) -> Soaked:
    flat = Soaked(assets=5000, wanted=5000, seconds=1, grown={name: growth(found, name) for name in BOUNDS})
    return dataclasses.replace(flat, **changes)


def test_flat() -> None:
    """Nothing grows."""
    found = soaked(samples())

    assert found.is_flat
    assert found.grown["rss_mib"] == (100, 100, 0)


@pytest.mark.parametrize(("name", "rate"), [("rss_mib", 1.0), ("descriptors", 1.0), ("sockets", 1.0), ("tasks", 1.0)])
def test_what_grows(name: str, rate: float) -> None:
    """One of each a second, or a MiB, is too much."""
    found = soaked(samples(**{name: rate}))

    assert not found.is_flat
    assert found.grown[name][2] == pytest.approx(20)


def test_what_was_not_copied() -> None:
    """A soak in which something is missing has shown nothing."""
    assert not soaked(samples(), assets=4999).is_flat


def test_the_warm_up_does_not_count() -> None:
    """What grows in the first third and then stays is a cache."""
    warm, flat = samples(rss_mib=2), samples()
    found = [*warm[:30], *(dataclasses.replace(each, rss_mib=160.0) for each in flat[30:])]

    assert soaked(found).is_flat
