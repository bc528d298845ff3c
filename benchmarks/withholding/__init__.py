"""What withholding buys, and what it costs: the pipeline with several saturations, watched from outside."""
