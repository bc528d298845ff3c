"""Stand-ins for the protobuf messages that the worker library asks for when it starts and indexes an app.

Each keeps what it is given as attributes and answers ``None`` for everything else. Only what these two steps read
matters here: invocations go through the library's native entry, which needs no messages.
"""

# The names are those of azure-functions-language-worker-protobuf, FunctionRpc.proto.

from typing import Any


class _Message:
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> None:
        # An upper-case name is a nested type: the library's Datum tries ``message.TypedData`` and counts on the error.
        if name[0].isupper() or name.startswith("__"):
            raise AttributeError(name)


class StatusResult(_Message):
    """Whether a request succeeded."""

    Failure = 0
    Success = 1


class BindingInfo(_Message):
    """A binding's type and direction."""

    undefined = 0
    out = 1
    inout = 2


# ``in`` is a keyword.
setattr(BindingInfo, "in", 0)


class FunctionMetadataResponse(_Message):
    """All functions of an app."""


class RpcException(_Message):
    """An exception's text and traceback."""


class RpcFunctionMetadata(_Message):
    """A function: name, function_id, raw_bindings, retry_options."""


class RpcRetryOptions(_Message):
    """A function's retry policy."""


class WorkerInitResponse(_Message):
    """The answer to the first request."""


class WorkerMetadata(_Message):
    """Versions of the worker."""
