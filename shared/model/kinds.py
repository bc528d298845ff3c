"""What every kind of catalog has in common in ``datasets.toml``."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Kind(BaseModel):
    """The table of a dataset's catalog."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    #: Whether a run can be of a window.
    has_times: ClassVar[bool] = True
