"""An href as verified bytes: reading, and a look at the content."""
