"""The whole pipeline in one thread and virtual time, while processes die and everything fails that can.

What runs is the product: its use cases, put together by ``shared.pipeline`` as the app does it. What is simulated is
what stands around them:

- ``choices``   where every decision comes from: a seed, a part of what a seed decides, or all that there are
- ``loops``     virtual time, and an event loop for each process
- ``effects``   the calls of a process: slow, refused, lost, done twice, or its last
- ``messages``  queues; ``account`` what is stored; ``ports`` and ``mailboxes`` both as a process sees them
- ``sources``   the hosts of files; ``catalog`` their catalog
- ``host``      the Functions host; ``workers`` the processes with the app; ``callers`` who calls it over HTTP
- ``scenario``  what a schedule is about, and how bad it gets
- ``world``     a schedule: rough, then calm, then a night's run
- ``checker``   the safety rules, at every write; ``ending`` what has to be true when all is done
- ``running``   many schedules; ``shrinking`` one that fails, made small; ``small`` every single fault of a small model
- ``exhaustive`` small models in which all that can happen does
- ``plants``    bugs in the product; ``mutants`` whether they are found

The same seed gives the same schedule, in any process of this version of Python. ``python -m tests.simulation``.
"""
