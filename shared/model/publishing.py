"""How whole items become visible: what ``datasets.toml`` says of it in a dataset's table ``publish``."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.model.names import check_collection_template, check_item_template

_CONTAINER = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_ADDRESS = r"^https?://[^/?#@\s]+(/[^?#\s]*)?$"


class OnFailure(StrEnum):
    """What becomes of an item of which an asset failed for good."""

    #: It isn't published; the failures table says why.
    HOLD = "hold"
    #: It is published without that asset.
    PUBLISH_WITHOUT = "publish_without"
    #: It is published, and that asset has the catalog's own href.
    KEEP_HREF = "keep_href"


class Publish(BaseModel):
    """Where items are published once all their assets are there."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    container: Annotated[str, Field(min_length=3, max_length=63, pattern=_CONTAINER)] | None = None
    """A container of the data account; without one, that of the destination."""
    name: Annotated[str, AfterValidator(check_item_template)] | None = None
    """An item's name, made of {dataset} {collection} {id} {item}. Without one: {dataset}/items/{collection}/{id}.json
    for a STAC API, {dataset}/items/{item}.json for any other catalog."""
    collection_name: Annotated[str, AfterValidator(check_collection_template)] = (
        "{dataset}/collections/{collection}.json"
    )
    """A collection's name, made of {dataset} {collection}."""
    on_failure: OnFailure = OnFailure.HOLD
    """hold, publish_without or keep_href: what becomes of an item of which an asset failed for good."""
    base_url: Annotated[str, Field(pattern=_ADDRESS)] | None = None
    """The public address of the destination's container, such as a CDN's; without one, the blob endpoint's."""
    items_url: Annotated[str, Field(pattern=_ADDRESS)] | None = None
    """The public address of ``container``, where that isn't the destination's; without one, the blob endpoint's."""
