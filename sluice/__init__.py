"""The operator's command: what stands where, what failed and why, and how it is sent back. Not deployed."""
