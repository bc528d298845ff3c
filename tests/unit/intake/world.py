"""The dataset ``demo`` takes events, among fakes that show what became of them."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from shared.intake import Call, Guards, Handshake, Intake, Received
from shared.model.datasets import Dataset, Datasets
from shared.model.messages import CopyRequest, Queue
from shared.requesting import Documents
from shared.storage.items import Items
from tests.fakes import MemoryBlobs, MemoryFailures, MemoryQueues
from tests.fakes.catalogs import MemoryCatalog
from tests.fakes.egress import Answer, FakeEgress
from tests.fakes.faults import Faults
from tests.fakes.senders import SECRET, SECRET_SETTING, signed
from tests.unit.discovery.world import Clock
from tests.unit.model.builders import NOON


class World:
    """The stores, and what stands in them."""

    def __init__(self, of: Dataset) -> None:
        self.datasets = Datasets(datasets={"demo": of})
        self.queues = MemoryQueues()
        self.failures = MemoryFailures()
        self.blobs = MemoryBlobs()
        self.catalog = MemoryCatalog({})
        self.clock = Clock(NOON)

    def intake(self, faults: Faults | None = None) -> Intake:
        """A process's use case, whose calls may fail."""
        faults = faults or Faults()
        queues, failures = faults.watch(self.queues), faults.watch(self.failures)
        return Intake(
            datasets=self.datasets,
            guards=Guards(
                http=FakeEgress(lambda _: Answer(status=404)),
                secrets={SECRET_SETTING: SecretStr(SECRET)},
                built_in_authentication=False,
                clock=self.clock,
            ),
            documents=Documents(
                self.datasets,
                items=Items(faults.watch(self.blobs)),
                queues=queues,
                failures=failures,
                catalog_of=lambda _: self.catalog,
                endpoint="https://account.example.org",
                clock=self.clock,
            ),
            queues=queues,
            failures=failures,
            clock=self.clock,
        )

    async def call(
        self,
        document: Any = None,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        faults: Faults | None = None,
        intake: Intake | None = None,
        dataset: str = "demo",
    ) -> Received | Handshake:
        """Call the address with a document as its body, signed."""
        body = json.dumps(document).encode()
        all_headers = {**signed(body, at=self.clock()), **(headers or {})}
        process = intake or self.intake(faults)
        return await process.receive(dataset, Call(method=method, headers=all_headers, body=body))

    async def receive(self, document: Any, **values: Any) -> Received:
        """Call it with what is an event."""
        received = await self.call(document, **values)
        assert isinstance(received, Received)
        return received

    def requests(self) -> list[CopyRequest]:
        """Every copy request that was sent, all of them into the lane for events."""
        assert {each.queue for each in self.queues.sent} <= {Queue.COPY_LIVE}
        return [CopyRequest.decode(each.encode()) for each in self.queues.bodies(Queue.COPY_LIVE)]
