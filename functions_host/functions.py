"""What the host knows of a function, and how a trigger has one invoked."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

#: A value on its way to or from the worker: the kind of the worker library's ``Datum``, and the value. Where a value
#: holds further ones (``http``: a mapping of them, ``headers``, ``query`` and ``params`` mappings in turn), each of
#: them is such a pair too.
type Datum = tuple[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One indexed function of the app."""

    name: str
    #: The worker library's identifier of the function.
    function_id: str
    #: Every binding as the worker library states it (``type``, ``direction``, ``name``, ...), the trigger among them.
    bindings: tuple[Mapping[str, Any], ...]
    #: ``AzureWebJobs.<name>.Disabled``: its listener isn't started.
    disabled: bool = False

    @property
    def trigger(self) -> Mapping[str, Any]:
        """The one binding whose type ends in ``Trigger``."""
        return next(each for each in self.bindings if str(each["type"]).lower().endswith("trigger"))

    @property
    def kind(self) -> str:
        """The trigger's type in lower case: ``queuetrigger``, ``timertrigger``, ``httptrigger``."""
        return str(self.trigger["type"]).lower()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Which dequeue of which queue message an invocation is for: for the log."""

    queue: str
    message_id: str
    dequeue_count: int
    #: As the host writes it: ``2026-11-23T08:08:59.000+00:00``.
    inserted_on: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How an invocation ended."""

    ok: bool
    #: What the function returned through ``$return``.
    returned: Datum | None = None
    #: The exception's text and traceback, where ``ok`` is false.
    error: str | None = None
    trace: str | None = None


class Invoker(Protocol):
    """Has functions invoked: the worker process in earnest, a fake in tests."""

    async def invoke(
        self,
        function: Function,
        *,
        inputs: Mapping[str, Datum],
        metadata: Mapping[str, Datum],
        reason: str,
        delivery: Delivery | None = None,
    ) -> Result:
        """Invoke a function and wait for its end.

        Never raises for what the function does: an exception, a time-out and a worker that died are all a ``Result``
        that is not ``ok``. ``reason`` is the host's line for the log ("New queue message detected on 'copy'.").
        """
        ...
