"""Lists as Azure writes them, where Azurite writes no such thing."""

from datetime import UTC, datetime

from shared.storage.accounts import Account
from shared.storage.blob_list import AzureListedBlobs, ListedBlob
from tests.unit.storage.conftest import Answer, Service

_XML = {"Content-Type": "application/xml"}
_LIST = """<?xml version="1.0" encoding="utf-8"?>
<EnumerationResults ServiceEndpoint="http://127.0.0.1/account/" ContainerName="data"><Blobs>
<Blob><Name{encoded}>{name}</Name><Properties>
<Last-Modified>Mon, 01 Jan 2024 00:00:00 GMT</Last-Modified><Etag>0x8D1</Etag><Content-Length>4</Content-Length>
<Content-Type>image/tiff</Content-Type><BlobType>BlockBlob</BlobType></Properties>{metadata}</Blob>
</Blobs><NextMarker /></EnumerationResults>"""


async def _listed(service: Service, account: Account, **parts: str) -> list[ListedBlob]:
    text = _LIST.format(**{"encoded": "", "name": "a", "metadata": "<Metadata />", **parts})
    service.answers = [Answer(status=200, body=text, headers=_XML)]
    return [each async for each in AzureListedBlobs(account.blobs).below("data", "a")]


def _blob(**values: object) -> ListedBlob:
    given: dict[str, object] = {"name": "a", "etag": '"0x8D1"', "length": 4, "md5": None, "metadata": {}}
    return ListedBlob(**{**given, "modified": datetime(2024, 1, 1, tzinfo=UTC), **values})  # pyright: ignore[reportArgumentType]


async def test_metadata_that_are_encrypted_cant_be_read(service: Service, account: Account) -> None:
    """A blob whose key the account doesn't have isn't taken for one without metadata."""
    assert await _listed(service, account, metadata='<Metadata Encrypted="true" />') == [_blob(metadata=None)]


async def test_a_name_that_xml_cant_hold(service: Service, account: Account) -> None:
    """It comes encoded, and is the name that it stands for."""
    assert await _listed(service, account, encoded=' Encoded="true"', name="a%EF%BF%BE%25") == [_blob(name="a\ufffe%")]


async def test_one_call_asks_for_all_that_is_shown(service: Service, account: Account) -> None:
    """Metadata are asked for, and as many blobs as an answer can have; snapshots and what is staged aren't."""
    await _listed(service, account)

    ((method, target),) = service.requests
    assert method == "GET"
    query = dict(each.split("=") for each in target.partition("?")[2].split("&"))
    assert query == {
        "restype": "container",
        "comp": "list",
        "include": "metadata",
        "prefix": "a",
        "maxresults": "5000",
    }
