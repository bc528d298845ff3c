"""Items become visible when they are whole."""

from shared.publishing.delivery import Publishing

__all__ = ["Publishing"]
