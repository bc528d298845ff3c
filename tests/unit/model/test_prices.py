"""Prices stand in one file, each with where it is from and of when."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.model.prices import PRICED, load_prices


def test_each_price_names_source_and_date() -> None:
    """Nobody has to trust a number."""
    prices = load_prices()

    stated = [*prices.price.values(), *prices.egress]

    assert set(prices.price) == set(PRICED)
    assert all(each.source.startswith("https://") and each.date[:4].isdigit() for each in stated)


def test_a_price_that_is_missing_is_told(tmp_path: Path) -> None:
    """Whoever puts in prices of their own is told what a bill needs."""
    file = tmp_path / "prices.toml"
    file.write_text('[price.executions]\ndollars = 0.4\nsource = "us"\ndate = "2025"\n', encoding="utf-8")

    with pytest.raises(ValidationError, match=r"has no price of compute, GB-s, blob writes, .*state it, 0 for what"):
        load_prices(file)
