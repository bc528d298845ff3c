"""From how many outstanding copy requests on discovery waits."""

import math


def mark(saturation: float, *, capacity: int) -> int | None:
    """``ceil(sigma x S)``: a page runs while fewer requests are outstanding; None where sigma is infinite."""
    return None if math.isinf(saturation) else math.ceil(saturation * capacity)
