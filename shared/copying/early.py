"""An event may come before its file: what isn't there yet is waited for."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.model.assets import Asset
from shared.model.causes import is_event
from shared.model.datasets import Dataset
from shared.model.errors import AssetNotFoundError, AssetNotYetFoundError
from shared.model.messages import CopyRequest


def with_grace(
    failed: Mapping[Asset, Exception], *, request: CopyRequest, dataset: Dataset, now: datetime
) -> Mapping[Asset, Exception]:
    """The same failures, where a 404 counts for nothing yet if the request is an event's, and that is young."""
    grace = dataset.events.not_found_grace if dataset.events else timedelta()
    if not is_event(request.cause) or now - request.asked_at >= grace:
        return failed
    return {asset: _with_grace(error, until=request.asked_at + grace) for asset, error in failed.items()}


def _with_grace(error: Exception, *, until: datetime) -> Exception:
    if not isinstance(error, AssetNotFoundError):
        return error
    later = AssetNotYetFoundError(f"{error}; an event's file is waited for until {until.isoformat()}")
    later.__cause__ = error
    return later
