"""Damage behind Sluice's back: the judge, who isn't told, has to find it."""

import enum
from typing import Any

from azure.data.tables import TableClient
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from demo.evidence import COPY_POISON, LEDGER, read_poison
from demo.expected import Expected
from demo.judge import ledger_keys

_HIDDEN_SECONDS = 60


class Sabotage(enum.StrEnum):
    """What is damaged."""

    #: Other bytes of the same length.
    BLOB = "blob"
    #: A ledger row is deleted.
    ROW = "row"
    #: A misfit's message is taken out of copy-poison.
    MESSAGE = "message"


def damage(kind: Sabotage, *, connection_string: str, expected: Expected) -> str:
    """Do it; return what was done, in words."""
    match kind:
        case Sabotage.BLOB:
            return _overwrite_blob(connection_string, expected)
        case Sabotage.ROW:
            return _delete_row(connection_string, expected)
        case Sabotage.MESSAGE:
            return _take_message(connection_string, expected)


def _overwrite_blob(connection_string: str, expected: Expected) -> str:
    victim = min(expected.assets, key=lambda each: each.size)
    with ContainerClient.from_connection_string(connection_string, expected.container) as container:
        container.upload_blob(victim.blob, bytes(victim.size), overwrite=True)
    return f"sabotage: {victim.blob} was overwritten with as many zeros"


def _delete_row(connection_string: str, expected: Expected) -> str:
    victim = expected.assets[0]
    partition, row = ledger_keys(expected.dataset, item=victim.item, key=victim.key)
    with TableClient.from_connection_string(connection_string, LEDGER) as table:
        table.delete_entity(partition, row)
    return f"sabotage: the ledger row of {victim.item} {victim.key} was deleted"


def _take_message(connection_string: str, expected: Expected) -> str:
    victim = expected.misfits[0]
    taken = 0
    with QueueClient.from_connection_string(connection_string, COPY_POISON) as queue:
        received: list[Any] = list(queue.receive_messages(visibility_timeout=_HIDDEN_SECONDS))
        for message in received:
            assets, _ = read_poison(message.content)
            if (victim.item, victim.key) in assets:
                queue.delete_message(message)
                taken += 1
            else:
                queue.update_message(message, visibility_timeout=0)
    return f"sabotage: {taken} message of {victim.item} {victim.key} was taken out of {COPY_POISON}"
