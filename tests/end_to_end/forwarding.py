"""What a reverse proxy before Azurite needs: a door to come in by, and requests passed on as they are."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

_MAX_BODY_BYTES = 64 * 1024 * 1024
#: The connection's business, or stated anew.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_NOT_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


@contextlib.asynccontextmanager
async def listening(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncGenerator[int]:
    """Answer every request until the block ends; enter with the port."""
    application = web.Application(client_max_size=_MAX_BODY_BYTES)
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def forwarded(request: web.Request, body: bytes, *, session: aiohttp.ClientSession, port: int) -> web.Response:
    """The answer of the service on this port.

    A shared key's signature covers the path and no host, so headers are passed on as they are.
    """
    url = URL(f"http://127.0.0.1:{port}{request.raw_path}", encoded=True)
    headers = _end_to_end(request.headers)
    async with session.request(
        request.method, url, data=body, headers=headers, allow_redirects=False, skip_auto_headers=_NOT_ADDED
    ) as answer:
        content = await answer.read()
        headers = _end_to_end(answer.headers)
        if request.method == "HEAD" and "Content-Length" in answer.headers:
            headers["Content-Length"] = answer.headers["Content-Length"]
        return web.Response(status=answer.status, reason=answer.reason, body=content or None, headers=headers)


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP)
