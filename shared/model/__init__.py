"""Values: assets, datasets, messages, errors, settings. No I/O."""
