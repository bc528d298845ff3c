"""The app's identity, as tokens for storage accounts that are only read from."""

from collections.abc import Callable
from datetime import UTC, datetime

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError

from shared.model.errors import SourceRefusedError, SourceUnavailableError

_SCOPE = "https://storage.azure.com/.default"


class Identity:
    """A credential, made when it is first asked for; ``aclose`` it at the end."""

    def __init__(self, make: Callable[[], AsyncTokenCredential]) -> None:
        self._make = make
        self._credential: AsyncTokenCredential | None = None

    async def storage_token(self) -> tuple[str, datetime]:
        """A bearer token for any storage account, and when it expires.

        Raises SourceRefusedError, and SourceUnavailableError where whoever gives tokens can't be asked now.
        """
        self._credential = self._credential or self._make()
        try:
            token = await self._credential.get_token(_SCOPE)
        except ClientAuthenticationError as error:
            raise SourceRefusedError("the app's identity got no token for storage accounts") from error
        except (AzureError, OSError) as error:
            raise SourceUnavailableError(f"the app's identity can't be asked: {type(error).__name__}") from error
        return token.token, datetime.fromtimestamp(token.expires_on, UTC)

    async def aclose(self) -> None:
        """Close the credential, if there is one."""
        if self._credential is not None:
            await self._credential.close()
