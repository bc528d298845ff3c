"""Small models in which all that can happen does: every interleaving of every call, every crash, every lost answer.

- ``turns``      the calls of a process, each of which waits for its turn
- ``model``      processes, messages and what may go wrong: what can happen next, and what makes no difference
- ``copies``     one file, worked by two at once; ``pages`` a run of three pages
- ``exploring``  all ways through a model, and how many they are
- ``models``     those that are gone through

``python -m tests.simulation.exhaustive``.
"""
