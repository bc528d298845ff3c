"""All kinds of catalogs: a new one is a module and a line here, as docs/new-catalog.md shows."""

from shared.catalogs.geoparquet import GeoparquetCatalog
from shared.catalogs.http_index import HttpIndexCatalog
from shared.catalogs.kind import CatalogKind, Ways
from shared.catalogs.listing import ListingCatalog
from shared.catalogs.manifest import ManifestCatalog
from shared.catalogs.reader import CatalogReader
from shared.catalogs.stac import StacCatalog
from shared.catalogs.static_stac import StaticStacCatalog
from shared.model.datasets import Dataset

KINDS: tuple[type[CatalogKind], ...] = (
    StacCatalog,
    ManifestCatalog,
    ListingCatalog,
    StaticStacCatalog,
    HttpIndexCatalog,
    GeoparquetCatalog,
)


def reader_of(dataset: Dataset, ways: Ways) -> CatalogReader:
    """The reader of a dataset's catalog."""
    assert isinstance(dataset.catalog, CatalogKind), "no other kinds are defined"
    return dataset.catalog.reader(dataset, ways)
