"""The safety rules, judged at every effect by what was seen of it: no word of the pipeline's own is believed.

S1 conservation · S2 no half-written blob, no item published in part · S3 the ledger never lies · S5 page chaining · S6
idempotence · S7 block ids · S12 nothing expires · S14 poison says why · S15 bounded backlog · S16 discovery
completeness · S19 no secret rests; that runs are fenced (rule 11), that a watermark moves last, forward, and for
complete runs alone (rule 12), that no older item replaces a newer one; and L2, that hosts in trouble are no reason for
poison. Acknowledging too early (S4) shows when a message goes away (S1). Queues refuse messages that are too large
(S13). All of it holds whatever clocks say (S17).
"""

import dataclasses
import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.model.messages import LANES, Queue
from shared.model.rows import LedgerRow, Run, RunState, Watermark
from shared.storage.blobs import Blob, BlobPath
from shared.storage.ledger import Entry, Identity
from tests.simulation.account import Account
from tests.simulation.effects import Invocation, current
from tests.simulation.messages import Message
from tests.simulation.scenario import CONTAINER, DATASET, ENDPOINT, PUBLISHED, SECRET, Scenario

_PATIENCE = timedelta(hours=20)
#: What died without a word has no reason.
_PRESERVES = "preserve"
_COPYING = frozenset({*LANES, *(each.poison for each in LANES)})
_DISCOVERING = frozenset({Queue.DISCOVER.value, Queue.DISCOVER.poison})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A rule that was broken."""

    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"


class Checker:
    """Watches one schedule."""

    def __init__(self, scenario: Scenario, account: Account, *, now: Callable[[], float]) -> None:
        self.violations: list[Violation] = []
        self._scenario = scenario
        self._account = account
        self._now = now
        self._files = {each.blob: each for each in scenario.files.values()}
        #: The assets of each page of the catalog, by its number.
        self._pages = [
            [(item.item, asset.key) for item in page.items for asset in item.assets] for page in scenario.pages.values()
        ]
        #: Messages that name an asset, in lanes and poison queues.
        self._carried = Counter[Identity]()
        #: Page messages of each run.
        self._chains = Counter[str]()
        self._bodies: dict[int, dict[str, Any]] = {}
        #: What every version of a blob was.
        self._history: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        #: Who asked for the edition of each published item, and since when.
        self._editions: dict[str, datetime] = {}
        self._read_until: datetime | None = None
        self._blocks: dict[tuple[str, str], bytes] = {}

    def fail(self, rule: str, what: str) -> None:
        """A rule is broken."""
        self.violations.append(Violation(rule=rule, what=f"at {self._now():.3f} s: {what}"))

    def message_sent(self, message: Message) -> None:
        """A queue has taken a message."""
        if SECRET in message.body:
            self.fail("S19", f"a signed address in a message of {message.queue}")
        body = self._bodies[message.number] = json.loads(message.body)
        invocation = current.get()
        if invocation is not None and not math.isinf(message.expires_at):
            self.fail("S12", f"a message of {message.queue} was sent that expires")
        if message.queue in _COPYING:
            self._carried.update(_named(body))
        if message.queue in _DISCOVERING:
            self._chains[body["run"]] += 1
        if message.queue == Queue.DISCOVER and body["page"] > 0 and body["part"] == 0:
            self._check_page_is_asked_for(body)
        if message.queue == Queue.COPY and invocation is not None and invocation.function == "discover":
            self._check_backlog(invocation)
        if message.queue.endswith("-poison"):
            self._check_poison(message, body, invocation)

    def message_removed(self, message: Message) -> None:
        """A message was deleted, or has expired."""
        body = self._bodies.pop(message.number)
        if message.queue in _COPYING:
            self._carried.subtract(_named(body))
            for each in body["assets"]:
                self._check_is_kept(each, cause=body["cause"], asked_at=body["asked_at"])
        if message.queue in _DISCOVERING:
            self._chains[body["run"]] -= 1
            self._check_chain(body["run"], body["pass_number"])

    def blob_written(self, path: BlobPath, blob: Blob, body: bytes) -> None:
        """A blob stands there."""
        if any(SECRET in each for each in blob.metadata.values()):
            self.fail("S19", f"a signed address in the metadata of {path.name}")
        if path.container == PUBLISHED:
            self._check_published(path, blob, body)
        if path.container != CONTAINER:
            return
        file = self._files.get(path.name)
        if file is None or hashlib.sha256(body).hexdigest() not in file.digests:
            self.fail("S2", f"{path.name} has {len(body)} bytes that no source ever served as a whole")
        self._check_is_not_settled(f"{path.name} was written")
        self._history[path.name][blob.etag] = body

    def block_staged(self, path: BlobPath, block_id: str, body: bytes) -> None:
        """A block is staged."""
        if self._blocks.setdefault((path.name, block_id), body) != body:
            self.fail("S7", f"two blocks of {path.name} have one id and other bytes")
        if len(block_id) != 64:
            self.fail("S7", f"a block's id has {len(block_id)} characters")
        self._check_is_not_settled(f"a block of {path.name} was staged")

    def row_written(self, row: LedgerRow) -> None:
        """The ledger says that an asset is there."""
        if SECRET in row.href:
            self.fail("S19", f"a signed address in the row of {row.blob}")
        was = self._history[row.blob].get(row.etag)
        if was is None:
            self.fail("S3", f"the row of {row.blob} names a blob that never stood there")
            return
        if row.length != len(was) or any(each != _digest_like(each, was) for each in row.digests):
            self.fail("S3", f"the row of {row.blob} names {row.length} bytes with other digests than the blob's")
        if not row.digests:
            self.fail("S3", f"the row of {row.blob} names no digest")
        self._check_is_not_settled(f"the row of {row.blob} was written")

    def run_saved(self, run: Run) -> None:
        """The run store says how far a run is."""
        invocation = current.get()
        if invocation is not None and invocation.function == "discover" and invocation.body:
            of = json.loads(invocation.body)["run"]
            if of != run.run:
                self.fail("rule 11", f"a page of run {of} has changed run {run.run}")
        if run.state is RunState.INCOMPLETE and not self._scenario.overstates:
            self.fail("S16", f"run {run.run} is incomplete, and the catalog has what it states: {run.reason}")
        if run.state is RunState.COMPLETE:
            self._check_all_is_asked_for("S16", f"run {run.run} is complete")

    def watermark_saved(self, watermark: Watermark) -> None:
        """The run store says up to when the dataset was read."""
        self._check_all_is_asked_for("rule 12", f"the watermark moved for {watermark.run}")
        if self._scenario.overstates:
            self.fail("rule 12", f"the watermark moved for {watermark.run}, which hasn't read what the catalog states")
        if self._read_until is not None and watermark.at < self._read_until:
            self.fail("rule 12", f"the watermark moved back from {self._read_until} to {watermark.at}")
        self._read_until = watermark.at

    def ledger_answered(self, invocation: Invocation, entries: Mapping[Identity, Entry]) -> None:
        """An invocation was told what is done: where that is all of its request, nothing is left to do."""
        if invocation.function != "copy" or not invocation.body or invocation.is_answered:
            # Later it asks why a row of its own was lost, and may have replaced what that row stands for.
            return
        invocation.is_answered = True
        body = json.loads(invocation.body)
        rows = [(each, entries.get((each["item"], each["key"]))) for each in body["assets"]]
        invocation.is_settled = all(
            entry is not None and (entry.row.cause, entry.row.description) == (body["cause"], _description(each))
            for each, entry in rows
        )

    def source_opened(self) -> None:
        """A source is asked."""
        self._check_is_not_settled("a source was asked")

    def is_kept(self, identity: Identity) -> bool:
        """Tell whether an asset is in the ledger, or in a message of a lane or a poison queue."""
        return self._carried[identity] > 0 or (DATASET, identity) in self._account.ledger.entries

    def _check_published(self, path: BlobPath, blob: Blob, body: bytes) -> None:
        """An item is published whole, and none over a newer one."""
        files = self._scenario.items.get(f"c/{path.name.rpartition('/')[2].removesuffix('.json')}", ())
        missing = [each.key for each in files if (DATASET, (each.item, each.key)) not in self._account.ledger.entries]
        if missing:
            self.fail("S2", f"{path.name} is published, and {missing} isn't in the ledger")
        assets = json.loads(body).get("assets", {})
        copied = {key for key, each in assets.items() if each["href"].startswith(ENDPOINT)}
        if elsewhere := [each.key for each in files if each.key not in copied]:
            self.fail("S2", f"{path.name} is published without a copy of {elsewhere}")
        if (asked_at := blob.metadata.get("sluice_asked_at")) is None:
            return
        edition, before = datetime.fromisoformat(asked_at), self._editions.get(path.name)
        if before is not None and edition < before:
            self.fail("publishing", f"{path.name} of {edition} is published over the one of {before}")
        self._editions[path.name] = edition

    def _check_is_not_settled(self, what: str) -> None:
        invocation = current.get()
        if invocation is not None and invocation.is_settled:
            self.fail("S6", f"{what} though all that was asked for is in the ledger")

    def _check_is_kept(self, stated: dict[str, Any], *, cause: str, asked_at: str) -> None:
        identity = stated["item"], stated["key"]
        if self._carried[identity] > 0:
            return
        entry = self._account.ledger.entries.get((DATASET, identity))
        if entry is None:
            self.fail("S1", f"{identity} is in no queue and not in the ledger")
        elif not _covers(entry.row, stated, cause=cause, asked_at=asked_at):
            self.fail("S1", f"{identity} is in no queue, and the ledger's row is of something older")

    def _check_chain(self, run: str, pass_number: int) -> None:
        """A run that goes on has a page somewhere."""
        entry = self._account.runs.newest_runs.get(DATASET)
        if entry is None or entry.run.run != run or entry.run.state is not RunState.RUNNING:
            return
        if entry.run.pass_number <= pass_number and self._chains[run] == 0:
            self.fail("S5", f"run {run} goes on, and no page of it is in a queue")

    def _check_poison(self, message: Message, body: dict[str, Any], invocation: Invocation | None) -> None:
        if invocation is not None and invocation.function != _PRESERVES and not body.get("reason"):
            self.fail("S14", f"a message without a reason was sent to {message.queue}")
        if invocation is not None and invocation.function == "copy" and message.queue in _COPYING:
            # One that is in the ledger has perhaps been swept.
            rows, entries = self._account.failures.rows, self._account.ledger.entries
            if unsaid := [
                each for each in _named(body) if (DATASET, *each) not in rows and (DATASET, each) not in entries
            ]:
                self.fail("S14", f"{unsaid} is sent to {message.queue}, and no failure of it is written down")
        scenario = self._scenario
        files = [scenario.files[each] for each in (_named(body) if message.queue in _COPYING else ())]
        can_be_had = [each.blob for each in files if not each.is_gone and not each.changes_at]
        is_refused = any(scenario.may_refuse(each) for each in files)
        # A clock that is a day ahead sees everybody's patience over.
        is_patient = max(scenario.skews) - min(scenario.skews) < _PATIENCE
        if can_be_had and not is_refused and scenario.is_transient and is_patient:
            self.fail("L2", f"{can_be_had} is in {message.queue}, and nothing but its host was in trouble")

    def _check_page_is_asked_for(self, body: dict[str, Any]) -> None:
        before: int = body["page"] - 1
        missing = [each for each in self._pages[before] if not self.is_kept(each)]
        if missing:
            self.fail("S5", f"page {body['page']} is asked for, and of the one before {missing} isn't")

    def _check_all_is_asked_for(self, rule: str, when: str) -> None:
        missing = [each for page in self._pages for each in page if not self.is_kept(each)]
        if missing:
            self.fail(rule, f"{when}, and {missing} is in no queue and not in the ledger")

    def _check_backlog(self, invocation: Invocation) -> None:
        scenario = self._scenario
        invocation.asked += 1
        if invocation.counted is None or invocation.counted >= scenario.saturation * scenario.capacity:
            self.fail("S15", f"a page asks for copies though it was told that {invocation.counted} are outstanding")
        # Each request can be sent twice: an answer that was lost.
        if invocation.asked > 2 * scenario.capacity:
            self.fail("S15", f"a page asked for {invocation.asked} copies at once")


def _digest_like(stated: str, body: bytes) -> str:
    """The digest of a body that is of the same kind as a stated one."""
    kind, _, rest = stated.partition(":")
    match kind:
        case "blocks-sha256":
            size = int(rest.partition(":")[0])
            blocks = (hashlib.sha256(body[start : start + size]).digest() for start in range(0, len(body), size))
            return f"{kind}:{size}:{hashlib.sha256(b''.join(blocks)).hexdigest()}"
        case "sha256" | "md5":
            return f"{kind}:{hashlib.new(kind, body, usedforsecurity=False).hexdigest()}"
        case _:
            return stated


def _named(body: Mapping[str, Any]) -> Iterable[Identity]:
    return [(each["item"], each["key"]) for each in body["assets"]]


def _description(stated: Mapping[str, Any]) -> str:
    """The digest of what a catalog says of a file, as the design has it."""
    text = json.dumps([stated["href"], stated.get("size"), stated.get("checksum"), stated.get("updated")])
    return hashlib.sha256(text.encode()).hexdigest()


def _covers(row: LedgerRow, stated: Mapping[str, Any], *, cause: str, asked_at: str) -> bool:
    """Tell whether a row is what a request asked for, or newer than that."""
    if _description(stated) in {row.description, row.instead_of} or row.cause == cause:
        return True
    return row.described_at > datetime.fromisoformat(stated.get("updated") or asked_at)
