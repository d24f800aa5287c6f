"""A beets plugin that sets the genre of songs when they are imported.

Put this file into a folder, and add the folder to the config.yaml of beets
(https://beets.io):

    pluginpath: ~/beets-plugins
    plugins: beets_genre
    beets_genre:
        confidence: 0.6     # do not set the genre below this probability

`beet import` then sets the genre of songs that have none. With `overwrite: yes` it
replaces the genre of all songs.
"""

import os
from functools import cached_property

from beets.library import Item
from beets.plugins import BeetsPlugin

from genreclf import GenreClassifier, GenreclfError

# A list since beets 2.7, a string before.
HAS_LIST = "genres" in Item._fields


class GenrePlugin(BeetsPlugin):
    """Set the genre of items during import."""

    def __init__(self) -> None:
        super().__init__(name="beets_genre")
        self.config.add({"confidence": 0.6, "overwrite": False, "model": "short-chunk"})
        self.import_stages = [self.imported]

    @cached_property
    def classifier(self) -> GenreClassifier:
        """The classifier, loaded for the first song."""
        return GenreClassifier.from_pretrained(self.config["model"].as_str())

    def imported(self, _session: object, task: object) -> None:
        """Set the genre of each song of an import task."""
        for item in task.imported_items():
            present = item.genres if HAS_LIST else item.genre
            if present and not self.config["overwrite"].get(bool):
                continue
            try:
                prediction = self.classifier.predict(os.fsdecode(item.path))
            except GenreclfError as error:
                self._log.warning("no genre: {}", error)
                continue
            if prediction.confidence >= self.config["confidence"].as_number():
                genre = prediction.genre.title()
                item.update({"genres": [genre]} if HAS_LIST else {"genre": genre})
                item.store()
