"""HTTP requests and responses as the worker knows them.

Sources: azure-functions-host GrpcMessageConversionExtensions.cs (ToRpcHttp), HttpBinding.cs (ParseResponseObject);
azure-webjobs-sdk-extensions HttpTriggerAttributeBindingProvider.cs (GetRequestBindingData).
"""

import json
from collections.abc import Iterable, Mapping
from http.cookies import SimpleCookie
from typing import Any

from aiohttp import web

from functions_host.functions import Datum
from functions_host.keys import KEY_QUERY

#: The server states these itself, from the body.
_FRAMING = frozenset({"content-length", "transfer-encoding"})
_PLAIN = "text/plain; charset=utf-8"
_JSON = "application/json; charset=utf-8"


def request_datum(request: web.Request, *, params: Mapping[str, str], body: bytes) -> Datum:
    """A request as the worker's HTTP trigger takes it; ``params`` are the route's."""
    return (
        "http",
        {
            "method": ("string", request.method),
            # The path as it was sent, still encoded, with its query.
            "url": ("string", f"{request.scheme}://{request.host}{request.raw_path}"),
            "headers": _strings(_headers(request)),
            "body": ("bytes", body),
            "params": _strings(params),
            "query": _strings(_query(request)),
        },
    )


def request_metadata(request: web.Request, *, params: Mapping[str, str]) -> dict[str, Datum]:
    """What the host tells the worker of a request beside it."""
    query, headers = _query(request), _headers(request)
    named = {name: value for name, value in query.items() if name.lower() != KEY_QUERY} | dict(params)
    return {
        "Query": ("json", json.dumps(query)),
        "Headers": ("json", json.dumps(headers)),
        **_strings({name: value for name, value in named.items() if name.lower() != "sys"}),
    }


async def request_body(request: web.Request) -> bytes:
    """A request's body, which the host reads only where a Content-Length says how long it is.

    Raises:
        aiohttp.web.HTTPRequestEntityTooLarge: it is longer than the server allows.
    """
    return await request.read() if request.content_length else b""


def response_of(returned: Datum | None) -> web.Response:
    """The response for what a function returned.

    Raises:
        ValueError: it is none, such as a status that is no number.
        TypeError: it is none.
    """
    if returned is None:
        return web.Response()
    kind, value = returned
    match kind:
        case "http":
            return _from_response(value)
        case "bytes":
            return web.Response(body=value)
        case "string":
            return _from_text(value)
        case "json" | "int" | "double":
            return web.Response(body=str(value).encode(), headers={"Content-Type": _JSON})
        case _:
            raise TypeError(f"a function can't answer a request with a {kind}")


def _headers(request: web.Request) -> dict[str, str]:
    return _joined((name.lower(), value) for name, value in request.headers.items())


def _query(request: web.Request) -> dict[str, str]:
    return _joined(request.query.items())


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    # As .NET's StringValues: names in any case are one, values are joined by commas, empty ones dropped.
    spelling: dict[str, str] = {}
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        if value:
            values.setdefault(spelling.setdefault(name.lower(), name), []).append(value)
    return {name: ",".join(each) for name, each in values.items()}


def _strings(values: Mapping[str, str]) -> dict[str, Datum]:
    return {name: ("string", value) for name, value in values.items()}


def _from_response(value: Mapping[str, Any]) -> web.Response:
    # {"status_code": ("string", "200"), "headers": {"name": ("string", "value")}, "cookies": [SimpleCookie] or None,
    #  "body": ("bytes", b"...")}
    _, body = value["body"]
    response = web.Response(
        status=int(value["status_code"][1]),
        body=body.encode() if isinstance(body, str) else body,
        headers=_kept({name: text for name, (_, text) in value["headers"].items()}),
    )
    _add_cookies(response, value.get("cookies") or ())
    return response


def _from_text(text: str) -> web.Response:
    fields = _object(text)
    if "body" not in fields:
        return web.Response(body=text.encode(), headers={"Content-Type": _PLAIN})
    # A text such as {"status": 404, "body": "no such thing", "headers": {"x-a": "b"}} is a response by convention.
    body = fields["body"]
    given: Mapping[str, Any] = fields.get("headers") or {}
    headers = {"content-type": _PLAIN if isinstance(body, str) else _JSON}
    headers |= {name.lower(): str(value) for name, value in given.items()}
    return web.Response(
        status=int(fields.get("statuscode", fields.get("status", 200))),
        body=(body if isinstance(body, str) else json.dumps(body)).encode(),
        headers=_kept(headers),
    )


def _object(text: str) -> dict[str, Any]:
    # The fields of a JSON object, in lower case; none where the text is something else.
    try:
        content: Any = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(content, dict):
        return {}
    return {str(name).lower(): value for name, value in content.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _FRAMING}


def _add_cookies(response: web.Response, cookies: Iterable[SimpleCookie]) -> None:
    for morsel in (each for cookie in cookies for each in cookie.values()):
        # ASP.NET's CookieOptions have this path where none is given.
        morsel["path"] = morsel["path"] or "/"
        response.headers.add("Set-Cookie", morsel.OutputString())
