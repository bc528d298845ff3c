"""Catalogs become copy requests, page by page, and no faster than copies get done."""

from shared.discovery.control import Control
from shared.discovery.documents import Documents
from shared.discovery.pages import Discovery
from shared.discovery.starting import Starting
from shared.discovery.withholding import Withholding

__all__ = ["Control", "Discovery", "Documents", "Starting", "Withholding"]
