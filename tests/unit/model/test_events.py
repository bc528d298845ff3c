"""What a dataset's table of events may say, and what its error is where it may not."""

import re
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shared.model.events import EventFormat
from tests.unit.intake.watching import AZURE, events_of, taking, taking_sns


def test_the_least_that_a_table_says() -> None:
    """What is accepted and who may send; a file is waited for ten minutes, and a call has a thousand assets."""
    events = events_of(taking(events={"accounts": []}))

    assert events.accepts == (EventFormat.EVENT_GRID, EventFormat.CLOUD_EVENTS, EventFormat.STAC, EventFormat.LIST)
    assert (events.accounts, events.buckets) == ((), ())
    assert (events.not_found_grace, events.max_assets) == (timedelta(minutes=10), 1000)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ({"accepts": []}, "accepts: Tuple should have at least 1 item"),
        (
            {"accepts": ["webhook"], "accounts": []},
            r"accepts\.0: .*'event_grid', 'cloud_events', 'sns', 'stac' or 'list'",
        ),
        ({"accepts": ["sns"]}, r"accepts = \['sns'\] and auth.kind = 'sns' go together"),
        ({"accepts": ["stac", "sns"]}, r"accepts = \['sns'\] and auth.kind = 'sns' go together"),
        ({"not_found_grace": "P2D"}, "not_found_grace: Input should be less than or equal to 1 day"),
        ({"max_assets": 0}, "max_assets: Input should be greater than or equal to 1"),
        ({"accounts": ["Data"]}, r"accounts\.0: String should match pattern"),
        ({"buckets": ["scenes"]}, r"events\.buckets: they are read by a source of kind s3; state one in source"),
        ({"auth": {}}, "auth: Unable to extract tag using discriminator 'kind'"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ],
)
def test_what_a_table_cant_say(events: dict[str, Any], reason: str) -> None:
    """Each error names its field."""
    with pytest.raises(ValidationError) as found:
        taking(events=events)

    error = found.value.errors()[0]
    place = ".".join(str(each) for each in error["loc"] if each != "events")
    assert re.search(reason, f"{place}: {error['msg']}")


def test_formats_beside_sns() -> None:
    """Who signs as SNS does sends nothing else."""
    with pytest.raises(ValidationError, match="without any other format"):
        taking_sns(events={"accepts": ["sns", "stac"]})


def test_accounts_that_the_source_cant_read() -> None:
    """The error says where to add it."""
    with pytest.raises(ValidationError, match=r"events\.accounts: 'other' isn't in the source's accounts; add it ther"):
        taking(source=AZURE, events={"accounts": ["other"]})


def test_hosts_that_arent_allowed() -> None:
    """What is watched has to be allowed, as whatever else is copied."""
    with pytest.raises(
        ValidationError, match=r"events\.accounts: 'partnerdata\.blob\.core\.windows\.net' isn't allowed; add it to all"
    ):
        taking(allow={"hosts": ["data.example.org"]})
