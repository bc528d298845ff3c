"""Tokens: where a page begins, as text that travels in a message."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.catalogs.json_text import explained
from shared.model.errors import MalformedRequestError


class Token(BaseModel):
    """Where a page begins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: What has such pages, with its article.
    of_what: ClassVar[str]

    @classmethod
    def decode(cls, token: str) -> Self:
        """Read a token; raises MalformedRequestError."""
        try:
            return cls.model_validate_json(token)
        except ValidationError as error:
            raise MalformedRequestError(f"the token is none of {cls.of_what}: {explained(error)}") from error

    def encode(self) -> str:
        """The token; raises ValueError for text that can't be written in UTF-8."""
        return self.model_dump_json(exclude_defaults=True)
