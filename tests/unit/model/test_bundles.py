import itertools
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.assets import Asset, bucket
from shared.model.bundles import bundled
from shared.model.items import Cut, PlannedItem
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


def _cut(*, max_assets: int = 10, max_bytes: int = 10) -> Cut:
    return Cut(bundle_assets=max_assets, bundle_bytes=max_bytes, requests=24, singles_in_place=True)


@settings(deadline=None)
@given(items=_items(), max_assets=st.integers(1, 10), max_bytes=st.integers(0, 40))
def test_bundles(items: list[PlannedItem], max_assets: int, max_bytes: int) -> None:
    """Every asset is in exactly one bundle, each bundle keeps the limits and is a request, and repeating it is safe.

    The first assets of the bundles stand in the order of the items, and an item's requests together.
    """
    cut = _cut(max_assets=max_assets, max_bytes=max_bytes)

    bundles = bundled(items, cut=cut)

    assert Counter(each.identity for bundle in bundles for each in bundle) == Counter(
        each.identity for item in items for each in item.assets
    )
    for bundle in bundles:
        copy_request(*bundle)
        assert len(bundle) <= max_assets
        assert len(bundle) == 1 or sum(_size(each) for each in bundle) <= max_bytes
        assert len({each.item for each in bundle}) == 1 or len({bucket(each.item) for each in bundle}) == 1
    assert bundled(items, cut=cut) == bundles
    firsts = [bundle[0].item for bundle in bundles]
    assert [item for item, _ in itertools.groupby(firsts)] == [each.item for each in items if each.item in firsts]


@settings(deadline=None)
@given(items=_items(), max_assets=st.integers(1, 10), max_bytes=st.integers(0, 40))
def test_bundles_as_they_were(items: list[PlannedItem], max_assets: int, max_bytes: int) -> None:
    """A page that was kept before there was an order has the same bundles: those of several items come last."""
    cut = _cut(max_assets=max_assets, max_bytes=max_bytes)

    now, before = bundled(items, cut=cut), bundled(items, cut=cut.model_copy(update={"singles_in_place": False}))

    single = {each.item: bucket(each.item) for each in items if len(each.assets) == 1}
    partitions = list(dict.fromkeys(single.values()))
    last = [each for each in now if each[0].item in single and _is_small(each[0], max_bytes=max_bytes)]
    first = [each for each in now if each not in last]
    assert before == [*first, *sorted(last, key=lambda each: partitions.index(single[each[0].item]))]


def _is_small(each: Asset, *, max_bytes: int) -> bool:
    return each.size is not None and each.size <= max_bytes


def _size(each: Asset) -> int:
    assert each.size is not None
    return each.size


def test_small_assets_of_an_item() -> None:
    """The small assets of an item travel together; a large one and one of unknown size travel alone."""
    item = _item("i", [1, 100, 2, None, 3])

    bundles = bundled([item], cut=_cut())

    assert [[each.size for each in bundle] for bundle in bundles] == [[100], [None], [1, 2, 3]]


def test_single_assets() -> None:
    """Items of one small asset share bundles of their partition, where the first stands, never with larger ones."""
    one = [f"i{number}" for number in range(500) if bucket(f"i{number}") == 5][:3]
    items = [_item(one[0], [1]), _item("x", [1, 1]), _item(one[1], [1]), _item(one[2], [50])]

    bundles = bundled(items, cut=_cut())

    assert [[each.item for each in bundle] for bundle in bundles] == [[one[0], one[1]], ["x", "x"], [one[2]]]


def test_nothing() -> None:
    """A page without assets gives no bundle."""
    assert bundled([], cut=_cut()) == []
