"""Who may send a dataset's events. No secret stands here: app settings hold them, as those of sources."""

import re
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.model.access import SettingName

_ARN = re.compile(
    r"arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2}(?:-[a-z]{2,20}){1,3}-[0-9]{1,2}):[0-9]{12}:[A-Za-z0-9_-]{1,256}"
)
#: One label or several: a host, which no comma, space or slash can follow.
_ORIGIN = r"^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$"


def _arn(arn: str) -> str:
    if not _ARN.fullmatch(arn):
        raise ValueError("a topic's ARN, such as arn:aws:sns:us-west-2:123456789012:MyTopic, in full")
    return arn


type _Topic = Annotated[str, Field(min_length=1, max_length=2048)]


class _Access(BaseModel):
    # Whatever stands in a wrong place may be a secret.
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)

    per_minute: Annotated[int, Field(ge=1, le=100_000)] = 600
    """Calls that each instance of the app takes in a minute; what comes beyond is answered 429 with a Retry-After."""

    @property
    def secrets(self) -> dict[str, str]:
        """The names of the app settings that hold secrets, by field."""
        named = {each: getattr(self, each) for each in type(self).model_fields if each.endswith("_setting")}
        return {field: name for field, name in named.items() if name is not None}


class _Subscribed(_Access):
    origins: tuple[Annotated[str, Field(pattern=_ORIGIN)], ...] = ()
    """Origins that may subscribe by CloudEvents' handshake; Event Grid's is eventgrid.azure.net."""


class HmacAccess(_Access):
    """Senders that share a secret and sign with it."""

    kind: Literal["hmac"]
    secret_setting: SettingName
    """The app setting that holds the secret, of 32 characters at least."""
    next_secret_setting: SettingName | None = None
    """The app setting of a second secret that is taken as well, while senders change from one to the other."""


class EntraAccess(_Subscribed):
    """Senders with a token of Microsoft Entra, which App Service's built-in authentication has verified."""

    kind: Literal["entra"]
    tenant: UUID
    """The tenant that gives the tokens."""
    apps: tuple[UUID, ...] = ()
    """Application (client) ids of senders; Event Grid's is 4962773b-9cdb-44cf-a8bf-237846a00ab7."""
    objects: tuple[UUID, ...] = ()
    """Object ids of senders: of a managed identity, say."""
    topics: tuple[_Topic, ...] = ()
    """Resource ids of Event Grid topics (of a storage account, say), which are the source of their CloudEvents."""
    role: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """An app role that the token has to have, too, such as AzureEventGridSecureWebhookSubscriber."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.apps and not self.objects:
            raise ValueError("state apps or objects: the tenant alone would admit everybody in it")
        return self


class SnsAccess(_Access):
    """Topics of Amazon SNS, whose messages are signed."""

    kind: Literal["sns"]
    topics: Annotated[tuple[Annotated[str, AfterValidator(_arn)], ...], Field(min_length=1)]
    """The topics' ARNs; messages of no other are taken."""


class KeyAccess(_Subscribed):
    """Whoever has the function key, and speaks of a listed topic: for Event Grid without Entra."""

    kind: Literal["key"]
    topics: Annotated[tuple[_Topic, ...], Field(min_length=1)]
    """Resource ids of Event Grid topics (of a storage account, say), which are the source of their CloudEvents."""


type EventAccess = Annotated[HmacAccess | EntraAccess | SnsAccess | KeyAccess, Field(discriminator="kind")]


def region_of(topic: str) -> tuple[str, str]:
    """The partition (aws, aws-cn, aws-us-gov) and the region in a topic's ARN; raises ValueError for what is none."""
    found = _ARN.fullmatch(topic)
    if found is None:
        raise ValueError("no ARN of a topic")
    return found[1], found[2]
