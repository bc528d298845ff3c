import hashlib
from datetime import timedelta, timezone

import pytest
from pydantic import ValidationError

from shared.model.assets import bucket, partition_key, row_key, row_key_prefix
from tests.unit.model.builders import NOON, asset


def test_keys() -> None:
    """Rows that stand in a ledger are found again: these keys never change."""
    assert partition_key("s2", "s2/T32") == "s2-07"
    assert row_key("s2/T32", "B04") == (f"{hashlib.sha256(b's2/T32').hexdigest()}-{hashlib.sha256(b'B04').hexdigest()}")
    assert row_key("s2/T32", "B04").startswith(row_key_prefix("s2/T32"))


def test_buckets() -> None:
    """A dataset has 32 partitions, chosen by the top five bits."""
    assert {bucket(f"item-{number}") for number in range(1000)} == set(range(32))
    assert bucket("s2/T32") == hashlib.sha256(b"s2/T32").digest()[0] >> 3


def test_description() -> None:
    """A description changes with href, size, checksum and time of update, and with nothing else."""
    first = asset(size=1, checksum="md5:" + "0" * 32, updated=NOON)
    elsewhere = NOON.astimezone(timezone(timedelta(hours=2)))

    same = [first.model_copy(update={"name": "x", "media_type": "y", "updated": elsewhere})]
    others = [
        first.model_copy(update=change)
        for change in ({"href": "https://h"}, {"size": 2}, {"checksum": None}, {"updated": None})
    ]

    assert {each.description for each in same} == {first.description}
    assert len({first.description, *(each.description for each in others)}) == 5


def test_described_at() -> None:
    """A description is as new as the catalog says, else as the run."""
    assert asset(updated=NOON).described_at(NOON + timedelta(days=1)) == NOON
    assert asset().described_at(NOON) == NOON


@pytest.mark.parametrize("field", ["item", "key", "href", "media_type"])
def test_half_a_surrogate_pair(field: str) -> None:
    """Text that can't be written in UTF-8 is no part of an asset."""
    with pytest.raises(ValidationError, match="unicode"):
        asset(**{field: "\ud800"})


def test_identity() -> None:
    """Item and key name an asset within its dataset."""
    assert asset(item="i", key="k").identity == ("i", "k")
