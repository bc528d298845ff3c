import string
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.assets import row_key
from shared.model.labels import digests, label, labels, owner
from shared.model.rows import LedgerRow
from tests.contracts.rows import completion

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=150)


def _row(**values: Any) -> LedgerRow:
    return completion(**{"item": "c/i", "href": "https://data.example.org/a.tif", **values})


def test_a_blob_says_what_its_row_says() -> None:
    """After a crash before its row a blob is recognised, and the ledger can be built again from the blobs."""
    row = _row(item="S2 é/1", key="B 04", described_at=datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=2))))

    assert labels(row) == {
        "sluice_dataset": "sentinel-2",
        "sluice_item": "S2%20%C3%A9/1",
        "sluice_key": "B%2004",
        "sluice_href": "https://data.example.org/a.tif",
        "sluice_validator": "%22abc%22",
        "sluice_verified_by": "sha256",
        "sluice_description": "d1",
        "sluice_instead_of": "d0",
        "sluice_cause": "run-1",
        "sluice_row": row_key("S2 é/1", "B 04"),
        "sluice_digests": f"sha256:{'0' * 64}%20blocks-sha256:8388608:{'1' * 64}",
        "sluice_described_at": "2024-01-02T00:00:00%2B02:00",
    }


@given(item=_TEXT, key=_TEXT, href=_TEXT)
def test_values_survive_a_header(item: str, key: str, href: str) -> None:
    """Whatever stands in a value, spaces at its ends too: a header carries it and it is read as it was written."""
    row = _row(item=item, key=key, href=href)

    written = {name: value.strip() for name, value in labels(row).items()}

    assert {label(written, "item"), label(written, "key"), label(written, "href")} == {item, key, href}
    assert digests(written) == row.digests
    assert owner(written) == (row.dataset, row_key(item, key))
    assert set("".join(written.values())) <= set(string.ascii_letters + string.digits + "-_.~%:/")


def test_a_value_that_is_missing_or_too_long_is_left_out() -> None:
    """A blob without an optional label is better than none; its owner is always there."""
    written = labels(
        _row(validator=None, instead_of=None, href="https://data.example.org/" + "a" * 1800, item="é" * 301)
    )

    assert {name.removeprefix("sluice_") for name in written} == {
        *("dataset", "key", "verified_by", "description", "cause", "row", "digests", "described_at")
    }
    assert owner(written) == ("sentinel-2", row_key("é" * 301, "B02"))


def test_all_labels_together_have_room() -> None:
    """A blob's metadata has 8 KiB, names and values: the longest that a catalog and a source can send fit."""
    row = _row(
        dataset="d" * 48,
        item="i" * 1800,
        key="k" * 1800,
        href="h" * 1800,
        validator="etag:" + '"' * 514,
        verified_by=", ".join(f"sha512:{'0' * 128}" for _ in range(2)),
        digests=tuple(f"sha512:{'0' * 128}" for _ in range(2)),
        description="0" * 64,
        instead_of="0" * 64,
        cause="c" * 64,
    )

    written = labels(row)

    assert len(written) == 12
    assert sum(len(name) + len(value) for name, value in written.items()) <= 8 * 1024


@pytest.mark.parametrize(
    "metadata", [{}, {"sluice_dataset": "d"}, {"sluice_row": "r"}, {"dataset": "d", "row": "r"}, {"sluice_dataset": ""}]
)
def test_a_blob_of_somebody_else_has_no_owner(metadata: dict[str, str]) -> None:
    """What isn't marked as ours isn't ours."""
    assert owner(metadata) is None
    assert digests(metadata) == ()
