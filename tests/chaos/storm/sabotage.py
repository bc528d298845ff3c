"""Rules of the pipeline that are broken in a copy of the app: a judge that doesn't notice is worth nothing."""

import dataclasses
import enum
from pathlib import Path

from tests.chaos.plants import Change, Plant, change, plant


class Sabotage(enum.StrEnum):
    """A rule that is broken."""

    #: Sends are answered before the queue has the message.
    ACKNOWLEDGE_BEFORE_SEND = "acknowledge-before-send"
    #: A small blob is said to stand there before it is written.
    LEDGER_BEFORE_COMMIT = "ledger-before-commit"
    #: A body that ends early is taken for a whole one.
    NO_LENGTH_CHECK = "no-length-check"
    #: A block's id says which block, and not what is in it.
    FIXED_BLOCK_IDS = "fixed-block-ids"
    #: Who comes last writes over what stands there.
    NO_PRECONDITION = "no-precondition"
    #: What a source says isn't now is taken for never.
    NO_PATIENCE = "no-patience"
    #: What a copy was asked with stands in the log.
    SECRETS_IN_LOG = "secrets-in-log"
    #: Messages have the service's own end to their life.
    MORTAL_MESSAGES = "mortal-messages"

    @property
    def measure(self) -> str:
        """The measure that has to tell of it."""
        return _MEASURES[self]


_MEASURES = {
    Sabotage.ACKNOWLEDGE_BEFORE_SEND: "lost",
    Sabotage.LEDGER_BEFORE_COMMIT: "ledger_lies",
    Sabotage.NO_LENGTH_CHECK: "corrupt",
    Sabotage.FIXED_BLOCK_IDS: "corrupt",
    Sabotage.NO_PRECONDITION: "overwritten",
    Sabotage.NO_PATIENCE: "poisoned_wrongly",
    Sabotage.SECRETS_IN_LOG: "secrets",
    Sabotage.MORTAL_MESSAGES: "mortal",
}

_SEND = "    await client.send_message(body, time_to_live=_NEVER_EXPIRES, visibility_timeout=seconds)\n"
_SEND_LATER = """    import asyncio

    async def later() -> None:
        await asyncio.sleep(1.5)
        await client.send_message(body, time_to_live=_NEVER_EXPIRES, visibility_timeout=seconds)

    tasks.add(asyncio.create_task(later()))


tasks = set()
"""
_PUT = '            answer = await self._calls.send("PUT", _url_path(path), headers=headers, body=body_of(pieces))\n'
_PUT_LATER = """            import asyncio
            import datetime
            import hashlib

            async def later() -> None:
                await asyncio.sleep(0.3)
                await self._calls.send("PUT", _url_path(path), headers=headers, body=body_of(pieces))

            if path.container == "assets":
                tasks.add(asyncio.create_task(later()))
                etag = '"' + hashlib.md5(path.name.encode()).hexdigest() + '"'
                now = datetime.datetime.now(datetime.UTC)
                return Blob(etag=etag, length=len(pieces), md5=md5, metadata=dict(content.metadata), modified=now)
"""
_CHUNK = """        with translated(self._response.host):
            chunk = await self._response.content.readany()
"""
_CHUNK_OR_END = """        try:
            chunk = await self._response.content.readany()
        except (aiohttp.ClientError, OSError):
            chunk = b""
"""
_LENGTH = "        if self.length not in {None, received}:\n"
_WHOLE = "        if body.length is not None and whole.length != body.length:\n"
_SIGNED = "        signed = await self._signing.signed(href, dataset=dataset)\n"
_DEFERRED = '''    """The host's trouble, not the asset's."""

    fate = Fate.DEFER
'''

_CHANGES = {
    Sabotage.ACKNOWLEDGE_BEFORE_SEND: (Change(module="shared/storage/queues.py", text=_SEND, instead=_SEND_LATER),),
    Sabotage.LEDGER_BEFORE_COMMIT: (
        Change(module="shared/storage/blobs.py", text=_PUT, instead=_PUT_LATER + _PUT),
        Change(module="shared/storage/blobs.py", text="_ABSENT = 404\n", instead="_ABSENT = 404\ntasks = set()\n"),
    ),
    Sabotage.NO_LENGTH_CHECK: (
        Change(module="shared/egress/replies.py", text=_CHUNK, instead=_CHUNK_OR_END),
        Change(module="shared/egress/replies.py", text=_LENGTH, instead="        if False:\n"),
        Change(module="shared/copying/engine.py", text=_WHOLE, instead="        if False:\n"),
    ),
    Sabotage.NO_PATIENCE: (
        Change(module="shared/model/errors.py", text=_DEFERRED, instead=_DEFERRED.replace("Fate.DEFER", "Fate.POISON")),
    ),
    Sabotage.SECRETS_IN_LOG: (
        Change(
            module="shared/sources/reading.py",
            text=_SIGNED,
            instead=f"{_SIGNED}        print(signed.url, dict(signed.headers), flush=True)\n",
        ),
    ),
    Sabotage.MORTAL_MESSAGES: (
        Change(
            module="shared/storage/queues.py",
            text=_SEND,
            instead="    await client.send_message(body, visibility_timeout=seconds)\n",
        ),
    ),
}
_PLANTS = {Sabotage.FIXED_BLOCK_IDS: Plant.INDEX_IDS, Sabotage.NO_PRECONDITION: Plant.NO_PRECONDITION}


@dataclasses.dataclass(frozen=True, slots=True)
class Damage:
    """Breaks a rule in an app's folder."""

    sabotage: Sabotage

    def __call__(self, root: Path) -> None:
        """Change the app in ``root``; raises PlantError where the place for it isn't there."""
        if self.sabotage in _PLANTS:
            plant(root, _PLANTS[self.sabotage])
        else:
            change(root, _CHANGES[self.sabotage])
