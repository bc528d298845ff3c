"""Serves a folder over HTTP as a data host does: ranges, ETags, preconditions (``python -m demo.files DIR PORT``)."""

import argparse
import dataclasses
import email.utils
import http
import http.server
import mimetypes
import os
import re
import time
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, override
from urllib.parse import unquote, urlsplit

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_WHOLE_PIECE = 1 << 30
#: A paced body goes out in as many pieces a second.
_PIECES_A_SECOND = 10


class FileServer(http.server.ThreadingHTTPServer):
    """One thread a connection; the kernel copies the bytes."""

    daemon_threads = True
    request_queue_size = 128


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """The bytes that are asked for: from ``start``, ``length`` of them."""

    start: int
    length: int
    #: Whether that is an answer to a range.
    partial: bool


class FileHandler(http.server.BaseHTTPRequestHandler):
    """GET and HEAD of files below a root."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, *arguments: Any, root: Path, bytes_per_second: int | None) -> None:
        self._root = root.resolve()
        self._bytes_per_second = bytes_per_second
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer with the file, or the part of it that Range asks for."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with the headers alone."""
        self._answer(with_body=False)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the demo judges by other evidence."""

    def _answer(self, *, with_body: bool) -> None:
        try:
            file = self._path().open("rb")
        except OSError:
            self.send_error(http.HTTPStatus.NOT_FOUND)
            return
        with file:
            status = os.fstat(file.fileno())
            etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
            if not self._precondition_holds(etag, modified=status.st_mtime):
                self.send_error(http.HTTPStatus.PRECONDITION_FAILED)
                return
            span = self._span(status.st_size, etag=etag)
            if span is None:
                self.send_error(http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                return
            self._send_headers(span, etag=etag, status=status)
            if with_body:
                self._send_body(file, span)

    def _path(self) -> Path:
        path = (self._root / unquote(urlsplit(self.path).path).lstrip("/")).resolve()
        if not path.is_relative_to(self._root) or not path.is_file():
            raise FileNotFoundError(path)
        return path

    def _precondition_holds(self, etag: str, *, modified: float) -> bool:
        match = self.headers.get("If-Match")
        if match is not None:
            return match.strip() == "*" or etag in {each.strip() for each in match.split(",")}
        since = self.headers.get("If-Unmodified-Since")
        return since is None or int(modified) <= email.utils.parsedate_to_datetime(since).timestamp()

    def _span(self, size: int, *, etag: str) -> _Span | None:
        """The part that is asked for; None where there is no such part."""
        found = _RANGE.fullmatch(self.headers.get("Range", ""))
        if found is None or found[0] == "bytes=-" or self.headers.get("If-Range", etag) != etag:
            return _Span(start=0, length=size, partial=False)
        if not found[1]:
            length = min(int(found[2]), size)
            return _Span(start=size - length, length=length, partial=True) if length else None
        start = int(found[1])
        end = min(int(found[2]) + 1, size) if found[2] else size
        return _Span(start=start, length=end - start, partial=True) if start < end else None

    def _send_headers(self, span: _Span, *, etag: str, status: os.stat_result) -> None:
        self.send_response(http.HTTPStatus.PARTIAL_CONTENT if span.partial else http.HTTPStatus.OK)
        media_type, _ = mimetypes.guess_type(self.path)
        self.send_header("Content-Type", media_type or "application/octet-stream")
        self.send_header("Content-Length", str(span.length))
        if span.partial:
            last = span.start + span.length - 1
            self.send_header("Content-Range", f"bytes {span.start}-{last}/{status.st_size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", etag)
        self.send_header("Last-Modified", email.utils.formatdate(status.st_mtime, usegmt=True))
        self.end_headers()

    def _send_body(self, file: BinaryIO, span: _Span) -> None:
        rate = self._bytes_per_second
        piece = rate // _PIECES_A_SECOND if rate else _WHOLE_PIECE
        end = span.start + span.length
        for start in range(span.start, end, piece):
            if rate and start > span.start:
                time.sleep(1 / _PIECES_A_SECOND)
            self.connection.sendfile(file, start, min(piece, end - start))


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m demo.files", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--bytes-per-second", type=int, help="how fast one answer goes out; default: as fast as it can")
    options = parser.parse_args()
    handler = partial(FileHandler, root=options.directory, bytes_per_second=options.bytes_per_second)
    with FileServer(("127.0.0.1", options.port), handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
