from pathlib import Path

import pytest

from tools.costs import WORKLOADS, Workload, table, units


def test_document_is_in_step(root: Path) -> None:
    """The table in the document is the one that is worked out now."""
    text = (root / "docs/costs.md").read_text(encoding="utf-8")

    _, _, rest = text.partition("<!-- costs -->\n")
    assert rest.partition("<!-- /costs -->")[0].strip() == table().strip()


def test_small_assets_share_requests() -> None:
    """Queue and ledger are paid for each request, blobs for each asset."""
    alone = units(Workload(name="", assets=1600, asset_bytes=1000, ticks=0))
    together = units(Workload(name="", assets=1600, asset_bytes=1000, bundle=16, ticks=0))

    assert alone["blob writes"] == together["blob writes"] == 1600 + 4
    assert (alone["queue calls"], together["queue calls"]) == (3 * (1600 + 4), 3 * (100 + 4))


@pytest.mark.parametrize(("asset_bytes", "writes"), [(0, 1), (8 << 20, 1), ((8 << 20) + 1, 3), (64 << 20, 9)])
def test_blocks(asset_bytes: int, writes: int) -> None:
    """An asset is one Put Blob, or its blocks and their commit."""
    used = units(Workload(name="", assets=500, asset_bytes=asset_bytes, ticks=0))

    assert used["blob writes"] == 500 * writes + 1


def test_an_idle_month_is_cheap() -> None:
    """Nothing is stored and nothing written where no asset is new."""
    used = units(WORKLOADS[-1])

    assert (used["blob writes"], used["stored, GB-months"]) == (0, 0)
