"""The page that people look at: files that hold no data. What the page shows it asks for with a key."""

import asyncio
import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from shared.api.exchange import Answer, Asked
from shared.clients import Process

_FOLDER = Path(__file__).resolve().parent / "web"
_INDEX = "index.html"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
#: Nothing but the page's own files runs or is asked, no text becomes markup or a script, and no other page frames it
#: (https://www.w3.org/TR/CSP3, https://www.w3.org/TR/trusted-types).
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "; ".join(_POLICY),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
        # Kept, and asked for again each time: after a deployment nobody has half of the old page.
        "Cache-Control": "no-cache",
    }
)


async def page(process: Process, asked: Asked) -> Answer:
    """Answer with the page. It is shown though storage can't be reached: it is where that is told."""
    del process
    return await _answer(_INDEX, asked) if not asked.params.get("nothing") else _missing()


async def file(process: Process, asked: Asked) -> Answer:
    """Answer with a file that belongs to the page."""
    del process
    name = asked.params["file"]
    return await _answer(name, asked) if name != _INDEX else _missing()


async def _answer(name: str, asked: Asked) -> Answer:
    found = (await asyncio.to_thread(_files)).get(name)
    if found is None:
        return _missing()
    headers = {**_HEADERS, "ETag": found.etag}
    # Compressed on the way, an ETag becomes a weak one.
    known = {each.strip().removeprefix("W/") for each in asked.headers.get("if-none-match", "").split(",")}
    if known & {found.etag, "*"}:
        return Answer(status=304, media_type=found.media_type, headers=headers)
    return Answer(body=found.text, media_type=found.media_type, headers=headers)


def _missing() -> Answer:
    return Answer(status=404, media_type="text/plain", headers=_HEADERS)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    text: str
    media_type: str
    etag: str


@functools.cache
def _files() -> Mapping[str, _File]:
    """All of them, read once a process: no name that is asked for becomes a path."""
    return {each.name: _read(each) for each in _FOLDER.iterdir() if each.suffix in _TYPES}


def _read(path: Path) -> _File:
    body = path.read_bytes()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return _File(text=body.decode(), media_type=_TYPES[path.suffix], etag=etag)
