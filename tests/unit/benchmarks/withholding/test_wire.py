import base64
import dataclasses
import io
import json
from pathlib import Path
from typing import Any

from benchmarks.withholding.calls import Call, read_calls
from benchmarks.withholding.wire import Connection

BODY = {"dataset": "backfill", "assets": [{"item": "x", "key": "1"}, {"item": "x", "key": "2"}]}
TEXT = base64.b64encode(json.dumps(BODY).encode()).decode()


def exchange(method: str, target: str, *, asked: str = "", status: str = "200 OK", told: str = "") -> list[bytes]:
    request = f"{method} /account/{target} HTTP/1.1\r\nContent-Length: {len(asked)}\r\n\r\n{asked}"
    answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(told)}\r\n\r\n{told}"
    return [request.encode(), answer.encode()]


def noted(directory: Path, *exchanges: list[bytes]) -> list[Call]:
    """What is read of a log in which these exchanges were noted, one after another, but for its times."""
    log = io.StringIO()
    connection = Connection(log)
    for asked, answered in exchanges:
        connection.asked(asked)
        connection.answered(answered)
    path = directory / "wire.jsonl"
    path.write_text(log.getvalue() + '{"at": 1.', encoding="utf-8")
    return [dataclasses.replace(each, at=0, took=0) for each in read_calls(path)]


def call(method: str, **fields: Any) -> Call:
    return dataclasses.replace(Call(at=0, took=0, method=method, queue="copy", message=None, status=200), **fields)


def test_a_send(tmp_path: Path) -> None:
    """Its message's id is in the answer, its items in what was sent."""
    asked = f"<QueueMessage><MessageText>{TEXT}</MessageText></QueueMessage>"
    told = "<QueueMessagesList><QueueMessage><MessageId>m-1</MessageId></QueueMessage></QueueMessagesList>"
    target = "copy/messages?visibilitytimeout=15&messagettl=-1"

    (found,) = noted(tmp_path, exchange("POST", target, asked=asked, status="201 Created", told=told))

    items = frozenset({"backfill/x"})
    assert found == call("POST", status=201, ids=("m-1",), items=items, hides=15)
    assert found.is_send


def test_a_receipt(tmp_path: Path) -> None:
    """It names the messages that it brought; their texts belong to whoever took them."""
    told = f"<MessageId>a</MessageId><MessageText>{TEXT}</MessageText><MessageId>b</MessageId>"

    (found,) = noted(tmp_path, exchange("GET", "copy/messages?numofmessages=2&visibilitytimeout=600", told=told))

    assert found == call("GET", ids=("a", "b"), hides=600)
    assert found.is_receive


def test_an_acknowledgement_and_a_release(tmp_path: Path) -> None:
    """Both name a message; one that is refused is neither."""
    found = noted(
        tmp_path,
        exchange("DELETE", "copy/messages/a?popreceipt=r", status="204 No Content"),
        exchange("DELETE", "copy/messages/a?popreceipt=r", status="404 Not Found"),
        exchange("PUT", "copy/messages/b?popreceipt=r&visibilitytimeout=3", status="204 No Content"),
    )

    assert found == [
        call("DELETE", message="a", status=204),
        call("DELETE", message="a", status=404),
        call("PUT", message="b", status=204, hides=3),
    ]
    assert [(each.is_delete, each.is_release) for each in found] == [(True, False), (False, False), (False, True)]


def test_a_look_at_the_length_is_no_receipt(tmp_path: Path) -> None:
    """Get Queue Metadata asks for no messages."""
    (found,) = noted(tmp_path, exchange("GET", "copy?comp=metadata"))

    assert not found.is_receive


def test_answers_belong_to_requests_in_their_order() -> None:
    """Two requests on one connection before the first answer: each is noted with its own."""
    log = io.StringIO()
    connection = Connection(log)
    first = exchange("DELETE", "copy/messages/a", status="204 No Content")
    second = exchange("DELETE", "copy/messages/b", status="404 Not Found")

    connection.asked(first[0] + second[0])
    connection.answered(first[1] + second[1])

    lines = [json.loads(each) for each in log.getvalue().splitlines()]
    assert [(each["target"], each["status"]) for each in lines] == [
        ("/account/copy/messages/a", 204),
        ("/account/copy/messages/b", 404),
    ]
