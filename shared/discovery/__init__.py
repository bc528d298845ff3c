"""Catalogs become copy requests, page by page, and no faster than copies get done."""

from shared.discovery.control import Control
from shared.discovery.pages import Discovery
from shared.discovery.planning import Planning
from shared.discovery.starting import Starting
from shared.discovery.surveying import Surveying
from shared.discovery.withholding import Withholding

__all__ = ["Control", "Discovery", "Planning", "Starting", "Surveying", "Withholding"]
