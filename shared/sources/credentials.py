"""Signs each href as its dataset's source says, with secrets that stay in memory."""

import dataclasses
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from types import MappingProxyType
from urllib.parse import quote, urlencode, urlsplit

from pydantic import SecretStr

from shared.egress import Http, Policy
from shared.model.access import (
    AzureSource,
    EarthdataSource,
    GoogleSource,
    HeaderSource,
    OAuth2Source,
    PlanetaryComputerSource,
    S3Source,
    Source,
    check_scheme,
)
from shared.model.datasets import Allowlist, Dataset, Integrity, matches_host
from shared.model.hrefs import ObjectAddress, host_of, store_address
from shared.sources.endpoints import earthdata_token, oauth2_token, planetary_computer_token
from shared.sources.origins import account_of
from shared.sources.presigning import Bucket, Keys, presigned
from shared.sources.signing import Signed
from shared.sources.tokens import Token, Tokens

_CONTAINER = re.compile(r"https://([a-z0-9]{3,24})\.blob\.core\.windows\.net/([a-z0-9-]{3,63})/.+")
#: Microsoft's own client signs nothing of it, since anybody may read it.
_PUBLIC_ACCOUNT = "ai4edatasetspublicassets"
#: Bearer tokens need 2017-11-09 at least
#: (https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory).
_AZURE_VERSION = "2023-11-03"
#: S3 states an object's checksums to those who ask for them.
_CHECKSUM_MODE = MappingProxyType({"x-amz-checksum-mode": "ENABLED"})
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
#: Google's HMAC keys sign as S3's do (https://cloud.google.com/storage/docs/aws-simple-migration).
_GOOGLE_REGION = "auto"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A ``Signing`` for all datasets."""

    http: Http
    #: By the names of the app settings that hold them.
    secrets: Mapping[str, SecretStr]
    #: A bearer token of the app's identity for storage accounts, and when it expires.
    identity: Callable[[], Awaitable[tuple[str, datetime]]]
    tokens: Tokens
    clock: Callable[[], datetime]
    _policies: dict[Allowlist, Policy] = dataclasses.field(default_factory=dict[Allowlist, Policy], init=False)

    async def signed(self, href: str, *, dataset: Dataset) -> Signed:
        """The address of an href, as ``Signing`` says. A token goes to hosts that the source names, and to no other."""
        headers = _headers(dataset)
        url = self._address(href, source=dataset.source, headers=headers)
        match dataset.source:
            case HeaderSource() | OAuth2Source() | EarthdataSource() | PlanetaryComputerSource() | AzureSource():
                # Signed is what egress will ask, as it reads it: two readings of one address could be two hosts.
                checked = str(self._policy(dataset.allow).checked(url))
                return await self._with_rights(checked, source=dataset.source, allow=dataset.allow)
            case S3Source() if url != href:  # an address of the store's own: s3://bucket/key
                return Signed(url=url, headers=headers)
            case _:
                return Signed(url=url)

    async def listed(self, place: ObjectAddress, /, *, query: Mapping[str, str], dataset: Dataset) -> Signed:
        """The address by which a bucket or a container is listed, for a few minutes; raises what ``signed`` does."""
        source, asked = dataset.source, urlencode(query, quote_via=quote, safe="~")
        url = self._in_store(dataclasses.replace(place, key=""), source=source, headers=_NO_HEADERS, query=asked)
        if not isinstance(source, AzureSource):
            return Signed(url=url)
        signed = await self._with_azures(str(self._policy(dataset.allow).checked(url)), source)
        return dataclasses.replace(signed, headers={"x-ms-version": _AZURE_VERSION, **signed.headers})

    def _policy(self, allow: Allowlist) -> Policy:
        if allow not in self._policies:
            self._policies[allow] = Policy(allow)
        return self._policies[allow]

    def _address(self, href: str, *, source: Source, headers: Mapping[str, str]) -> str:
        """The https address of an href; of a bucket's key signed, where there are keys."""
        store = store_address(href)
        if store is None:
            return href
        return self._in_store(store, source=source, headers=headers)

    def _in_store(self, store: ObjectAddress, *, source: Source, headers: Mapping[str, str], query: str = "") -> str:
        """The https address of a key, or of a bucket that is asked by a query."""
        check_scheme(store.scheme, source=source)
        match source:
            case S3Source():
                endpoint, own_host = source.place(store.bucket)
                return self._in_bucket(
                    store, source, endpoint=endpoint, own_host=own_host, headers=headers, query=query
                )
            case GoogleSource():
                return self._in_bucket(
                    store, source, endpoint=source.endpoint, own_host=False, headers=headers, query=query
                )
            case _:
                assert isinstance(source, AzureSource)
                container = store.bucket.partition("/")[2]
                path = f"{container}/{_escaped(store.key)}" if store.key else container
                return _with_query(f"{account_of(store, source=source)}/{path}", query)

    def _in_bucket(
        self,
        store: ObjectAddress,
        source: S3Source | GoogleSource,
        *,
        endpoint: str,
        own_host: bool,
        headers: Mapping[str, str],
        query: str,
    ) -> str:
        bucket = Bucket(
            name=store.bucket,
            endpoint=endpoint,
            own_host=own_host,
            region=(source.region or "us-east-1") if isinstance(source, S3Source) else _GOOGLE_REGION,
            requester_pays=isinstance(source, S3Source) and source.requester_pays,
        )
        if (keys := self._keys(source)) is None:
            return _with_query(f"{endpoint}{bucket.path(store.key)}", query)
        return presigned(bucket, store.key, keys=keys, headers=headers, now=self.clock(), query=query)

    def _keys(self, source: S3Source | GoogleSource) -> Keys | None:
        if isinstance(source, GoogleSource):
            names = source.access_id_setting, source.secret_setting, None
        else:
            names = source.access_key_id_setting, source.secret_access_key_setting, source.session_token_setting
        key_id, secret, session = (None if name is None else self._secret(name) for name in names)
        if key_id is None or secret is None:
            return None
        return Keys(access_key_id=key_id, secret_access_key=secret, session_token=session)

    async def _with_rights(
        self,
        url: str,
        *,
        source: HeaderSource | OAuth2Source | EarthdataSource | PlanetaryComputerSource | AzureSource,
        allow: Allowlist,
    ) -> Signed:
        """A checked address with the rights that the source has for it, or as it is."""
        match source:
            case AzureSource():
                return await self._with_azures(url, source)
            case PlanetaryComputerSource():
                return await self._with_planetary_computers(url, source, allow=allow)
            case _ if not matches_host(host_of(url), source.hosts):
                return Signed(url=url)
            case HeaderSource():
                headers = {source.header: self._secret(source.value_setting)}
                return Signed(url=url, headers=headers, trusted=source.hosts)
            case OAuth2Source():
                return await self._with_bearer(url, source, partial(self._oauth2, source, allow))
            case _:
                return await self._with_earthdatas(url, source, allow=allow)

    async def _with_earthdatas(self, url: str, source: EarthdataSource, *, allow: Allowlist) -> Signed:
        login = host_of(source.login)
        if source.token_setting is None:
            signed = await self._with_bearer(url, source, partial(self._earthdata, source, allow))
            return dataclasses.replace(signed, login=login)
        headers = _bearer(self._secret(source.token_setting))
        return Signed(url=url, headers=headers, trusted=source.hosts, login=login)

    async def _with_bearer(
        self, url: str, source: OAuth2Source | EarthdataSource, fetch: Callable[[], Awaitable[Token]]
    ) -> Signed:
        token = await self.tokens.get(source, fetch)
        return Signed(
            url=url, headers=_bearer(token.value), trusted=source.hosts, forget=self._forgetting(source, token)
        )

    async def _with_planetary_computers(self, url: str, source: PlanetaryComputerSource, *, allow: Allowlist) -> Signed:
        found = _CONTAINER.fullmatch(url)
        if found is None or found[1] == _PUBLIC_ACCOUNT:
            return Signed(url=url)
        place = f"{found[1]}/{found[2]}"
        key = source.subscription_key_setting
        fetch = partial(
            planetary_computer_token,
            self.http,
            source,
            place=place,
            subscription_key=None if key is None else self._secret(key),
            allow=allow,
        )
        token = await self.tokens.get((source, place), fetch)
        return Signed(url=_with_query(url, token.value), forget=self._forgetting((source, place), token))

    async def _with_azures(self, url: str, source: AzureSource) -> Signed:
        if source.auth == "anonymous" or not any(url.startswith(f"{source.base(each)}/") for each in source.accounts):
            return Signed(url=url)
        if source.sas_setting is not None:
            return Signed(url=_with_query(url, self._secret(source.sas_setting).removeprefix("?")))
        token = await self.tokens.get("identity", self._identity)
        headers = {
            **_bearer(token.value),
            "x-ms-version": _AZURE_VERSION,
            "x-ms-date": format_datetime(self.clock(), usegmt=True),
        }
        return Signed(url=url, headers=headers, forget=self._forgetting("identity", token))

    async def _oauth2(self, source: OAuth2Source, allow: Allowlist) -> Token:
        secret = self._secret(source.client_secret_setting)
        return await oauth2_token(self.http, source, secret=secret, allow=allow, now=self.clock())

    async def _earthdata(self, source: EarthdataSource, allow: Allowlist) -> Token:
        assert source.user_setting is not None
        assert source.password_setting is not None
        user, password = self._secret(source.user_setting), self._secret(source.password_setting)
        return await earthdata_token(self.http, source, user=user, password=password, allow=allow)

    async def _identity(self) -> Token:
        value, expires_at = await self.identity()
        return Token(value=value, expires_at=expires_at)

    def _forgetting(self, purpose: object, token: Token) -> Callable[[], None]:
        return partial(self.tokens.forget, purpose, token)

    def _secret(self, name: str) -> str:
        return self.secrets[name].get_secret_value()


def _headers(dataset: Dataset) -> Mapping[str, str]:
    """What is asked with the bytes: S3's checksums, unless a copy is to go on inside a file rather than be compared.

    What is stated of the whole is compared, and then every byte has to be read.
    """
    policy = dataset.policy
    compares = bool(policy.digests) or policy.integrity is Integrity.REQUIRE
    return _CHECKSUM_MODE if compares and isinstance(dataset.source, S3Source) else _NO_HEADERS


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _escaped(key: str) -> str:
    return quote(key, safe="/~")


def _with_query(url: str, query: str) -> str:
    if not query:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{query}"
