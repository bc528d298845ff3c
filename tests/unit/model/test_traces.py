import pytest

from shared.model.messages import CopyRequest
from shared.model.traces import well_formed
from tests.unit.model.builders import copy_request

_GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "value",
    [
        *(None, 7, "", "00", _GOOD.upper(), f"{_GOOD}-x", f"{_GOOD}\n", _GOOD.replace("00-", "01-", 1)),
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
    ],
)
def test_what_is_no_traceparent(value: object) -> None:
    """Whatever isn't a traceparent of version 00 counts as none."""
    assert well_formed(value) is None


def test_message_with_a_trace() -> None:
    """A message keeps the trace that it carries, also where a part of it is sent again."""
    request = CopyRequest.decode(copy_request(traceparent=_GOOD).encode().encode())

    assert (request.traceparent, request.of(request.assets).traceparent) == (_GOOD, _GOOD)


def test_message_without_a_trace() -> None:
    """A message that carries none has no such field: an older version of the app would refuse it."""
    assert "traceparent" not in copy_request().encode()


def test_message_with_nonsense() -> None:
    """A trace that is malformed is as good as none: no work is refused over it."""
    body = copy_request(traceparent=_GOOD).encode().replace(_GOOD, "nonsense")

    assert CopyRequest.decode(body.encode()) == copy_request()
