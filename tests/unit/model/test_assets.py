import hashlib
import re
from datetime import timedelta, timezone
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.model.assets import Asset, bucket, partition_key, row_key, row_key_prefix
from tests.unit.model.builders import NOON, asset

_IDENTITIES = st.text("a-/0", min_size=1, max_size=4) | st.text(min_size=1, max_size=20)
_DATASETS = st.from_regex(r"[a-z0-9]{1,3}(-[0-3][0-9]){0,2}", fullmatch=True)


def test_keys() -> None:
    """Rows that stand in a ledger are found again: these keys never change."""
    assert partition_key("s2", "s2/T32") == "s2-07"
    assert row_key("s2/T32", "B04") == (f"{hashlib.sha256(b's2/T32').hexdigest()}-{hashlib.sha256(b'B04').hexdigest()}")
    assert row_key("s2/T32", "B04").startswith(row_key_prefix("s2/T32"))


def test_buckets() -> None:
    """A dataset has 32 partitions, chosen by the top five bits."""
    assert {bucket(f"item-{number}") for number in range(1000)} == set(range(32))
    assert bucket("s2/T32") == hashlib.sha256(b"s2/T32").digest()[0] >> 3


@settings(deadline=None)
@given(assets=st.sets(st.tuples(_IDENTITIES, _IDENTITIES), max_size=12))
def test_rows_of_two_assets(assets: set[tuple[str, str]]) -> None:
    """Two assets never have one row, and all rows of an item lie in one partition, below one prefix."""
    rows = {(item, key): (partition_key("s2", item), row_key(item, key)) for item, key in assets}

    assert len(set(rows.values())) == len(assets)
    for one, other in product(rows, repeat=2):
        together = rows[one][0] == rows[other][0] and rows[one][1].startswith(row_key_prefix(other[0]))
        assert together is (one[0] == other[0])


@settings(deadline=None)
@given(
    first=st.tuples(_DATASETS, _IDENTITIES),
    second=st.tuples(_DATASETS, _IDENTITIES),
)
def test_partitions_of_two_datasets(first: tuple[str, str], second: tuple[str, str]) -> None:
    """Two datasets never share a partition, though a dataset's name may end as a partition does."""
    assume(first[0] != second[0])

    assert partition_key(*first) != partition_key(*second)


@settings(deadline=None)
@given(dataset=_DATASETS, item=st.text(max_size=50), key=st.text(max_size=50))
def test_storable_keys(dataset: str, item: str, key: str) -> None:
    """Whatever a catalog calls things, a table takes the keys: short, and of harmless characters."""
    assert re.fullmatch(r"[a-z0-9-]{1,48}-(0[0-9]|[12][0-9]|3[01])", partition_key(dataset, item))
    assert re.fullmatch(r"[0-9a-f]{64}-[0-9a-f]{64}", row_key(item, key))


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


def test_what_a_message_says_is_made_canonical() -> None:
    """A signature is dropped, and a checksum written as the ledger writes it, whoever sent the message."""
    href = "https://data.example.org/B04.tif?sv=2024-11-04&sig=secret"

    read = Asset.model_validate_json(
        asset().model_copy(update={"href": href, "checksum": f"md5:{'AB' * 16}"}).model_dump_json()
    )

    assert (read.href, read.checksum) == ("https://data.example.org/B04.tif", f"md5:{'ab' * 16}")


@pytest.mark.parametrize("updated", ["9999-12-31T23:00:00-14:00", "0001-01-01T00:00:00+14:00"])
def test_time_beyond_the_calendar(updated: str) -> None:
    """A time that UTC hasn't is refused where it is read: its description couldn't be computed."""
    with pytest.raises(ValidationError, match="outside the calendar"):
        Asset.model_validate({**asset().model_dump(), "updated": updated})
