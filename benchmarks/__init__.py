"""Sluice side by side with rclone and with a plain loop of the storage SDK (not deployed)."""
