"""The events that the app logs: found in its code, and told of in ``docs/events.md``."""
