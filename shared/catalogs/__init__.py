"""Where the assets of a dataset are listed: one module per kind of catalog."""
