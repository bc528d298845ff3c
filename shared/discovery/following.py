"""What follows a part of a page, and what it came to."""

from shared.model.caps import Spent
from shared.model.counts import PartCounts
from shared.model.items import PlannedPage
from shared.model.messages import PageRequest


def following(
    request: PageRequest, page: PlannedPage, *, is_last_part: bool, spent: Spent | None
) -> PageRequest | None:
    """The next part, page or window; None: the run ends here."""
    fresh: dict[str, object] = {"deferrals": 0, "deferred_since": None, "reason": None, "spent": spent}
    # Sent by this page, not by whoever sent this one.
    fresh["traceparent"] = None
    if not is_last_part:
        return request.model_copy(update={**fresh, "part": request.part + 1})
    update = {**fresh, "page": request.page + 1, "part": 0, "token": page.next_token}
    update["capped"] = request.capped + page.is_capped
    if page.next_token is not None:
        return request.model_copy(update=update)
    windows = (*page.split, *request.later)
    if not windows:
        return None
    window = {"window": windows[0], "window_page": request.page + 1, "later": windows[1:]}
    return request.model_copy(update={**update, **window})


def next_pass(request: PageRequest, *, spent: Spent | None) -> PageRequest:
    """The first page of a run that begins again; what it has asked for so far counts on."""
    return PageRequest(
        dataset=request.dataset,
        run=request.run,
        pass_number=request.pass_number + 1,
        is_plan=request.is_plan,
        spent=spent,
    )


def needs_second_look(page: PlannedPage) -> bool:
    """Tell whether nothing but its lack of a next link says that a window ends with this page."""
    return page.next_token is None and page.matched is None and not page.split and page.end is None


def counts_of(request: PageRequest, page: PlannedPage, asked: PartCounts) -> PartCounts:
    """What a part came to."""
    update: dict[str, object] = {"window": request.window_page}
    if request.part == 0:
        update |= {"available": page.available, "filtered": page.filtered, "refused": page.refused}
        update |= {"repeated": page.repeats, "matched": page.matched}
        update |= {"is_split": bool(page.split), "is_capped": page.is_capped}
    return asked.model_copy(update=update)
