"""Calls of our own against a service that fails, and what they send."""

import base64
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.credentials import AccessTokenInfo, AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import HttpRequest
from azure.identity.aio import DefaultAzureCredential
from pytest_mock import MockerFixture

from shared.model.errors import BlobConflictError, StorageFailedError
from shared.model.settings import Settings
from shared.storage.accounts import Account, open_account
from shared.storage.blobs import AzureBlobs, BlobPath, Content
from shared.storage.bodies import Pieces
from shared.storage.ledger import AzureLedger, Write
from shared.storage.signatures import Signature, blob_signature, table_signature
from tests.contracts.rows import completion
from tests.unit.storage.conftest import DROPPED, Answer, Service

_PATH = BlobPath(container="data", name="a/b~1/c%20d é.tif")
_CONTENT = Content(md5=None, media_type="image/tiff", metadata={"cause": "run-1"})
_TWO = [Write(row=completion("a")), Write(row=completion("b"))]


def answered(*statuses: str, text: str = "") -> Answer:
    """The answer to a transaction, with the statuses of its operations."""
    head = "--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n"
    part = "--changesetresponse_1\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 {}\r\nDataServiceVersion: 3.0;\r\n"
    parts = "".join(part.format(each) + f"\r\n{text}\r\n" for each in statuses)
    return Answer(status=202, body=f"{head}{parts}--changesetresponse_1--\r\n--batchresponse_1--\r\n")


def refused(status: str, code: str, *, index: int) -> Answer:
    """The answer to a transaction that one of its operations keeps from being done."""
    message = f'{{"odata.error":{{"code":"{code}","message":{{"lang":"en-US","value":"{index}:No.\\nTime:1"}}}}}}'
    return answered(status, text=message)


_DONE = answered("204 No Content", "204 No Content")
_CALLS: dict[str, Callable[[Account], Awaitable[object]]] = {
    "put": lambda account: AzureBlobs(account.blobs, account.blob_calls).put(_PATH, (b"x",), content=_CONTENT),
    "stage": lambda account: AzureBlobs(account.blobs, account.blob_calls).stage(_PATH, (b"x",), block_id="id"),
    "point read": lambda account: AzureLedger(account.table_calls).of("d", [("item", "key")]),
    "query": lambda account: AzureLedger(account.table_calls).of_items("d", ["item"]),
    "insert": lambda account: AzureLedger(account.table_calls).record(_TWO[:1]),
    "transaction": lambda account: AzureLedger(account.table_calls).record(_TWO),
}
_each_call = pytest.mark.parametrize("call", list(_CALLS.values()), ids=list(_CALLS))


@_each_call
@pytest.mark.parametrize("status", [500, 503, 429])
async def test_tries_come_to_an_end(
    account: Account,
    service: Service,
    waits: list[float],
    call: Callable[[Account], Awaitable[object]],
    status: int,
) -> None:
    """Five tries within 15 seconds, each the same request, then the error: neither absence nor conflict."""
    service.answers = [status] * 9

    with pytest.raises(StorageFailedError, match=str(status)) as raised:
        await call(account)

    assert isinstance(raised.value.__cause__, HttpResponseError)
    assert (len(service.bodies), len(set(service.bodies)), len(set(service.requests))) == (5, 1, 1)
    assert len({each["x-ms-client-request-id"] for each in service.headers}) == 1
    assert (len(waits), sum(waits) <= 15) == (4, True)


@_each_call
async def test_an_answer_that_never_comes_is_a_failure(
    account: Account, service: Service, waits: list[float], call: Callable[[Account], Awaitable[object]]
) -> None:
    """Could not tell is not not found; a POST whose answer was lost is repeated too."""
    service.answers = [DROPPED] * 19

    with pytest.raises(StorageFailedError):
        await call(account)

    assert len(waits) == 4


@_each_call
@pytest.mark.parametrize("status", [400, 403])
async def test_an_error_that_stays_is_not_repeated(
    account: Account, service: Service, call: Callable[[Account], Awaitable[object]], status: int
) -> None:
    """Whoever may not do something is told so at once, with the service's own code."""
    service.answers = [Answer(status=status, headers={"x-ms-error-code": "NotAllowed"})]

    with pytest.raises(StorageFailedError, match=f"{status} NotAllowed"):
        await call(account)


async def test_a_service_says_how_long_to_wait(account: Account, service: Service, waits: list[float]) -> None:
    """Retry-After is kept to, up to the bound of all waiting."""
    service.answers = [
        Answer(status=503, headers={"Retry-After": "3"}),
        Answer(status=503, headers={"Retry-After": "3600"}),
        201,
    ]

    await _CALLS["put"](account)

    assert waits == [3, 15]


async def test_a_large_body_is_sent_whole_at_every_try(account: Account, service: Service, waits: list[float]) -> None:
    """Put Blob of many pieces begins with the first byte again after a fault, with its length stated."""
    pieces = [b"head", bytes(range(256)) * 4096, b"end"]
    service.answers = [503, DROPPED, 201]

    await AzureBlobs(account.blobs, account.blob_calls).put(_PATH, pieces, content=_CONTENT)

    assert service.bodies == [b"".join(pieces)] * 3
    assert {each["Content-Length"] for each in service.headers} == {str(len(service.bodies[0]))}
    assert waits != []


async def test_a_large_block_is_sent_whole_at_every_try(account: Account, service: Service, waits: list[float]) -> None:
    """The same for Put Block, whose checksum goes along each time."""
    pieces = [b"head", bytes(range(256)) * 4096, b"end"]
    service.answers = [503, DROPPED, 201]

    await AzureBlobs(account.blobs, account.blob_calls).stage(_PATH, pieces, block_id="id")

    assert service.bodies == [b"".join(pieces)] * 3
    checksum = base64.b64encode(Pieces(pieces).crc64).decode()
    said = {(each["Content-Length"], each["x-ms-content-crc64"]) for each in service.headers}
    assert said == {(str(len(service.bodies[0])), checksum)}
    assert len(waits) == 2


async def test_a_put_is_sent_to_its_blob(account: Account, service: Service) -> None:
    """The name is encoded once, the signature is for writing blobs alone, and what the blob carries goes along."""
    service.answers = [201]

    written = await AzureBlobs(account.blobs, account.blob_calls).put(_PATH, (b"x",), content=_CONTENT, replaces='"0"')

    ((method, target),) = service.requests
    query = {name: value for name, (value,) in parse_qs(urlsplit(target).query).items()}
    headers = service.headers[0]
    assert (method, urlsplit(target).path) == ("PUT", "/account/data/a/b~1/c%2520d%20%C3%A9.tif")
    assert (query["ss"], query["srt"], query["sp"], query["spr"]) == ("b", "o", "wc", "https,http")
    sent = ("If-Match", "x-ms-blob-type", "x-ms-blob-content-type", "x-ms-meta-cause", "x-ms-version")
    assert [headers[each] for each in sent] == ['"0"', "BlockBlob", "image/tiff", "run-1", "2023-11-03"]
    assert (written.etag, written.modified) == ('"1"', datetime(2024, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(("status", "code"), [(409, "BlobAlreadyExists"), (412, "ConditionNotMet")])
async def test_a_put_that_somebody_was_before_is_a_conflict(
    account: Account, service: Service, status: int, code: str
) -> None:
    """Also one whose own first answer was lost: read back to find out. azure-core's error stands behind ours."""
    service.answers = [Answer(status=status, headers={"x-ms-error-code": code})]

    with pytest.raises(BlobConflictError, match=f"{status} {code}") as raised:
        await _CALLS["put"](account)

    assert isinstance(raised.value.__cause__, HttpResponseError)


@pytest.mark.parametrize("code", ["ContainerBeingDeleted", "BlobImmutableDueToPolicy"])
async def test_another_409_is_no_conflict(account: Account, service: Service, code: str) -> None:
    """A container that is being deleted will not be decided by reading the blob back."""
    service.answers = [Answer(status=409, headers={"x-ms-error-code": code})]

    with pytest.raises(StorageFailedError, match=f"409 {code}"):
        await _CALLS["put"](account)


@pytest.mark.parametrize("missing", ["ETag", "Last-Modified"])
async def test_a_put_without_a_full_answer_is_a_failure(account: Account, service: Service, missing: str) -> None:
    """What stands there has to be known for the ledger."""
    headers = {"ETag": '"1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    del headers[missing]
    service.answers = [Answer(status=201, headers=headers)]

    with pytest.raises(StorageFailedError):
        await _CALLS["put"](account)


async def test_a_transaction_says_what_it_is_made_of(account: Account, service: Service) -> None:
    """An insert and an update under its condition, as one body of which no line but one ends an entity."""
    service.answers = [_DONE]
    writes = [_TWO[0], Write(row=completion("b", item="item", href="a\r\n--changeset_sluice--"), replaces='W/"1"')]
    one_item = [Write(row=completion("a", item="item")), writes[1]]

    assert await AzureLedger(account.table_calls).record(one_item) == []

    lines = service.bodies[0].decode().split("\r\n")
    begun = f"http://{service.headers[0]['Host']}/account/ledger"
    assert [each.partition("(")[0] for each in lines if each.endswith(" HTTP/1.1")] == [
        f"POST {begun} HTTP/1.1",
        f"PUT {begun}",
    ]
    assert lines.count('If-Match: W/"1"') == 1
    assert (lines.count("--changeset_sluice"), lines.count("--changeset_sluice--")) == (2, 1)
    assert sum(each.startswith('{"PartitionKey"') for each in lines) == 2


async def test_a_transaction_that_a_service_half_answers_is_a_failure(account: Account, service: Service) -> None:
    """Only an answer to every operation says that they were done."""
    service.answers = [answered("204 No Content")]

    with pytest.raises(StorageFailedError):
        await _CALLS["transaction"](account)


async def test_a_transaction_that_fails_says_where(account: Account, service: Service) -> None:
    """What is neither conflict nor size is an error, with its code and the operation that it comes from."""
    service.answers = [refused("400 Bad Request", "PropertyValueTooLarge", index=1)]

    with pytest.raises(StorageFailedError, match="400 PropertyValueTooLarge, operation 1"):
        await _CALLS["transaction"](account)


async def test_a_service_that_refuses_without_a_reason_is_a_failure(account: Account, service: Service) -> None:
    """Neither code nor index need be there."""
    service.answers = [answered("500 Internal Server Error")]

    with pytest.raises(StorageFailedError, match=r"transaction: 500 $"):
        await _CALLS["transaction"](account)


@pytest.mark.parametrize("too_large", [413, refused("413 Too Large", "RequestBodyTooLarge", index=0)])
async def test_a_transaction_that_is_too_large_is_written_row_by_row(
    account: Account, service: Service, too_large: int | Answer
) -> None:
    """A hundred very long rows can exceed the 4 MiB of a transaction (413)."""
    one = answered("204 No Content")
    service.answers = [too_large, one, one]

    assert await AzureLedger(account.table_calls).record(_TWO) == []

    assert len(service.bodies) == 3


async def test_a_row_that_is_too_large_is_a_failure(account: Account, service: Service) -> None:
    """It can't be taken apart."""
    service.answers = [413]

    with pytest.raises(StorageFailedError, match="413 RequestBodyTooLarge"):
        await _CALLS["insert"](account)


@pytest.mark.parametrize("call", ["point read", "query"])
async def test_an_answer_that_is_no_json_is_a_failure(account: Account, service: Service, call: str) -> None:
    """A page of a proxy is no row, and not the absence of one."""
    service.answers = [Answer(status=200, body="<html>")]

    with pytest.raises(StorageFailedError, match="DecodeError"):
        await _CALLS[call](account)


async def test_a_query_is_followed_to_its_end(account: Account, service: Service) -> None:
    """Also over an empty page, with what the service wants to hear again."""
    on = {"x-ms-continuation-NextPartitionKey": "1!p=", "x-ms-continuation-NextRowKey": "1!r&"}
    pages = [Answer(status=200, body='{"value":[]}', headers=on), Answer(status=200, body='{"value":[]}')]
    service.answers = [*pages]

    assert await AzureLedger(account.table_calls).of_items("d", ["item"]) == {}

    again = parse_qs(urlsplit(service.requests[1][1]).query)
    assert (again["NextPartitionKey"], again["NextRowKey"]) == (["1!p="], ["1!r&"])


async def test_a_signature_is_made_anew_in_the_middle_of_its_life() -> None:
    """One for many calls, and none that could expire before it arrives."""
    now = datetime(2024, 1, 1, tzinfo=UTC)
    made: list[datetime] = []

    def make(expires: datetime) -> str:
        made.append(expires)
        return f"sig={len(made)}"

    signature = Signature(make, clock=lambda: now)
    first = [signature(), signature()]
    now += timedelta(minutes=31)

    assert (first, signature()) == (["sig=1", "sig=1"], "sig=2")
    assert made == [datetime(2024, 1, 1, hour, minute, tzinfo=UTC) for hour, minute in ((1, 0), (1, 31))]


@pytest.mark.parametrize(("secure", "protocol"), [(True, "https"), (False, "https,http")])
def test_signatures_of_a_secure_account_are_good_for_https_alone(*, secure: bool, protocol: str) -> None:
    """And each is for one service, and for what is done there."""
    key = AzureNamedKeyCredential("account", "c2VjcmV0")
    made = [sign(key, secure, datetime(2024, 1, 1, tzinfo=UTC)) for sign in (blob_signature, table_signature)]

    said = [{name: value for name, (value,) in parse_qs(each).items()} for each in made]
    assert [(each["ss"], each["sp"], each["spr"]) for each in said] == [("b", "wc", protocol), ("t", "rau", protocol)]


async def test_a_signature_of_the_settings_is_used_as_it_is(service: Service) -> None:
    """A connection string may have one instead of a key."""
    endpoints = [each for each in service.connection_string.split(";") if "Endpoint=" in each]
    connection = ";".join([*endpoints, "SharedAccessSignature=sv=1&sig=a%2Fb"])
    service.answers = [201]

    async with open_account(Settings(storage_connection=connection)) as account:
        await _CALLS["put"](account)

    assert parse_qs(urlsplit(service.requests[0][1]).query) == {"sv": ["1"], "sig": ["a/b"]}


@_each_call
async def test_an_identity_sends_its_token(
    mocker: MockerFixture, waits: list[float], call: Callable[[Account], Awaitable[object]]
) -> None:
    """A bearer token for storage and no signature, at every try."""
    sent: list[HttpRequest] = []

    async def send(_: object, request: HttpRequest, **_options: object) -> object:
        sent.append(request)
        raise ServiceRequestError("no connection")

    token = AccessTokenInfo("secret", int(time.time()) + 3600)
    asked = mocker.patch.object(DefaultAzureCredential, "get_token_info", return_value=token)
    mocker.patch.object(AioHttpTransport, "send", send)
    places: dict[str, Any] = {
        f"{each}_service_uri": f"https://a.{each}.core.windows.net" for each in ("blob", "queue", "table")
    }

    async with open_account(Settings(**places)) as account:
        with pytest.raises(StorageFailedError):
            await call(account)

    assert asked.call_args.args == ("https://storage.azure.com/.default",)
    assert [each.headers["Authorization"] for each in sent] == ["Bearer secret"] * 5
    assert all(not each.url.endswith("?") and "sig=" not in each.url for each in sent)
    assert len(waits) == 4
