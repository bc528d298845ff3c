"""Damage that nobody tells the judge of: it has to find out."""

import enum

from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from demo.bad_day.poison import Poisoned, read_all
from demo.expected import Expected


class Sabotage(enum.StrEnum):
    """What is damaged."""

    #: The timer that preserves poison never runs.
    TIMER = "timer"
    #: A message is taken out of a poison queue.
    MESSAGE = "message"
    #: A blob is deleted after the verdict, which is then given once more.
    BLOB = "blob"


def lose_message(connection_string: str) -> str:
    """Delete the first message that names assets; say which."""
    victim = next(each for each in read_all(connection_string) if each.assets)
    with QueueClient.from_connection_string(connection_string, victim.queue) as queue:
        _delete(queue, victim)
    return f"sabotage: a message was taken out of {victim.queue}"


def lose_blob(connection_string: str, *, expected: Expected) -> str:
    """Delete the last asset's blob; say which."""
    victim = expected.assets[-1].blob
    with ContainerClient.from_connection_string(connection_string, expected.container) as container:
        container.delete_blob(victim)
    return f"sabotage: {victim} was deleted"


def _delete(queue: QueueClient, victim: Poisoned) -> None:
    for each in list(queue.receive_messages(messages_per_page=32, visibility_timeout=60)):
        if str(each.content) == victim.text:
            queue.delete_message(each)
        else:
            queue.update_message(each, visibility_timeout=0)
