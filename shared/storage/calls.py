"""The calls that are made for every asset, without the layers that the SDKs' clients add to each.

azure-core's pipeline sends them, so its retry policy alone repeats a call, its credential policy gets the tokens, and
its exceptions tell what failed. There is no logging policy: nothing of a request is written down.
"""

import re
import uuid
from collections.abc import AsyncIterable, Callable, Mapping
from email.utils import formatdate
from typing import Any, cast

from azure.core import AsyncPipelineClient
from azure.core.exceptions import HttpResponseError
from azure.core.rest import AsyncHttpResponse, HttpRequest

from shared.storage.bodies import Pieces
from shared.storage.entities import AGAIN

#: Of the services' interfaces (https://learn.microsoft.com/rest/api/storageservices/versioning-for-the-azure-storage-services).
BLOB_VERSION = "2023-11-03"
TABLE_VERSION = "2019-02-02"

# A redirect, which nobody follows here, has written nothing either.
_SUCCESSES = range(200, 300)
_CODE = re.compile(r'"code"\s*:\s*"(\w+)"')

type Client = AsyncPipelineClient[HttpRequest, AsyncHttpResponse]


class Calls:
    """Requests to one service of the account."""

    def __init__(self, client: Client, url: str, *, version: str, signature: Callable[[], str]) -> None:
        self._client = client
        self._headers = {"x-ms-version": version, "User-Agent": "sluice"}
        self._signature = signature
        #: Where the service is, without a slash at its end.
        self.url = url

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Pieces = b"",
        query: str = "",
        expected: int | None = None,
    ) -> AsyncHttpResponse:
        """Send a request, whose path and query are encoded, and return its answer, read to its end.

        Raises HttpResponseError for a status that is neither a success nor ``expected``, and other AzureErrors where no
        answer came. By then it was repeated, also a POST whose answer was lost: the caller has to recognise its own
        work.
        """
        query = "&".join(filter(None, (query, self._signature())))
        url = f"{self.url}/{path}?{query}" if query else f"{self.url}/{path}"
        # aiohttp writes memory views as they are, which azure-core doesn't declare.
        content = cast("bytes | AsyncIterable[bytes]", body)
        request = HttpRequest(method, url, headers={**self._headers, **headers, **_every_time(body)}, content=content)
        answer = await self._client.send_request(request, **AGAIN)
        if answer.status_code not in _SUCCESSES and answer.status_code != expected:
            raise _error(answer)
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def error_code(headers: Mapping[str, str], text: str) -> str:
    """The service's own code for an error: in a header of blobs, in the JSON of tables; empty where there is none."""
    found = _CODE.search(text)
    return headers.get("x-ms-error-code") or (found[1] if found else "")


def _every_time(body: bytes | Pieces) -> dict[str, str]:
    # Without its length a body of pieces would be sent chunked, which Put Blob refuses.
    return {
        "Content-Length": str(len(body)),
        "x-ms-date": formatdate(usegmt=True),
        "x-ms-client-request-id": str(uuid.uuid4()),
    }


def _error(answer: AsyncHttpResponse) -> HttpResponseError:
    error: Any = HttpResponseError(response=answer)
    # As the SDKs do, which leave it undeclared.
    error.error_code = error_code(answer.headers, answer.text())
    return error
