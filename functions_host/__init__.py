"""A local Azure Functions host for machines without Core Tools: what ``func start`` does, as far as Sluice uses it."""
