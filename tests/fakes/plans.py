"""What plans came to, in a dictionary."""

import functools

from shared.model.plans import PlanTotals


class MemoryTotals:
    """What the pages of plans came to."""

    def __init__(self) -> None:
        self.pages: dict[tuple[str, str, tuple[int, int]], PlanTotals] = {}

    async def write(self, dataset: str, plan: str, *, place: tuple[int, int], totals: PlanTotals) -> None:
        """Write what a page came to."""
        self.pages[dataset, plan, place] = totals

    async def total(self, dataset: str, plan: str, *, pass_number: int) -> PlanTotals:
        """What all pages of a pass came to."""
        wanted = (
            totals
            for (of_dataset, of_plan, place), totals in sorted(self.pages.items(), key=lambda each: each[0])
            if (of_dataset, of_plan, place[0]) == (dataset, plan, pass_number)
        )
        return functools.reduce(PlanTotals.plus, wanted, PlanTotals())
