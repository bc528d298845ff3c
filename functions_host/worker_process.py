"""The worker's side: loads the app with Microsoft's worker library and runs its functions, in a process of its own.

Run as ``python -m functions_host.worker_process <file descriptor> <app directory>``. The descriptor is one end of a
socket pair; its end of file ends the process, whatever runs.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, override

import azure_functions_runtime
from azure.functions.meta import Datum as SdkDatum
from azure_functions_runtime import native_invocation
from azure_functions_runtime.bindings.datumdef import Datum as RuntimeDatum

from functions_host import protos
from functions_host.frames import Call, IndexedFunction, NotLoaded, Ready, Reply, read_frame, write_frame
from functions_host.functions import Datum

# The library has no types.
_runtime: Any = azure_functions_runtime
_native: Any = native_invocation


def main(descriptor: int, root: Path) -> None:
    """Serve the host at the other end of ``descriptor`` until it hangs up."""
    _configure_logging()
    for number in (signal.SIGTERM, signal.SIGINT):
        # They reach the whole process group; the host then drains, and functions must go on until it hangs up. (A
        # handler that does nothing, not SIG_IGN, which programs that a function starts would inherit.)
        signal.signal(number, _stay)
    # The app's own directory instead of the host's, so that an app can't import what it won't find in Azure.
    sys.path[0] = str(root)
    os.chdir(root)
    asyncio.run(_serve(socket.socket(fileno=descriptor), root))


def _stay(_number: int, _frame: FrameType | None) -> None:
    return


async def _serve(channel: socket.socket, root: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=channel)
    loaded = await _load(root)
    write_frame(writer, loaded)
    await writer.drain()
    if isinstance(loaded, NotLoaded):
        return
    running: set[asyncio.Task[None]] = set()
    while isinstance(call := await read_frame(reader), Call):
        task = asyncio.create_task(_answer(call, writer))
        running.add(task)
        task.add_done_callback(running.discard)
    # Not by way of asyncio and the interpreter: they would wait for the threads of functions that block.
    os._exit(0)


async def _load(root: Path) -> Ready | NotLoaded:
    # Before the first synchronous function, or the event loop's default executor is used instead.
    _runtime.start_threadpool_executor()
    init = SimpleNamespace(capabilities={}, function_app_directory=str(root))
    try:
        started = await _runtime.worker_init_request(_envelope(worker_init_request=init))
        if started.result.status != protos.StatusResult.Success:
            return NotLoaded(message=started.result.exception.message, trace=started.result.exception.stack_trace)
        found = (await _runtime.functions_metadata_request(_envelope())).function_metadata_results
    except BaseException as error:  # noqa: BLE001 - an app may call sys.exit when it is imported
        return NotLoaded(message=repr(error), trace=traceback.format_exc())
    # Without a function_app.py the library says "Success" and has no functions.
    return Ready(functions=tuple(_indexed(each) for each in found or ()))


def _envelope(**request: object) -> SimpleNamespace:
    return SimpleNamespace(request=SimpleNamespace(**request), properties={"protos": protos, "host": "127.0.0.1"})


def _indexed(metadata: Any) -> IndexedFunction:
    return IndexedFunction(
        name=metadata.name,
        function_id=metadata.function_id,
        bindings=tuple(json.loads(each) for each in metadata.raw_bindings),
        retries=metadata.retry_options is not None,
    )


async def _answer(call: Call, writer: asyncio.StreamWriter) -> None:
    try:
        reply = await _invoke(call)
    except BaseException as error:  # noqa: BLE001 - see below
        # SystemExit, KeyboardInterrupt and CancelledError escape the library. Microsoft's worker then never answers
        # and the invocation hangs until functionTimeout; here it fails at once, and it alone.
        reply = Reply(
            invocation_id=call.invocation_id,
            ok=False,
            returned=None,
            error=repr(error),
            trace=traceback.format_exc(),
        )
    write_frame(writer, reply)


async def _invoke(call: Call) -> Reply:
    ok, returned, _, error, trace = await _native.invocation_request_native(
        call.invocation_id,
        call.function_id,
        [(name, _datum(value)) for name, value in call.inputs.items()],
        {name: _datum(value) for name, value in call.metadata.items()},
        trace_parent=call.trace_parent,
    )
    pair = _pair(returned) if returned is not None else None
    return Reply(invocation_id=call.invocation_id, ok=ok, returned=pair, error=error, trace=trace)


def _datum(pair: Datum) -> RuntimeDatum:
    kind, value = pair
    return RuntimeDatum(_filled(value), kind)


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _filled(inner) for name, inner in value.items()}  # pyright: ignore[reportUnknownVariableType] - any Datum's value
    return _datum(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownArgumentType] - any Datum's value


def _pair(datum: Any) -> Datum:
    return datum.type, _emptied(datum.value)


def _emptied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _emptied(inner) for name, inner in value.items()}  # pyright: ignore[reportUnknownVariableType] - any Datum's value
    return _pair(value) if isinstance(value, RuntimeDatum | SdkDatum) else value


class _InvocationIds(logging.Filter):
    @override
    def filter(self, record: logging.LogRecord) -> bool:
        record.invocation_id = _runtime.invocation_id_cv.get() or "-"
        return True


def _configure_logging() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_InvocationIds())
    handler.setFormatter(logging.Formatter("[worker %(process)d %(invocation_id)s] %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # The library's own category: a line for each invocation, and one with the whole index.
    logging.getLogger("azure.functions").setLevel(logging.WARNING)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
