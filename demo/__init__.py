"""The dataset, the servers and the judge of ``make demo``."""
