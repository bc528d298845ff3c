"""``python -m tests.chaos.polite_worker <orders as JSON>``: asks hosts as hard as their limits allow until told to end.

One process of the app as far as limits go: the real egress, with shares in the storage account of the orders.
"""

import asyncio
import contextlib
import json
import random
import sys
import time
from typing import Any

from shared.egress import Egress, Keeper, Manners
from shared.model.datasets import Allowlist
from shared.model.errors import DeferredError
from shared.model.politeness import Limits
from shared.model.settings import Settings
from shared.storage.accounts import open_account
from shared.storage.shares import AzureShares


async def main(orders: dict[str, Any]) -> None:
    """Work until standard input ends, then print when storage was called."""
    limits = {host: Limits(**each) for host, each in orders["limits"].items()}
    port = orders["port"]
    allow = Allowlist(hosts=tuple(limits), http_hosts=tuple(limits), ports=(port,), private_networks=("127.0.0.0/8",))
    manners = Manners(limits, chance=random.random)
    async with contextlib.AsyncExitStack() as stack:
        account = await stack.enter_async_context(open_account(Settings(storage_connection=orders["storage"])))
        shares = CountedShares(AzureShares(account.blobs, container=orders["container"]))
        await stack.enter_async_context(Keeper(manners, shares, chance=random.random).keep())
        egress = await stack.enter_async_context(contextlib.aclosing(Egress(manners=manners)))
        urls = [f"http://{host}:{port}/a" for host in limits for _ in range(orders["askers"])]
        asking = [asyncio.create_task(_ask(egress, url, allow)) for url in urls]
        await asyncio.to_thread(sys.stdin.read)
        for each in asking:
            each.cancel()
        await asyncio.wait(asking)
    sys.stdout.write(json.dumps(shares.calls))


class CountedShares:
    """Shares that note when storage was called."""

    def __init__(self, shares: AzureShares) -> None:
        self._shares = shares
        self.calls: list[float] = []

    async def take(self, budget: str, share: int) -> str | None:
        """See ``Shares``."""
        self.calls.append(time.monotonic())
        return await self._shares.take(budget, share)

    async def renew(self, budget: str, share: int, *, lease: str) -> bool:
        """See ``Shares``."""
        self.calls.append(time.monotonic())
        return await self._shares.renew(budget, share, lease=lease)

    async def give_back(self, budget: str, share: int, *, lease: str) -> None:
        """See ``Shares``."""
        self.calls.append(time.monotonic())
        await self._shares.give_back(budget, share, lease=lease)


async def _ask(egress: Egress, url: str, allow: Allowlist) -> None:
    while True:
        try:
            async with egress.request("GET", url, allow=allow) as reply:
                async for _ in reply.chunks():
                    pass
        except DeferredError:
            await asyncio.sleep(random.uniform(0, 2))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
