"""Where a dataset's blobs are, and which others may stand there."""

import string

from shared.census.facts import Standing
from shared.model.datasets import Dataset


class Destination:
    """The part of a container that a dataset's blobs lie in: as small as everything that was seen allows."""

    def __init__(self, dataset_name: str, dataset: Dataset) -> None:
        self.container = dataset.destination.container
        self._dataset_name = dataset_name
        #: What all names begin with that are made of the dataset's template.
        self._own = _beginning(dataset.template, dataset_name=dataset_name)
        self.prefix = self._own

    def take_in(self, blob: str) -> None:
        """Note that the dataset has, or had, a blob of this name: its catalog may name it, or an older template."""
        while not blob.startswith(self.prefix):
            self.prefix = self.prefix[:-1]

    def is_beside(self, blob: str, standing: Standing) -> bool:
        """Tell whether a blob that neither catalog nor ledger names is none of the dataset's assets."""
        if standing.is_published:
            return True
        if standing.owner is not None:
            return standing.owner[0] != self._dataset_name
        # Nobody's: below the template's own beginning nobody else has anything to put.
        return not blob.startswith(self._own)


def _beginning(template: str, *, dataset_name: str) -> str:
    """What every name of a template begins with."""
    parsed = list(string.Formatter().parse(template))
    # A template names item or path, or it would be refused.
    first = next(number for number, (_, field, _, _) in enumerate(parsed) if field not in {None, "dataset"})
    fixed = [f"{literal}{dataset_name}" for literal, _, _, _ in parsed[:first]]
    return "".join(fixed) + parsed[first][0]
