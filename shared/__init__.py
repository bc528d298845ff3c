"""Sluice: the pipeline that is deployed."""
