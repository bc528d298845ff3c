"""A storm: workers are killed, storage and sources fail in every way there is, and a judge looks at what came of it."""
