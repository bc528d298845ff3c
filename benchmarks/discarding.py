"""Just enough of Blob Storage to take blobs and to forget them: lengths, labels and first bytes are kept."""

import dataclasses
import itertools
import re
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from xml.sax.saxutils import escape

#: Of every body, kept to compare with what ought to have come.
FIRST_BYTES = 32
_LISTED = re.compile(rb"<(?:Latest|Uncommitted|Committed)>([^<]+)</")
_XML = '<?xml version="1.0" encoding="utf-8"?>'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request whose body has been read."""

    method: str
    container: str
    blob: str
    query: Mapping[str, str]
    #: With names in lower case.
    headers: Mapping[str, str]
    length: int
    #: The body's first bytes; all of it where ``keeps_body`` says so.
    body: bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer."""

    status: HTTPStatus
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    body: bytes = b""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A body that came, as it is remembered."""

    length: int
    first: bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Blob:
    etag: str
    modified: str
    pieces: Mapping[str, Piece]
    #: Ids of ``pieces`` in their order.
    order: tuple[str, ...]
    headers: Mapping[str, str]

    @property
    def length(self) -> int:
        return sum(self.pieces[each].length for each in self.order)


def keeps_body(query: Mapping[str, str]) -> bool:
    """Tell whether a request's whole body is wanted."""
    return query.get("comp") == "blocklist"


class Store:
    """Blobs of an account, without their bytes."""

    def __init__(self) -> None:
        self._containers: dict[str, dict[str, _Blob]] = {}
        self._staged: dict[tuple[str, str], dict[str, Piece]] = {}
        self._numbers = itertools.count(1)

    def answer(self, request: Request) -> Reply:
        """Do what is asked."""
        if not request.blob:
            return self._of_container(request)
        blobs = self._containers.setdefault(request.container, {})
        if request.method == "PUT":
            return self._write(request, blobs)
        return self._read(request, blobs.get(request.blob))

    def facts(self, container: str) -> dict[str, list[tuple[int, str]]]:
        """By blob, the length and first bytes (hex) of each of its pieces, in their order."""
        return {
            name: [(blob.pieces[each].length, blob.pieces[each].first.hex()) for each in blob.order]
            for name, blob in self._containers.get(container, {}).items()
        }

    def _of_container(self, request: Request) -> Reply:
        blobs = self._containers.setdefault(request.container, {})
        if request.query.get("comp") != "list":
            status = HTTPStatus.CREATED if request.method == "PUT" else HTTPStatus.OK
            return Reply(status=status, headers={"ETag": '"0x1"', "Last-Modified": _now()})
        names = "".join(
            f"<Blob><Name>{escape(name)}</Name><Properties><Content-Length>{each.length}</Content-Length>"
            f"<Last-Modified>{each.modified}</Last-Modified><Etag>{escape(each.etag)}</Etag>"
            "<BlobType>BlockBlob</BlobType></Properties></Blob>"
            for name, each in blobs.items()
            if name.startswith(request.query.get("prefix", ""))
        )
        body = f"{_XML}<EnumerationResults><Blobs>{names}</Blobs><NextMarker/></EnumerationResults>"
        return Reply(status=HTTPStatus.OK, headers={"Content-Type": "application/xml"}, body=body.encode())

    def _write(self, request: Request, blobs: dict[str, _Blob]) -> Reply:
        match request.query.get("comp", ""):
            case "":
                piece = Piece(length=request.length, first=request.body[:FIRST_BYTES])
                return self._commit(request, blobs, pieces={"": piece}, order=("",))
            case "block":
                return self._stage(request)
            case "blocklist":
                return self._commit_list(request, blobs)
            case _:
                return _error(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented")

    def _read(self, request: Request, blob: _Blob | None) -> Reply:
        match request.method, request.query.get("comp", ""):
            case "GET", "blocklist":
                return self._block_list(request, blob)
            case "HEAD", "":
                return _shown(blob)
            case _:
                return _error(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented")

    def _stage(self, request: Request) -> Reply:
        staged = self._staged.setdefault((request.container, request.blob), {})
        piece = Piece(length=request.length, first=request.body[:FIRST_BYTES])
        staged[request.query.get("blockid", "")] = piece
        return Reply(status=HTTPStatus.CREATED, headers=_echoed(request))

    def _commit_list(self, request: Request, blobs: dict[str, _Blob]) -> Reply:
        order = tuple(each.decode() for each in _LISTED.findall(request.body))
        there = blobs.get(request.blob)
        known = {**(there.pieces if there else {}), **self._staged.get((request.container, request.blob), {})}
        if not known.keys() >= set(order):
            return _error(HTTPStatus.BAD_REQUEST, "InvalidBlockList")
        return self._commit(request, blobs, pieces={each: known[each] for each in order}, order=order)

    def _commit(
        self, request: Request, blobs: dict[str, _Blob], *, pieces: Mapping[str, Piece], order: tuple[str, ...]
    ) -> Reply:
        there, headers = blobs.get(request.blob), request.headers
        if headers.get("if-none-match") == "*" and there is not None:
            return _error(HTTPStatus.CONFLICT, "BlobAlreadyExists")
        if "if-match" in headers and (there is None or headers["if-match"] not in {"*", there.etag}):
            return _error(HTTPStatus.PRECONDITION_FAILED, "ConditionNotMet")
        etag = f'"0x{next(self._numbers):X}"'
        blob = _Blob(etag=etag, modified=_now(), pieces=pieces, order=order, headers=_labels(request))
        blobs[request.blob] = blob
        self._staged.pop((request.container, request.blob), None)
        told = {"ETag": blob.etag, "Last-Modified": blob.modified, **_echoed(request)}
        return Reply(status=HTTPStatus.CREATED, headers=told)

    def _block_list(self, request: Request, there: _Blob | None) -> Reply:
        staged = self._staged.get((request.container, request.blob))
        if there is None and staged is None:
            return _error(HTTPStatus.NOT_FOUND, "BlobNotFound")
        committed = _blocks({each: there.pieces[each] for each in there.order if each} if there else {})
        body = (
            f"{_XML}<BlockList><CommittedBlocks>{committed}</CommittedBlocks>"
            f"<UncommittedBlocks>{_blocks(staged or {})}</UncommittedBlocks></BlockList>"
        )
        headers = {"Content-Type": "application/xml"}
        if there is not None:
            headers |= {"ETag": there.etag, "Last-Modified": there.modified}
            headers["x-ms-blob-content-length"] = str(there.length)
        return Reply(status=HTTPStatus.OK, headers=headers, body=body.encode())


def _labels(request: Request) -> dict[str, str]:
    """What a HEAD shows of a blob beside what is counted here."""
    given = request.headers
    shown = {
        "Content-Type": given.get("x-ms-blob-content-type") or given.get("content-type"),
        "Content-MD5": given.get("x-ms-blob-content-md5") or given.get("content-md5"),
        "Content-Encoding": given.get("x-ms-blob-content-encoding"),
    }
    labels = {name: value for name, value in given.items() if name.startswith("x-ms-meta-")}
    return {**{name: value for name, value in shown.items() if value}, **labels}


def _echoed(request: Request) -> dict[str, str]:
    md5 = request.headers.get("content-md5")
    return {"x-ms-request-server-encrypted": "true", **({"Content-MD5": md5} if md5 else {})}


def _shown(blob: _Blob | None) -> Reply:
    if blob is None:
        return _error(HTTPStatus.NOT_FOUND, "BlobNotFound")
    headers = {
        **blob.headers,
        "Content-Length": str(blob.length),
        "ETag": blob.etag,
        "Last-Modified": blob.modified,
        "x-ms-creation-time": blob.modified,
        "x-ms-blob-type": "BlockBlob",
        "x-ms-lease-state": "available",
        "x-ms-lease-status": "unlocked",
        "x-ms-server-encrypted": "true",
    }
    return Reply(status=HTTPStatus.OK, headers=headers)


def _blocks(pieces: Mapping[str, Piece]) -> str:
    return "".join(
        f"<Block><Name>{escape(name)}</Name><Size>{each.length}</Size></Block>" for name, each in pieces.items()
    )


def _error(status: HTTPStatus, code: str) -> Reply:
    body = f"{_XML}<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
    return Reply(status=status, headers={"x-ms-error-code": code, "Content-Type": "application/xml"}, body=body)


def _now() -> str:
    return formatdate(usegmt=True)
