"""A beets plugin that writes the genre of each song as it is imported.

Put this file into a folder, and tell beets (https://beets.io) where it is, in its
config.yaml:

    pluginpath: ~/beets-plugins
    plugins: beets_genre
    beets_genre:
        confidence: 0.6     # leave the genre as it is where the network is less sure

`beet import` then fills in the genre of songs that have none. With `overwrite: yes`
it replaces the genre of all of them.
"""

import os
from functools import cached_property

from beets.plugins import BeetsPlugin

from genreclf import GenreClassifier, GenreclfError


class GenrePlugin(BeetsPlugin):
    """Sets the field ``genre`` of items during import."""

    def __init__(self) -> None:
        super().__init__(name="beets_genre")
        self.config.add({"confidence": 0.6, "overwrite": False, "model": "dong2018"})
        self.import_stages = [self.imported]

    @cached_property
    def classifier(self) -> GenreClassifier:
        """Loaded when the first song comes."""
        return GenreClassifier.from_pretrained(self.config["model"].as_str())

    def imported(self, _session: object, task: object) -> None:
        """Set the genre of each song of an import task."""
        for item in task.imported_items():
            if item.genre and not self.config["overwrite"].get(bool):
                continue
            try:
                prediction = self.classifier.predict(os.fsdecode(item.path))
            except GenreclfError as error:
                self._log.warning("no genre: {}", error)
                continue
            if prediction.confidence >= self.config["confidence"].as_number():
                item.genre = prediction.genre.title()
                item.store()
