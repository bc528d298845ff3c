from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.assets import Asset, bucket
from shared.model.bundles import bundled
from shared.model.items import PlannedItem
from tests.unit.model.builders import asset, copy_request

_SIZES = st.none() | st.integers(0, 30)


@st.composite
def _items(draw: st.DrawFn) -> list[PlannedItem]:
    sizes = draw(st.lists(st.lists(_SIZES, min_size=1, max_size=12), max_size=40))
    return [_item(f"i{number}", each) for number, each in enumerate(sizes)]


def _item(item: str, sizes: list[int | None]) -> PlannedItem:
    return PlannedItem(
        item=item, assets=tuple(asset(item=item, key=f"k{key}", size=size) for key, size in enumerate(sizes))
    )


@settings(deadline=None)
@given(items=_items(), max_assets=st.integers(1, 10), max_bytes=st.integers(0, 40))
def test_bundles(items: list[PlannedItem], max_assets: int, max_bytes: int) -> None:
    """Every asset is in exactly one bundle, each bundle keeps the limits and is a request, and repeating it is safe."""
    bundles = bundled(items, max_assets=max_assets, max_bytes=max_bytes)

    assert Counter(each.identity for bundle in bundles for each in bundle) == Counter(
        each.identity for item in items for each in item.assets
    )
    for bundle in bundles:
        copy_request(*bundle)
        assert len(bundle) <= max_assets
        assert len(bundle) == 1 or sum(_size(each) for each in bundle) <= max_bytes
        assert len({each.item for each in bundle}) == 1 or len({bucket(each.item) for each in bundle}) == 1
    assert bundled(items, max_assets=max_assets, max_bytes=max_bytes) == bundles


def _size(each: Asset) -> int:
    assert each.size is not None
    return each.size


def test_small_assets_of_an_item() -> None:
    """The small assets of an item travel together; a large one and one of unknown size travel alone."""
    item = _item("i", [1, 100, 2, None, 3])

    bundles = bundled([item], max_assets=10, max_bytes=10)

    assert [[each.size for each in bundle] for bundle in bundles] == [[100], [None], [1, 2, 3]]


def test_single_assets() -> None:
    """Items of one small asset share bundles within their partition of the ledger, but never with larger items."""
    one = [f"i{number}" for number in range(500) if bucket(f"i{number}") == 5][:3]
    items = [_item(one[0], [1]), _item("x", [1, 1]), _item(one[1], [1]), _item(one[2], [50])]

    bundles = bundled(items, max_assets=10, max_bytes=10)

    assert [[each.item for each in bundle] for bundle in bundles] == [["x", "x"], [one[2]], [one[0], one[1]]]


def test_nothing() -> None:
    """A page without assets gives no bundle."""
    assert bundled([], max_assets=1, max_bytes=1) == []
