"""How much is running."""

from collections.abc import Mapping

from functions_host.functions import Datum, Delivery, Function, Invoker, Result


class CountingInvoker:
    """An ``Invoker`` that knows how many of its invocations have not ended."""

    def __init__(self, invoker: Invoker) -> None:
        self._invoker = invoker
        self.outstanding = 0

    async def invoke(
        self,
        function: Function,
        *,
        inputs: Mapping[str, Datum],
        metadata: Mapping[str, Datum],
        reason: str,
        delivery: Delivery | None = None,
    ) -> Result:
        """Invoke a function and wait for its end; see ``Invoker``."""
        self.outstanding += 1
        try:
            return await self._invoker.invoke(
                function, inputs=inputs, metadata=metadata, reason=reason, delivery=delivery
            )
        finally:
            self.outstanding -= 1
