"""Where an href leads, before it is signed: what can be told of it without asking anybody."""

from shared.model.access import AzureSource, GoogleSource, S3Source, Source, check_scheme
from shared.model.errors import UrlRefusedError
from shared.model.hrefs import ObjectAddress


def origin_of(href: str, *, source: Source) -> str:
    """An address at the host that is asked for an href: itself, or the store's where it is an object store's address.

    Raises UrlRefusedError where the dataset's source has no such address.
    """
    try:
        store = ObjectAddress.read(href)
    except ValueError as error:
        raise UrlRefusedError(f"the href can't be asked for: {error}") from error
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
            account = store.bucket.partition("/")[0]
            if account not in source.accounts:
                raise UrlRefusedError(f"the account {account!r} isn't in the source's accounts")
            return source.base(account)
