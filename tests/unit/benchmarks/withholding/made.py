"""Calls as the wire would have noted them."""

from benchmarks.withholding.calls import Call


def sent(at: float, message: str, *items: str, queue: str = "copy") -> Call:
    """A message that asks for assets of these items was accepted."""
    return Call(
        at=at,
        took=0.001,
        method="POST",
        queue=queue,
        message=None,
        status=201,
        ids=(message,),
        items=frozenset(f"backfill/{each}" for each in items),
    )


def received(at: float, *messages: str, queue: str = "copy", took: float = 0.001) -> Call:
    """A host took these messages."""
    return Call(at=at, took=took, method="GET", queue=queue, message=None, status=200, ids=messages, hides=600)


def deleted(at: float, message: str, *, queue: str = "copy", took: float = 0.001, status: int = 204) -> Call:
    """A message was acknowledged."""
    return Call(at=at, took=took, method="DELETE", queue=queue, message=message, status=status)


def updated(at: float, message: str, *, hides: int) -> Call:
    """A message stays hidden for so many seconds from now on."""
    return Call(at=at, took=0.001, method="PUT", queue="copy", message=message, status=204, hides=hides)
