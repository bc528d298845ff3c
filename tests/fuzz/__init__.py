"""Hostile input for whatever reads what others wrote: ``python -m tests.fuzz --cases 20000``.

A target makes cases from a seed and works them; the judge lets nothing pass but the errors that the target names, 50 ms
of processor time and 64 MiB. Where requests go is judged in ``tests.fuzz.ssrf``, names in ``tests.fuzz.names``.
"""
