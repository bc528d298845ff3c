"""Small apps for the host to run."""

import json
from collections.abc import Mapping
from pathlib import Path

HEADER = """
import asyncio, json, logging, os, signal, sys, time
from pathlib import Path
import azure.functions as func

app = func.FunctionApp()
"""

#: A queue function that does what its message says.
OBEDIENT = (
    HEADER
    + """
@app.queue_trigger(arg_name="msg", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
async def obey(msg: func.QueueMessage) -> None:
    order, _, argument = msg.get_body().decode().partition(" ")
    if order == "fail":
        raise ValueError("told to")
    if order == "exit":
        sys.exit(3)
    if order == "cancel":
        raise asyncio.CancelledError
    if order == "interrupt":
        raise KeyboardInterrupt
    if order == "die":
        os._exit(3)
    if order == "sleep":
        await asyncio.sleep(float(argument))
    if order == "block":
        time.sleep(float(argument))
    if order == "note":
        Path(argument).write_text(json.dumps([msg.id, msg.dequeue_count, msg.insertion_time.isoformat()]))
"""
)


def write_app(root: Path, source: str, *, host_json: Mapping[str, object] | None = None) -> Path:
    """Write an app into a directory, which is made, and return the directory."""
    root.mkdir(exist_ok=True)
    (root / "function_app.py").write_text(source, encoding="utf-8")
    (root / "host.json").write_text(json.dumps({"version": "2.0", **(host_json or {})}), encoding="utf-8")
    return root
