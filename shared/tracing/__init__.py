"""One trace from the page that found an asset to the item that is published.

All of it is put around the use cases and their ports, and only where tracing is on: nothing else imports this package
or OpenTelemetry, and no use case knows of it.
"""

from shared.tracing.exporting import opened_tracer
from shared.tracing.ports import traced_ports
from shared.tracing.tracer import Tracer
from shared.tracing.use_cases import TracedCopying, TracedDiscovery, TracedPublishing

__all__ = ["TracedCopying", "TracedDiscovery", "TracedPublishing", "Tracer", "opened_tracer", "traced_ports"]
