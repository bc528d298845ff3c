import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.model.assets import bucket
from shared.model.errors import MalformedRequestError, RequestTooLargeError
from shared.model.messages import (
    LANES,
    MAX_REQUEST_BYTES,
    CopyRequest,
    ItemVersion,
    Message,
    PageRequest,
    PublishRequest,
    Queue,
    Reason,
    fitting,
)
from tests.unit.model.builders import NOON, asset, copy_request

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
#: What the host hands to a queue trigger beside the body: a body's field of that name would override it.
_METADATA = {
    *("id", "dequeuecount", "insertiontime", "expirationtime", "nextvisibletime", "popreceipt", "queuetrigger"),
    *("insertedon", "expireson", "nextvisibleon", "messageid", "body"),
}


def _messages() -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = [Message]
    for each in found:
        found += each.__subclasses__()
    return found


@pytest.mark.parametrize("message", _messages())
def test_field_names(message: type[BaseModel]) -> None:
    """No field at top level is called like the trigger's own, in any case (rule of the host: a body overrides them)."""
    written = {name.lower() for name in message.model_fields}
    written |= {str(each.alias).lower() for each in message.model_fields.values()}

    assert written.isdisjoint(_METADATA)


@pytest.mark.parametrize(
    "message",
    [
        PageRequest(dataset="s2", run="r"),
        PageRequest(dataset="s2", run="r", pass_number=2, page=3, part=4, token='{"href":"https://h"}'),
        copy_request(),
        copy_request(asset(key="a", size=3, checksum="md5:" + "0" * 32, updated=NOON, media_type="image/tiff")),
        copy_request(
            deferrals=3,
            deferred_since=NOON - timedelta(hours=1),
            reason=Reason(error="AssetNotFoundError", message="404 é", at=NOON),
            staged_blocks=7,
        ),
        copy_request(items=(ItemVersion(item="s2/T32", version="0" * 64, assets=3),)),
        PublishRequest(dataset="s2", item="s2/T32", version="0" * 64, asked_at=NOON),
    ],
)
def test_round_trip(message: Message) -> None:
    """A message is read as it was written."""
    assert type(message).decode(message.encode().encode()) == message


@settings(deadline=None)
@given(body=st.binary(max_size=200) | _JSON.map(lambda value: json.dumps(value).encode()))
def test_junk(body: bytes) -> None:
    """Whatever stands in a queue is either a message or malformed; nothing else is raised."""
    for kind in (PageRequest, CopyRequest, PublishRequest):
        with pytest.raises(MalformedRequestError):
            kind.decode(body)


@settings(deadline=None)
@given(field=st.sampled_from(sorted(CopyRequest.model_fields)), value=_JSON)
def test_altered(field: str, value: object) -> None:
    """A message in which one field holds anything is either a message or malformed."""
    altered = {**json.loads(copy_request(staged_blocks=1).encode()), field: value}

    try:
        request = CopyRequest.decode(json.dumps(altered).encode())
    except MalformedRequestError:
        return

    assert CopyRequest.decode(request.encode().encode()) == request


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"v": 2}, "v: Input should be 1, found 2"),
        ({"extra": 1}, "extra: Extra inputs are not permitted, found 1"),
        ({"kind": "page"}, "kind: Input should be 'copy', found 'page'"),
        ({"assets": []}, "assets: "),
        ({"asked_at": "2024-01-01T00:00:00"}, "asked_at: "),
    ],
)
def test_explained(change: dict[str, object], said: str) -> None:
    """A malformed message is explained by its field, the rule and what stands there."""
    body = json.dumps({**json.loads(copy_request().encode()), **change}).encode()

    with pytest.raises(MalformedRequestError) as raised:
        CopyRequest.decode(body)

    assert str(raised.value).startswith(said)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a/../b"},
        {"name": "a b"},
        {"checksum": "crc:00"},
        {"checksum": "md5:00"},
        {"size": 2**63},
        {"item": ""},
    ],
)
def test_asset_looked_at_again(change: dict[str, object]) -> None:
    """An asset whose name, checksum or size can't be one of ours is refused when its message arrives."""
    request = json.loads(copy_request().encode())
    request["assets"][0].update(change)

    with pytest.raises(MalformedRequestError):
        CopyRequest.decode(json.dumps(request).encode())


def test_twice() -> None:
    """An asset stands once in a request."""
    with pytest.raises(ValidationError, match="stands twice"):
        copy_request(asset(), asset())


def test_partitions() -> None:
    """The assets of a request lie in one partition of the ledger."""
    other = next(f"i{number}" for number in range(100) if bucket(f"i{number}") != bucket("s2/T32"))

    with pytest.raises(ValidationError, match="several partitions"):
        copy_request(asset(), asset(item=other))


def test_fits() -> None:
    """A request that fits is left as it is."""
    request = copy_request(asset(key="a"), asset(key="b"))

    assert fitting(request) == [request]


@settings(deadline=None)
@given(lengths=st.lists(st.integers(1, 6000), min_size=1, max_size=60))
def test_split(lengths: list[int]) -> None:
    """A request that is too long is cut into parts that fit, in the same order, with nothing lost or doubled."""
    assets = [asset(key=f"k{number}", href="https://h/" + "a" * length) for number, length in enumerate(lengths)]
    request = copy_request(*assets, deferrals=2)

    parts = fitting(request)

    assert [each for part in parts for each in part.assets] == assets
    assert all(len(part.encode().encode()) <= MAX_REQUEST_BYTES for part in parts)
    assert {part.of(assets) == request for part in parts} == {True}


def test_too_large() -> None:
    """An asset that fits into no message is refused by name."""
    huge = asset(key="k" * 2000, item="\x01" * 2048, href="\x02" * 8192, name="n")

    with pytest.raises(RequestTooLargeError, match="'kkk"):
        fitting(copy_request(huge, asset(key="a", item=huge.item)))


def test_queues() -> None:
    """Poison queues are called as the runtime calls them, and each lane carries copy requests."""
    assert [each.poison for each in Queue] == [
        "discover-poison",
        "copy-poison",
        "copy-live-poison",
        "copy-later-poison",
        "publish-poison",
    ]
    assert LANES == (Queue.COPY, Queue.COPY_LIVE, Queue.COPY_LATER)


def test_items_of_some_assets() -> None:
    """A part of a request names the items that it has assets of, and no others."""
    other = next(f"i{number}" for number in range(100) if bucket(f"i{number}") == bucket("s2/T32"))
    items = tuple(ItemVersion(item=each, version="0" * 64, assets=1) for each in ("s2/T32", other))
    request = copy_request(asset(), asset(item=other), items=items)

    assert request.of(request.assets[1:]).items == items[1:]
    assert request.of(request.assets) == request


def test_requests_without_items_are_as_they_were() -> None:
    """A process of the version before, which knows no items, can read a request that has none to publish."""
    assert "items" not in json.loads(copy_request().encode())


@pytest.mark.parametrize("version", ["", "0" * 63, "G" * 64, "../" + "0" * 61])
def test_versions_are_digests(version: str) -> None:
    """A version stands in a blob's name: nothing else than a digest is taken for one."""
    body = json.dumps({"dataset": "s2", "item": "s2/T32", "version": version, "asked_at": NOON.isoformat()})

    with pytest.raises(MalformedRequestError, match="version"):
        PublishRequest.decode(body.encode())
