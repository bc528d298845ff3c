"""The bad day's source: a file server with troubles, and a switch that mends them (``python -m demo.bad_day.source``).

``POST /-/mend`` is what the people do whose server this is, once an operator has told them; ``GET /-/answers`` says how
often each trouble was met.
"""

import argparse
import collections
import dataclasses
import http
import json
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, override

from demo.bad_day.plan import FULL, MANIFEST, SMALL, File, Plan, Size, Trouble, planned
from demo.files import FileHandler, FileServer

MEND, ANSWERS = "/-/mend", "/-/answers"

_RETRY_AFTER_SECONDS = 5
#: Before each answer: so that copies are under way when a worker is killed.
_DELAY_SECONDS = 0.4
_PAGE = b"<!DOCTYPE html>\n<html><head><title>Maintenance</title></head><body>Back at nine.</body></html>\n"


class Troubles:
    """Decides what is wrong with an answer; asked from several threads."""

    def __init__(self, size: Size, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._lock = threading.Lock()
        self._is_mended = False
        #: When each hanging file was asked for first, by its address.
        self._hung: dict[str, float] = {}
        self._throttled_from: float | None = None
        self._asked = 0
        #: How often each was met.
        self.met = collections.Counter[Trouble]()

    def mend(self) -> None:
        """End every trouble that doesn't end by itself."""
        with self._lock:
            self._is_mended = True

    def meet(self, file: File | None) -> Trouble | None:
        """What is wrong with the answer to this request, if anything; None: a request for the manifest."""
        with self._lock:
            trouble = self._of(file, now=self._clock())
            if trouble is not None:
                self.met[trouble] += 1
            return trouble

    def _of(self, file: File | None, *, now: float) -> Trouble | None:
        self._asked += 1
        if self._throttled_from is None and self._asked > self._size.throttled_after:
            self._throttled_from = now
        if self._throttled_from is not None and now < self._throttled_from + self._size.throttled_seconds:
            return Trouble.THROTTLED
        if file is not None and file.trouble is Trouble.HANGING:
            hung = self._hung.setdefault(file.path, now)
            return Trouble.HANGING if now < hung + self._size.hanging_seconds else None
        return file.trouble if file is not None and not self._is_mended else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What all requests have in common."""

    files: dict[str, File]
    troubles: Troubles
    held_seconds: float
    delay_seconds: float


class Handler(FileHandler):
    """Serves the files of a plan, which stand below a root, unless there is trouble."""

    def __init__(self, *arguments: Any, root: Path, shop: Shop) -> None:
        self._shop = shop
        super().__init__(*arguments, root=root, bytes_per_second=None)

    @override
    def do_GET(self) -> None:
        """Answer with the file, or with its trouble."""
        if self.path == ANSWERS:
            self._send(http.HTTPStatus.OK, json.dumps(self._shop.troubles.met).encode(), "application/json")
            return
        file = self._shop.files.get(self.path)
        if file is None and self.path != MANIFEST:
            self.send_error(http.HTTPStatus.NOT_FOUND)
            return
        time.sleep(self._shop.delay_seconds)
        trouble = self._shop.troubles.meet(file)
        if trouble is None:
            super().do_GET()
        elif trouble is Trouble.THROTTLED:
            self._refuse(http.HTTPStatus.TOO_MANY_REQUESTS, **{"Retry-After": str(_RETRY_AFTER_SECONDS)})
        elif file is not None:
            self._trouble(trouble, file)

    def do_POST(self) -> None:  # noqa: N802 - http.server's
        """Mend everything."""
        if self.path != MEND:
            self.send_error(http.HTTPStatus.NOT_FOUND)
            return
        self._shop.troubles.mend()
        self._send(http.HTTPStatus.OK, b"mended\n", "text/plain")

    def _trouble(self, trouble: Trouble, file: File) -> None:
        match trouble:
            case Trouble.MISSING:
                self._refuse(http.HTTPStatus.NOT_FOUND)
            case Trouble.FORBIDDEN:
                self._refuse(http.HTTPStatus.FORBIDDEN)
            case Trouble.WRONG:
                self._send(http.HTTPStatus.OK, file.wrong_body, "image/tiff")
            case Trouble.PAGE:
                # Without a length, as an application server sends what it makes.
                self._send_head(http.HTTPStatus.OK, "text/html", **{"Transfer-Encoding": "chunked"})
                self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(_PAGE), _PAGE))
            case _:
                self._hang(file)

    def _hang(self, file: File) -> None:
        """Send half of it, hold the connection, and close it."""
        body = file.body
        self._send_head(http.HTTPStatus.OK, "image/tiff", **{"Content-Length": str(len(body))})
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True
        # Whoever waits for more may have enough of it before.
        self.connection.settimeout(self._shop.held_seconds)
        try:
            self.rfile.read(1)
        except OSError:
            return

    def _refuse(self, status: http.HTTPStatus, **headers: str) -> None:
        self._send(status, f"{status} {status.phrase}\n".encode(), "text/plain", **headers)

    def _send(self, status: http.HTTPStatus, body: bytes, media_type: str, **headers: str) -> None:
        self._send_head(status, media_type, **{"Content-Length": str(len(body))}, **headers)
        self.wfile.write(body)

    def _send_head(self, status: http.HTTPStatus, media_type: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": media_type, **headers}.items():
            self.send_header(name, value)
        self.end_headers()


def write_files(plan: Plan, root: Path, *, url: str) -> None:
    """Write the files and the manifest below a root; ``url`` is where they will be served."""
    for each in plan.files:
        path = root / each.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(each.body)
    (root / MANIFEST.lstrip("/")).write_text(plan.manifest(url), encoding="utf-8")


def serving(plan: Plan, root: Path, *, port: int, delay_seconds: float = _DELAY_SECONDS) -> FileServer:
    """Make the server; port 0: any that is free."""
    shop = Shop(
        files={each.path: each for each in plan.files},
        troubles=Troubles(plan.size),
        held_seconds=plan.size.held_seconds,
        delay_seconds=delay_seconds,
    )
    return FileServer(("127.0.0.1", port), partial(Handler, root=root, shop=shop))


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m demo.bad_day.source", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    with serving(planned(SMALL if options.small else FULL), options.directory, port=options.port) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
