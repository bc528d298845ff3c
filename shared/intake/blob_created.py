"""A blob that was written, as Azure Storage tells of it in events of either schema.

https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage::

    subject  /blobServices/default/containers/deliveries/blobs/2024/a.tif
    data     {"api": "PutBlockList", "contentType": "image/tiff", "contentLength": 524288, "blobType": "BlockBlob",
              "url": "https://partnerdata.blob.core.windows.net/deliveries/2024/a.tif", "eTag": "0x8D4BCC2E4835CD0",
              "sequencer": "00000000000004420000000000028963", …}

Where the account has a hierarchical namespace, a file is created empty (``CreateFile``), then written, and whole only
with ``FlushWithClose``. Append and page blobs are created before anything stands in them.
"""

import re
from datetime import datetime
from typing import Annotated
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from shared.catalogs.json_text import Lenient, explained, shown
from shared.intake.event import IGNORED, Content
from shared.intake.files import Watched
from shared.model.access import AzureSource
from shared.model.errors import MalformedCatalogError, UrlRefusedError
from shared.model.events import blob_host

BLOB_CREATED = "Microsoft.Storage.BlobCreated"

#: Calls after which a block blob is whole.
_WHOLE = frozenset({"PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose", "SftpCommit"})
_SUBJECT = re.compile(r"/blobServices/default/containers/([^/]+)/blobs/(.+)", re.DOTALL)
_URL = re.compile(r"https://([a-z0-9]{3,24})\.(?:blob|dfs)\.core\.windows\.net/(.+)", re.DOTALL)


def read_blob_created(subject: str, data: JsonValue, *, at: datetime | None, watched: Watched) -> Content:
    """Read the data of an event of this type; a blob that nobody watches is refused."""
    try:
        found = _Data.model_validate(data)
    except ValidationError as error:
        return Content.refused(MalformedCatalogError(f"no data of {BLOB_CREATED}: {explained(error)}"), name=subject)
    if found.api not in _WHOLE or found.blob_type != "BlockBlob":
        return IGNORED
    address, path = _URL.fullmatch(found.url), _SUBJECT.fullmatch(subject)
    if address is None or path is None:
        wrong = f"no blob of an account: url {shown(found.url)}, subject {shown(subject)}"
        return Content.refused(MalformedCatalogError(wrong), name=subject)
    account, name = address[1], f"{path[1]}/{path[2]}"
    # Which of the two is escaped is written nowhere: the subject is taken as it is, if the address agrees either way.
    if name not in {address[2], unquote(address[2])}:
        wrong = f"url and subject name different blobs: {shown(found.url)}, {shown(subject)}"
        return Content.refused(MalformedCatalogError(wrong), name=subject)
    if account not in watched.events.accounts:
        return Content.refused(
            UrlRefusedError(f"the account {account!r} isn't watched; add it to events.accounts"), name=found.url
        )
    href = _href(account, name, watched=watched)
    return watched.file(href, size=found.content_length, written_at=at)


def _href(account: str, name: str, *, watched: Watched) -> str:
    """As a listing has it where the source has rights of its own there, else the address that everybody has."""
    if isinstance(watched.dataset.source, AzureSource):
        return f"az://{account}/{name}"
    return f"https://{blob_host(account)}/{quote(name)}"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    api: str
    url: str
    blob_type: Annotated[str, Field(alias="blobType")]
    content_length: Lenient[Annotated[int, Field(ge=0, le=2**63 - 1, strict=True)]] = Field(None, alias="contentLength")
