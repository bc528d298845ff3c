"""Blobs that were written, as Azure Storage tells of them in both schemas."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from shared.intake.event import IGNORED, Content
from tests.unit.intake.payloads import ACCOUNT, TOPIC, WRITTEN, blob_data, cloud_event, event_grid, subject
from tests.unit.intake.watching import AZURE, content, file, hrefs, read, reasons, taking

_AT = datetime(2024, 6, 1, 10, 0, 0, 958410, UTC)
_HREF = f"https://{ACCOUNT}.blob.core.windows.net/deliveries/2024/a.tif"


def _blob(name: str, *, url: str, container: str = "deliveries") -> list[dict[str, Any]]:
    return [event_grid(blob_data(url=url), subject=subject(name, container=container))]


@pytest.mark.parametrize("body", [[event_grid()], cloud_event(), [cloud_event()]], ids=["grid", "cloud", "batch"])
def test_a_blob_is_an_item(body: Any) -> None:
    """In either schema: its address, its size, when it was written, and the event's own name, source and time."""
    (event,) = read(body, of=taking())

    assert (event.source, event.identifier, event.at) == (TOPIC, "831e1650-001e-001b-66ab-eeb76e069631", _AT)
    assert event.content == Content(items=(file(_HREF, size=524288, updated=_AT),))


def test_a_source_with_rights_is_asked_by_them() -> None:
    """Where the dataset's source is an account of Azure, the address is one of its own."""
    assert hrefs(content([event_grid()], of=taking(source=AZURE))) == ["az://partnerdata/deliveries/2024/a.tif"]


@pytest.mark.parametrize("api", ["PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose", "SftpCommit"])
def test_calls_that_make_a_blob_whole(api: str) -> None:
    """Whichever call it was, a blob is taken."""
    assert len(content([event_grid(blob_data(api=api))], of=taking()).items) == 1


@pytest.mark.parametrize(
    "event",
    [
        event_grid(blob_data(api="CreateFile", contentLength=0)),
        event_grid(blob_data(api="SftpCreate", contentLength=0)),
        event_grid(blob_data(api="PutBlob", blobType="AppendBlob", contentLength=0)),
        event_grid(blob_data(api="PutBlob", blobType="PageBlob")),
        event_grid({"api": "DeleteBlob", "url": _HREF}, eventType="Microsoft.Storage.BlobDeleted"),
        event_grid({"api": "CreateDirectory"}, eventType="Microsoft.Storage.DirectoryCreated"),
    ],
)
def test_what_is_no_whole_blob(event: dict[str, Any]) -> None:
    """What isn't written yet, or isn't a new blob at all, is ignored and counted."""
    assert content([event], of=taking()) == IGNORED


def test_an_empty_blob() -> None:
    """A blob of no bytes is one."""
    (item,) = content([event_grid(blob_data(api="PutBlob", contentLength=0))], of=taking()).items

    assert item.assets[0].size == 0


def test_the_address_of_a_data_lake() -> None:
    """What was written by the Data Lake's endpoint is read by that of blobs."""
    url = f"https://{ACCOUNT}.dfs.core.windows.net/deliveries/2024/a.tif"

    assert hrefs(content(_blob("2024/a.tif", url=url), of=taking())) == [_HREF]


@pytest.mark.parametrize("name", ["a b+ü%41#?.tif", "plain.tif", "a%20b.tif"])
@pytest.mark.parametrize("escape", [quote, str], ids=["escaped", "as it is"])
def test_a_name_with_unusual_characters(name: str, escape: Any) -> None:
    """Whether the address is escaped or not, the subject says which blob it is."""
    url = f"https://{ACCOUNT}.blob.core.windows.net/deliveries/{escape(name)}"

    assert hrefs(content(_blob(name, url=url), of=taking())) == [
        f"https://{ACCOUNT}.blob.core.windows.net/deliveries/{quote(name)}"
    ]


def test_an_account_that_nobody_watches() -> None:
    """It is refused with the field to add it to."""
    url = "https://other.blob.core.windows.net/deliveries/2024/a.tif"

    assert reasons(content(_blob("2024/a.tif", url=url), of=taking())) == [
        ("UrlRefusedError", "the account 'other' isn't watched; add it to events.accounts")
    ]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://partnerdata.blob.core.windows.net.evil.example/deliveries/a.tif", "a.tif"),
        ("https://evil.example/partnerdata.blob.core.windows.net/deliveries/a.tif", "a.tif"),
        ("https://partnerdata@evil.example/deliveries/a.tif", "a.tif"),
        ("http://partnerdata.blob.core.windows.net/deliveries/a.tif", "a.tif"),
        (f"https://{ACCOUNT}.blob.core.windows.net/deliveries/a.tif", "b.tif"),
        (f"https://{ACCOUNT}.blob.core.windows.net/other/a.tif", "a.tif"),
        ("", "a.tif"),
    ],
)
def test_an_address_that_is_no_blob(url: str, name: str) -> None:
    """An address of another host, or of another blob than the subject says, is refused."""
    found = content(_blob(name, url=url), of=taking())

    assert (found.items, [error for error, _ in reasons(found)]) == ((), ["MalformedCatalogError"])


@pytest.mark.parametrize("name", ["a/../b.tif", "a//b.tif", "./a.tif", "a\tb.tif"])
def test_a_name_that_cant_be_asked_for(name: str) -> None:
    """It is refused as a listing would refuse it."""
    url = f"https://{ACCOUNT}.blob.core.windows.net/deliveries/{name}"

    found = content(_blob(name, url=url), of=taking(source=AZURE))

    assert (found.items, [error for error, _ in reasons(found)]) == ((), ["UrlRefusedError"])


@pytest.mark.parametrize("data", [{}, "text", [], {"api": 1, "url": _HREF, "blobType": "BlockBlob"}])
def test_data_that_is_no_blobs(data: Any) -> None:
    """It is refused, and says which field is wrong."""
    found = content([event_grid(data)], of=taking())

    assert [(error, text.partition(":")[0]) for error, text in reasons(found)] == [
        ("MalformedCatalogError", "no data of Microsoft.Storage.BlobCreated")
    ]


@pytest.mark.parametrize("length", [None, "524288", -1, 1.5, 2**63])
def test_a_length_that_is_none(length: Any) -> None:
    """It isn't believed, and the blob is copied all the same."""
    (item,) = content([event_grid(blob_data(contentLength=length))], of=taking()).items

    assert item.assets[0].size is None


@pytest.mark.parametrize("time", ["2024-06-01T12:00:00.1Z", "yesterday", None])
def test_a_time_that_is_none(time: Any) -> None:
    """A time that is still to come, or can't be read, says nothing of how new the blob is."""
    (item,) = content([event_grid(eventTime=time)], of=taking()).items

    assert item.assets[0].updated is None


def test_other_files_of_the_same_body() -> None:
    """One event that can't be read is refused by its place, and stops no other."""
    found = read([event_grid(), {"eventType": "no id"}, event_grid(id="2")], of=taking())

    assert [len(each.content.items) for each in found] == [1, 0, 1]
    assert [each.item for each in found[1].content.refusals] == ["event 2 of the body"]


class TestListing:
    """What a dataset takes whose catalog is a listing of the same container."""

    LISTING = {"kind": "listing", "url": f"az://{ACCOUNT}/deliveries/2024/", "patterns": ["*.tif"]}  # noqa: RUF012 - a constant

    def test_items_of_their_own(self) -> None:
        """A file is called what a run of the dataset would call it."""
        found = content([event_grid()], of=taking(source=AZURE, catalog=self.LISTING))

        at = datetime.fromisoformat(WRITTEN)
        assert found.items == (file("az://partnerdata/deliveries/2024/a.tif", size=524288, updated=at),)

    def test_items_of_several_files(self) -> None:
        """Files are grouped as a run would group them."""
        (item,) = content([event_grid()], of=taking(source=AZURE, catalog={**self.LISTING, "item": "folder"})).items

        assert (item.item, item.datetime, [each.key for each in item.assets]) == (
            "2024",
            None,
            ["az://partnerdata/deliveries/2024/a.tif"],
        )

    @pytest.mark.parametrize("name", ["2023/a.tif", "2024/a.txt"])
    def test_what_it_wouldnt_list(self, name: str) -> None:
        """Another prefix, or a name of another pattern, is ignored."""
        url = f"https://{ACCOUNT}.blob.core.windows.net/deliveries/{name}"

        assert content(_blob(name, url=url), of=taking(source=AZURE, catalog=self.LISTING)) == IGNORED
