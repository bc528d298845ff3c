"""``make bad-day``: everything goes wrong at once, and documented commands alone put it right."""
