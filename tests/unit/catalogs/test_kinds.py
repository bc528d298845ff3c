import pytest

from shared.catalogs.http_index import HttpIndexCatalog
from shared.catalogs.kind import CatalogKind
from shared.catalogs.kinds import KINDS
from shared.catalogs.listing import ListingCatalog
from shared.catalogs.manifest import ManifestCatalog
from shared.catalogs.stac import StacCatalog
from shared.catalogs.static_stac import StaticStacCatalog
from shared.model.datasets import Datasets


def test_each_is_told_apart() -> None:
    """No two kinds share a name, and each says what it is for."""
    options = Datasets.model_json_schema()["$defs"]["Catalog"]["discriminator"]["mapping"]

    assert len(options) == len(KINDS)
    assert [each for each in KINDS if not each.__doc__] == []


def test_each_has_a_reader() -> None:
    """A kind without a reader can't be made."""

    class Unread(CatalogKind, frozen=True):
        """Nobody reads it."""

    with pytest.raises(TypeError, match="abstract method 'reader'"):
        Unread(kind="unread", url="https://data.example.org/")  # pyright: ignore[reportAbstractUsage]


@pytest.mark.parametrize(
    ("catalog", "has_times"),
    [
        (StacCatalog(kind="stac", url="https://stac.example.org/"), True),
        (StaticStacCatalog(kind="static_stac", url="https://stac.example.org/catalog.json"), True),
        (ListingCatalog(kind="listing", url="s3://bucket/"), True),
        (HttpIndexCatalog(kind="http_index", url="https://data.example.org/"), False),
        (ManifestCatalog(kind="manifest", url="file:list.csv"), False),
    ],
    ids=lambda each: each.kind if isinstance(each, CatalogKind) else "",
)
def test_which_have_times(catalog: CatalogKind, *, has_times: bool) -> None:
    """A run can be of a window where a catalog has times."""
    assert catalog.has_times is has_times
