"""How a dataset's source is asked: with whose rights, and by which endpoints. No secret stands here.

A secret is named by the app setting that holds it; such names begin with ``SOURCE_``, so that no slip of a pen sends
another setting (the storage account's key, say) to somebody else's server.
"""

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.model.errors import UrlRefusedError
from shared.model.hrefs import host_of

_SETTING = r"^SOURCE_[A-Z0-9_]{1,100}$"
_HOST = r"^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$"
_FRAMING = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "range"})
_BLOB_DOMAIN = "blob.core.windows.net"
GOOGLE_HOST = "storage.googleapis.com"


def _setting(name: str) -> str:
    if not re.fullmatch(_SETTING, name):
        raise ValueError("the name of an app setting that holds the value, such as SOURCE_TOKEN; never the value")
    return name


def _header(name: str) -> str:
    if name.lower() in _FRAMING:
        raise ValueError("a header that every request has already; an example of another one: Authorization")
    return name


type SettingName = Annotated[str, AfterValidator(_setting), Field(json_schema_extra={"pattern": _SETTING})]
type _Hosts = Annotated[tuple[Annotated[str, Field(pattern=_HOST)], ...], Field(min_length=1)]
type _Url = Annotated[str, Field(pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$")]
type _Endpoint = Annotated[str, Field(pattern=r"^https?://[^/?#@\s]+$")]


class _Source(BaseModel):
    # Whatever stands in a wrong place may be a secret.
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)

    #: Schemes of hrefs beside https and http that such a source has.
    schemes: ClassVar[frozenset[str]] = frozenset()

    @property
    def asks(self) -> tuple[str, ...]:
        """Hosts, or patterns of hosts, that a copy asks because of this source; they have to be allowed."""
        return ()

    @property
    def secrets(self) -> dict[str, str]:
        """The names of the app settings that hold this source's secrets, by field."""
        return dict(self._settings())

    def _settings(self) -> Iterator[tuple[str, str]]:
        for field in type(self).model_fields:
            name = getattr(self, field)
            if field.endswith("_setting") and name is not None:
                yield field, name

    def _check_pair(self, one: str, other: str) -> None:
        if (getattr(self, one) is None) != (getattr(self, other) is None):
            raise ValueError(f"{one} and {other} go together: state both or none")


class OpenSource(_Source):
    """A source that anybody may read."""

    kind: Literal["none"] = "none"


class HeaderSource(_Source):
    """A source that wants a header with a secret in it."""

    kind: Literal["header"]
    hosts: _Hosts
    """Hosts that are sent the header, such as data.example.org or *.example.org; no other is."""
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$"), AfterValidator(_header)] = "Authorization"
    """The header's name."""
    value_setting: SettingName
    """The app setting that holds the header's whole value (Bearer eyJ..., say)."""


class OAuth2Source(_Source):
    """A source that wants a bearer token, which a client's own credentials are exchanged for (RFC 6749, 4.4)."""

    kind: Literal["oauth2"]
    hosts: _Hosts
    """Hosts that are sent the token; no other is."""
    token_url: _Url
    """The token endpoint."""
    client_id: Annotated[str, Field(min_length=1, max_length=512)]
    """The client's id."""
    client_secret_setting: SettingName
    """The app setting that holds the client's secret."""
    client_authentication: Literal["basic", "body"] = "basic"
    """How the endpoint wants id and secret: in the Authorization header, or in the body."""
    scope: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """What is asked for, where the endpoint wants that."""
    audience: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Whom the token is for, where the endpoint wants that."""

    @property
    def asks(self) -> tuple[str, ...]:
        """See ``_Source.asks``."""
        return (host_of(self.token_url),)


class EarthdataSource(_Source):
    """A source behind NASA's Earthdata Login, or one that works alike."""

    kind: Literal["earthdata"]
    hosts: _Hosts
    """Hosts of data that are sent the token, also after a redirect from one to another; no other is."""
    login: _Endpoint = "https://urs.earthdata.nasa.gov"
    """The login host: the only one that is sent user name and password. A redirect to it is a refusal."""
    token_setting: SettingName | None = None
    """The app setting that holds a token; or else:"""
    user_setting: SettingName | None = None
    """The app setting that holds the user's name."""
    password_setting: SettingName | None = None
    """The app setting that holds the user's password."""

    @property
    def asks(self) -> tuple[str, ...]:
        """See ``_Source.asks``."""
        return () if self.token_setting else (host_of(self.login),)

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_pair("user_setting", "password_setting")
        if (self.token_setting is None) == (self.user_setting is None):
            raise ValueError("state either token_setting, or user_setting and password_setting")
        return self


class PlanetaryComputerSource(_Source):
    """Blobs that Microsoft's Planetary Computer hands out signatures for."""

    kind: Literal["planetary_computer"]
    token_url: _Url = "https://planetarycomputer.microsoft.com/api/sas/v1/token"  # noqa: S105 - an address
    """Where tokens come from; account and container are added."""
    subscription_key_setting: SettingName | None = None
    """The app setting that holds a subscription's key, where there is one: its tokens live longer."""

    @property
    def asks(self) -> tuple[str, ...]:
        """See ``_Source.asks``."""
        return (host_of(self.token_url), f"*.{_BLOB_DOMAIN}")


class AzureSource(_Source):
    """Blobs of other storage accounts: az://account/container/blob, or their https addresses."""

    kind: Literal["azure"]
    accounts: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z0-9]{3,24}$")], ...], Field(min_length=1)]
    """The accounts that are asked with these rights; no other is."""
    auth: Literal["identity", "sas", "anonymous"] = "identity"
    """The app's identity, a shared access signature, or none of them."""
    sas_setting: SettingName | None = None
    """The app setting that holds the signature (sv=...&sig=...)."""
    endpoint: _Endpoint | None = None
    """Another endpoint than Azure's own, with the account in its path: an emulator's."""
    schemes: ClassVar[frozenset[str]] = frozenset({"az"})

    @property
    def asks(self) -> tuple[str, ...]:
        """See ``_Source.asks``."""
        return tuple(host_of(self.base(each)) for each in self.accounts)

    def base(self, account: str) -> str:
        """The address of an account's blobs."""
        return f"{self.endpoint}/{account}" if self.endpoint else f"https://{account}.{_BLOB_DOMAIN}"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.auth == "sas") != (self.sas_setting is not None):
            raise ValueError("auth = 'sas' and sas_setting go together: state both or none")
        return self


class S3Source(_Source):
    """Buckets of S3, or of a store that works alike: s3://bucket/key."""

    kind: Literal["s3"]
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] | None = None
    """The buckets' region, such as us-west-2; needed without an endpoint."""
    endpoint: _Endpoint | None = None
    """Another endpoint than https://s3.<region>.amazonaws.com, with the bucket in its path."""
    access_key_id_setting: SettingName | None = None
    """The app setting that holds the key's id; without keys buckets are asked anonymously."""
    secret_access_key_setting: SettingName | None = None
    """The app setting that holds the secret key."""
    session_token_setting: SettingName | None = None
    """The app setting that holds a session's token, where the keys are a session's."""
    requester_pays: bool = False
    """Whether the keys' owner pays for the bytes."""
    schemes: ClassVar[frozenset[str]] = frozenset({"s3"})

    @property
    def asks(self) -> tuple[str, ...]:
        """See ``_Source.asks``."""
        return (host_of(self.endpoint),) if self.endpoint else (f"*.s3.{self.region}.amazonaws.com",)

    def place(self, bucket: str) -> tuple[str, bool]:
        """The address of a bucket's endpoint, and whether that is the bucket's own host."""
        if self.endpoint is not None:
            return self.endpoint, False
        # The certificate of *.s3.<region>.amazonaws.com covers no further dot.
        if "." in bucket or "_" in bucket:
            return f"https://s3.{self.region}.amazonaws.com", False
        return f"https://{bucket}.s3.{self.region}.amazonaws.com", True

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_pair("access_key_id_setting", "secret_access_key_setting")
        if self.region is None and self.endpoint is None:
            raise ValueError("state the region (such as us-west-2), or an endpoint")
        if self.access_key_id_setting is None and (self.requester_pays or self.session_token_setting):
            raise ValueError("requester_pays and session_token_setting need access_key_id_setting")
        return self


class GoogleSource(_Source):
    """Buckets of Google Cloud Storage: gs://bucket/key."""

    kind: Literal["gs"]
    access_id_setting: SettingName | None = None
    """The app setting that holds an HMAC key's access id; without keys buckets are asked anonymously."""
    secret_setting: SettingName | None = None
    """The app setting that holds the HMAC key's secret."""
    endpoint: _Endpoint = f"https://{GOOGLE_HOST}"
    """The endpoint, with the bucket in its path."""
    schemes: ClassVar[frozenset[str]] = frozenset({"gs"})

    @property
    def asks(self) -> tuple[str, ...]:
        """See ``_Source.asks``."""
        return (host_of(self.endpoint),)

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_pair("access_id_setting", "secret_setting")
        return self


type Source = Annotated[
    OpenSource
    | HeaderSource
    | OAuth2Source
    | EarthdataSource
    | PlanetaryComputerSource
    | AzureSource
    | S3Source
    | GoogleSource,
    Field(discriminator="kind"),
]

#: The kind of source that an address of such a scheme needs.
_KINDS = {"s3": "s3", "gs": "gs", "az": "azure"}


def check_scheme(scheme: str, *, source: Source) -> None:
    """Raise UrlRefusedError unless a source has addresses of this object store."""
    if scheme not in source.schemes:
        wanted = f"[datasets.<name>.source] with kind = {_KINDS[scheme]!r}"
        raise UrlRefusedError(f"{scheme}:// addresses need {wanted} in datasets.toml; this one is {source.kind!r}")
