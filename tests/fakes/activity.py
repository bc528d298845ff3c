"""The day's activity in a dictionary."""

from datetime import date

from shared.model.rows import Activity


class MemoryActivities:
    """Activity by dataset, day and process."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, date, str], Activity] = {}

    async def write(self, dataset: str, day: date, process: str, *, activity: Activity) -> None:
        """Write a process's row for a day."""
        self.rows[dataset, day, process] = activity

    async def of_day(self, dataset: str, day: date) -> Activity:
        """What all processes copied in a day."""
        total = Activity()
        for (of_dataset, of_day, _), activity in self.rows.items():
            if (of_dataset, of_day) == (dataset, day):
                total = total.plus(activity)
        return total
