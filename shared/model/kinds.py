"""What every kind of catalog has in common in ``datasets.toml``, and which kinds there are.

The kinds themselves stand above, beside their readers; who reads datasets says first which ones there are::

    define(KINDS)  # of shared.catalogs.kinds
"""

import functools
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Union, cast

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from shared.model.access import Source
from shared.model.items import CatalogAsset, CatalogItem
from shared.model.windows import TimeProperty


class Kind(BaseModel, frozen=True):
    """The table of a dataset's catalog; a kind overrides what is another thing for it."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    #: The name of a blob where the dataset states none: every value in it is one that each of its assets has.
    template: ClassVar[str] = "{dataset}/{host}/{path}"
    #: The same of a published item.
    item_template: ClassVar[str] = "{dataset}/items/{item}.json"
    #: Whether its items are called ``collection/id`` where they have a collection.
    has_collections: ClassVar[bool] = False

    kind: str
    url: str

    @property
    def has_times(self) -> bool:
        """Whether a run can be of a window; its reader refuses those that it can't keep to all the same."""
        return False

    @property
    def most_results(self) -> int:
        """How many items its list of a window ends after, whatever there is beyond; 0: it lists all."""
        return 0

    def has(self, item: CatalogItem) -> bool:
        """Tell whether an item that somebody else tells of may be one of this catalog's, as far as its table says."""
        del item
        return True

    def item_of(self, asset: CatalogAsset) -> CatalogItem | None:
        """The item that a file belongs to that somebody else tells of; None for a file that it wouldn't list.

        A file is an item of its own, unless the catalog groups them.
        """
        return CatalogItem(item=asset.key, id=asset.key, datetime=asset.updated, assets=(asset,))

    def check(self, *, source: Source, publishes: bool) -> None:
        """Raise ValueError unless it can be asked by this source, and a dataset can do with it what it is to do."""

    def check_incremental(self, by: TimeProperty) -> None:
        """Raise ValueError unless it can be asked for what is new by this time of its items."""
        del by
        raise ValueError(f"incremental: {self.kind} can't be asked for what is new; leave it out")


def define(kinds: Sequence[type[Kind]]) -> None:
    """Say which kinds datasets may have from now on, in the order in which people are told of them."""
    _Defined.kinds = tuple(kinds)


class AnyKind:
    """Marks a field that holds one of the kinds, told apart by ``kind`` when it is read."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read by the kinds that are defined then, not by those that were when this class was made."""
        del source, handler
        return core_schema.no_info_plain_validator_function(lambda value: _known().validate_python(value))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """All kinds that are defined."""
        del schema
        return handler(_known().core_schema)


class _Defined:
    kinds: ClassVar[tuple[type[Kind], ...]] = ()


def _known() -> TypeAdapter[Kind]:
    if not _Defined.kinds:
        raise RuntimeError("no kinds of catalogs are defined: call define(KINDS), with those of shared.catalogs.kinds")
    return _adapter(_Defined.kinds)


@functools.cache
def _adapter(kinds: tuple[type[Kind], ...]) -> TypeAdapter[Kind]:
    # A union that no type checker can know.
    union = cast("Any", Union)[kinds]
    return TypeAdapter(cast("Any", Annotated)[union, Field(discriminator="kind")])
