"""Dates, delays and names that servers write into their headers."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.egress import check_status, http_date, retry_after
from shared.model.datasets import Allowlist
from shared.model.errors import AssetNotFoundError
from tests.fakes.egress import Answer, FakeEgress

_DATE = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        # The three ways to write a date that RFC 9110, 5.6.7, wants read.
        ("Sun, 06 Nov 1994 08:49:37 GMT", _DATE),
        ("Sunday, 06-Nov-94 08:49:37 GMT", _DATE),
        ("Sun Nov  6 08:49:37 1994", _DATE),
        ("Sun, 06 Nov 1994 09:49:37 +0100", _DATE),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
        ("1994-11-06T08:49:37Z", None),
        ("Fri, 31 Dec 9999 23:59:59 -0100", None),
        ("0", None),
        ("", None),
    ],
)
def test_http_date(text: str, date: datetime | None) -> None:
    """A date is read in each of HTTP's ways and made UTC; what is none is None."""
    assert http_date(text) == date


def test_date_without_a_zone_on_a_machine_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A date without a zone is UTC, wherever it is read."""
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "JST-9")
        time.tzset()
        date = http_date("Sun Nov  6 08:49:37 1994")
    time.tzset()

    assert date == _DATE


@given(st.text() | st.from_regex(r"\w{3}, [0-9]{1,3} (Nov|Feb) [0-9]{1,6} [0-9:]{1,9} [+-]?[0-9A-Z]{0,6}"))
def test_any_text_as_a_date(text: str) -> None:
    """Whatever a server writes, no date is an error, and every date is UTC."""
    date = http_date(text)

    assert date is None or date.tzinfo is UTC


@given(st.text() | st.integers().map(str), st.text())
def test_any_text_as_a_delay(text: str, date: str) -> None:
    """Whatever a server writes, a delay is none or lies between nothing and a day."""
    delay = retry_after({"Retry-After": text, "Date": date})

    assert delay is None or timedelta() <= delay <= timedelta(days=1)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"X-Amz-Request-Id": "7A1B", "x-request-id": "of a proxy"}, "7A1B"),
        ({"x-ms-request-id": "id-1"}, "id-1"),
        ({"X-GUploader-UploadID": "ABg5"}, "ABg5"),
        ({"x-request-id": "1"}, "1"),
        ({}, None),
    ],
)
async def test_a_refusal_keeps_what_the_server_calls_the_request(headers: dict[str, str], said: str | None) -> None:
    """Its owner can be asked for it."""
    egress = FakeEgress(lambda _: Answer(status=404, headers=headers))
    allow = Allowlist(hosts=("data.example.org",))

    async with egress.request("GET", "https://data.example.org/a", allow=allow) as reply:
        with pytest.raises(AssetNotFoundError) as raised:
            check_status(reply)

    assert raised.value.request_id == said
