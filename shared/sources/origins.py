"""Where an href leads, before it is signed: what can be told of it without asking anybody."""

from shared.model.access import AzureSource, GoogleSource, S3Source, Source, check_scheme
from shared.model.errors import UrlRefusedError
from shared.model.hrefs import ObjectAddress, store_address


def origin_of(href: str, *, source: Source) -> str:
    """An address at the host that is asked for an href: itself, or the store's where it is an object store's address.

    Raises UrlRefusedError where the dataset's source has no such address.
    """
    store = store_address(href)
    if store is None:
        return href
    check_scheme(store.scheme, source=source)
    match source:
        case S3Source():
            return source.place(store.bucket)[0]
        case GoogleSource():
            return source.endpoint
        case _:
            assert isinstance(source, AzureSource)
            return account_of(store, source=source)


def account_of(store: ObjectAddress, *, source: AzureSource) -> str:
    """The address of a blob's account; raises UrlRefusedError unless the source has rights there."""
    account = store.bucket.partition("/")[0]
    if account not in source.accounts:
        raise UrlRefusedError(f"the account {account!r} isn't in the source's accounts")
    return source.base(account)
