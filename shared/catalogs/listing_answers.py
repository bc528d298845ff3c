"""How object stores are asked for a list, and what they answer: S3's way, which Google's XML API has too, and Azure's.

::

    <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
      <Name>bucket</Name><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
      <NextContinuationToken>1ueGcxLPRx1Tr...</NextContinuationToken>
      <Contents><Key>a+b/c.tif</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified>
        <ETag>"fba9dede5f27731c9771645a39863328"</ETag><Size>434234</Size></Contents>
    </ListBucketResult>

    <EnumerationResults ServiceEndpoint="https://account.blob.core.windows.net/" ContainerName="container">
      <Blobs><Blob><Name>a b/c.tif</Name><Properties><Last-Modified>Mon, 12 Oct 2009 17:50:30 GMT</Last-Modified>
        <Content-Length>434234</Content-Length><Content-MD5>Q2hlY2sgSW50ZWdyaXR5IQ==</Content-MD5>
        <ResourceType>file</ResourceType></Properties></Blob></Blobs>
      <NextMarker>2!108!MDAwMDI3...</NextMarker>
    </EnumerationResults>

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html,
https://cloud.google.com/storage/docs/xml-api/get-bucket-list,
https://learn.microsoft.com/rest/api/storageservices/list-blobs
"""

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol
from urllib.parse import unquote, unquote_plus
from xml.etree.ElementTree import Element

from pydantic import TypeAdapter

from shared.catalogs.json_text import shown
from shared.catalogs.xml_text import parse_xml
from shared.egress import http_date
from shared.model.checksums import Algorithm, from_hex_or_base64
from shared.model.hrefs import ObjectAddress
from shared.model.times import WrittenTime

_TIME = TypeAdapter[datetime](WrittenTime)
_SIZE = re.compile(r"[0-9]{1,18}")
#: Written as JSON within JSON it fits into a message still, whatever it is made of.
_LONGEST_TOKEN_BYTES = 4096


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file of a list, or what can't be read as one."""

    #: As it is, without escapes; None: there is none that could be read.
    key: str | None = None
    size: int = 0
    updated: datetime | None = None
    checksum: str | None = None
    #: A directory: of a store that has them, or what other programs put where one would be.
    is_folder: bool = False
    #: What is wrong with it, in words.
    wrong: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One page of a list."""

    entries: tuple[Entry, ...]
    #: What the next page is asked for by; None at the end.
    following: str | None


class Store(Protocol):
    """How a kind of store is asked, and answers."""

    def query(self, prefix: str, *, size: int, following: str | None) -> dict[str, str]:
        """The query of a page."""
        ...

    def answer(self, body: bytes) -> Answer:
        """Read a page; raises ValueError: what is wrong with it."""
        ...


class S3Store:
    """S3, and what lists as it does. An ETag isn't taken for an MD5: which ones are no list says, encryption by key."""

    def query(self, prefix: str, *, size: int, following: str | None) -> dict[str, str]:
        """See ``Store``; names are asked for in escapes, since XML can't hold all of them."""
        query = {"list-type": "2", "encoding-type": "url", "max-keys": str(size), "prefix": prefix}
        return query if following is None else {**query, "continuation-token": following}

    def answer(self, body: bytes) -> Answer:
        """See ``Store``."""
        root = _root(body, "ListBucketResult")
        if root.find("CommonPrefixes") is not None:
            raise ValueError("CommonPrefixes: they hide keys, and nobody asked for them")
        said = _text(root, "IsTruncated")
        following = _token(root, "NextContinuationToken")
        if said not in {"true", "false"}:
            raise ValueError(f"IsTruncated: true or false, found {shown(said)}")
        if (said == "true") != (following is not None):
            raise ValueError(f"IsTruncated is {said}, and NextContinuationToken {shown(following)}")
        is_escaped = _text(root, "EncodingType") == "url"
        entries = _entries(root.iterfind("Contents"), lambda each: _s3_entry(each, is_escaped=is_escaped))
        if (count := _text(root, "KeyCount") or str(len(entries))) != str(len(entries)):
            raise ValueError(f"KeyCount is {shown(count)}, and there are {len(entries)} Contents")
        return Answer(entries=entries, following=following)


class AzureStore:
    """Azure Blob Storage."""

    def query(self, prefix: str, *, size: int, following: str | None) -> dict[str, str]:
        """See ``Store``."""
        query = {"restype": "container", "comp": "list", "maxresults": str(size), "prefix": prefix}
        return query if following is None else {**query, "marker": following}

    def answer(self, body: bytes) -> Answer:
        """See ``Store``."""
        root = _root(body, "EnumerationResults")
        blobs = root.find("Blobs")
        if blobs is None:
            raise ValueError("Blobs: there is no such element")
        if blobs.find("BlobPrefix") is not None:
            raise ValueError("BlobPrefix: it hides names, and nobody asked for it")
        if root.find("NextMarker") is None:
            raise ValueError("NextMarker: there is no such element; at the end it is empty")
        return Answer(entries=_entries(blobs.iterfind("Blob"), _azure_entry), following=_token(root, "NextMarker"))


def store_of(place: ObjectAddress) -> Store:
    """How the store of an address is asked."""
    return AzureStore() if place.scheme == "az" else S3Store()


def _root(body: bytes, name: str) -> Element:
    root = parse_xml(body)
    if root.tag != name:
        raise ValueError(f"it is {shown(root.tag)}, not {name}")
    return root


def _entries(found: Iterable[Element], read: Callable[[Element], Entry]) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    for each in found:
        try:
            entries.append(read(each))
        except ValueError as error:
            entries.append(Entry(wrong=str(error)))
    return tuple(entries)


def _s3_entry(element: Element, *, is_escaped: bool) -> Entry:
    name = _text(element, "Key")
    # A plus is a space there, as in a form.
    key = _decoded(name, unquote_plus) if is_escaped else name
    updated = None
    with contextlib.suppress(ValueError):
        updated = _TIME.validate_python(_text(element, "LastModified"))
    size = _text(element, "Size")
    # So the consoles of S3 and Google make folders.
    return _entry(key, size=size, updated=updated, is_folder=key.endswith("/") and size == "0")


def _azure_entry(element: Element) -> Entry:
    name = element.find("Name")
    key = _text(element, "Name")
    if name is not None and name.get("Encoded") == "true":
        # Since version 2021-02-12, where XML can't hold it.
        key = _decoded(key, unquote)
    properties = element.find("Properties")
    properties = Element("Properties") if properties is None else properties
    checksum = None
    with contextlib.suppress(ValueError):
        checksum = from_hex_or_base64(Algorithm.MD5, _text(properties, "Content-MD5"))
    size = _text(properties, "Content-Length")
    is_folder = _text(properties, "ResourceType") == "directory" or (key.endswith("/") and size == "0")
    updated = http_date(_text(properties, "Last-Modified"))
    return _entry(key, size=size, updated=updated, checksum=checksum, is_folder=is_folder)


def _entry(key: str, *, size: str, updated: datetime | None, is_folder: bool, checksum: str | None = None) -> Entry:
    """An entry with what is wrong with it; raises ValueError where it has no name."""
    if not key:
        raise ValueError("it has no name")
    wrong = None
    if not _SIZE.fullmatch(size):
        wrong = f"a size of {shown(size)}"
    elif updated is None:
        wrong = "a time of modification that can't be read"
    if wrong is not None:
        return Entry(key=key, is_folder=is_folder, wrong=wrong)
    return Entry(key=key, size=int(size), updated=updated, checksum=checksum, is_folder=is_folder)


def _decoded(text: str, unescape: Callable[..., str]) -> str:
    try:
        return unescape(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError(f"a name that isn't UTF-8, {shown(text)}") from None


def _token(root: Element, name: str) -> str | None:
    token = _text(root, name)
    if (size := len(token.encode())) > _LONGEST_TOKEN_BYTES:
        raise ValueError(f"{name}: {size} bytes, more than {_LONGEST_TOKEN_BYTES}")
    return token or None


def _text(element: Element, name: str) -> str:
    return element.findtext(name) or ""
