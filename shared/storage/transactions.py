"""Entity group transactions: what is sent, and what the answer says.

The SDK writes and reads them with Python's e-mail package, at ten to thirty times the cost
(https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions).
"""

import dataclasses
import json
import re
from collections.abc import Sequence

from shared.storage.calls import error_code
from shared.storage.entities import Entity

#: Of the request that carries a transaction. No boundary can stand at the beginning of a line of JSON.
CONTENT_TYPE = "multipart/mixed; boundary=batch_sluice"

_TOP = "--batch_sluice\r\nContent-Type: multipart/mixed; boundary=changeset_sluice\r\n\r\n"
_OPERATION = (
    "--changeset_sluice\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    "{request} HTTP/1.1\r\nContent-Type: application/json\r\nAccept: application/json;odata=minimalmetadata\r\n"
    "Prefer: return-no-content\r\nDataServiceVersion: 3.0\r\n{condition}\r\n{entity}\r\n"
)
_END = "--changeset_sluice--\r\n\r\n--batch_sluice--\r\n"

# One for each operation that was done, or one for all that weren't:
#   --changesetresponse_…\r\nContent-Type: application/http\r\n…\r\n\r\nHTTP/1.1 204 No Content\r\n…
_STATUS = re.compile(r"^HTTP/1\.1 (\d{3})\b", re.MULTILINE)
# "value":"1:The specified entity already exists.\nRequestId:…"
_INDEX = re.compile(r'"value"\s*:\s*"(\d+):')
_REFUSED_FROM = 400


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An entity to insert, or to put in the place of the one with the ETag ``replaces``."""

    entity: Entity
    replaces: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why nothing of a transaction was done."""

    status: int
    code: str
    #: Of the operation that failed, where the answer says it.
    index: int | None = None


def transaction(operations: Sequence[Operation], *, table_url: str) -> bytes:
    """The body of a transaction."""
    return "".join([_TOP, *(_operation(each, table_url) for each in operations), _END]).encode()


def refusal(answer: str, *, operations: int) -> Refusal | None:
    """Why a transaction was refused, or None if every one of its operations was done; raises ValueError for neither."""
    statuses = [int(each) for each in _STATUS.findall(answer)]
    if statuses and (worst := max(statuses)) >= _REFUSED_FROM:
        index = _INDEX.search(answer)
        return Refusal(status=worst, code=error_code({}, answer), index=int(index[1]) if index else None)
    if len(statuses) != operations:
        raise ValueError(f"an answer to {len(statuses)} operations came for {operations}")
    return None


def entity_path(entity: Entity) -> str:
    """The keys of an entity within a URL; ours have no character that needs to be encoded there."""
    return f"(PartitionKey='{entity['PartitionKey']}',RowKey='{entity['RowKey']}')"


def _operation(operation: Operation, table_url: str) -> str:
    entity = _json(operation.entity)
    if operation.replaces is None:
        return _OPERATION.format(request=f"POST {table_url}", condition="", entity=entity)
    request = f"PUT {table_url}{entity_path(operation.entity)}"
    return _OPERATION.format(request=request, condition=f"If-Match: {operation.replaces}\r\n", entity=entity)


def _json(entity: Entity) -> str:
    properties: dict[str, str | bool] = {}
    for name, value in entity.items():
        if isinstance(value, tuple):
            number, kind = value
            properties[name], properties[f"{name}@odata.type"] = str(number), kind.value
        else:
            properties[name] = value
    return json.dumps(properties, ensure_ascii=False)
