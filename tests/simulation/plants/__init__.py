"""Bugs that are planted into the pipeline to see whether they are found: a checker that finds none proves nothing."""

from tests.simulation.plants.of_blobs import OF_BLOBS
from tests.simulation.plants.of_poison import OF_POISON
from tests.simulation.plants.of_requests import OF_REQUESTS
from tests.simulation.plants.of_runs import OF_RUNS
from tests.simulation.plants.planting import Edit, GoneError, Plant, grow, plant

PLANTS = (*OF_BLOBS, *OF_REQUESTS, *OF_RUNS, *OF_POISON)

__all__ = ["PLANTS", "Edit", "GoneError", "Plant", "grow", "plant"]
