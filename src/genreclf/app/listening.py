"""From uploaded files to what the page shows of them."""

from __future__ import annotations

import csv
import dataclasses
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

from genreclf.app import views
from genreclf.audio import is_audio_path
from genreclf.classifier import GenreClassifier
from genreclf.errors import GenreclfError
from genreclf.features import LogMel
from genreclf.plots.sound import mel_levels
from genreclf.prediction import Failure, Prediction
from genreclf.pretrained.catalogue import list_models
from genreclf.tables import as_text, columns, rows

Advance = Callable[[int, int], object]


class Listener:
    """Classifies what is uploaded, and never raises what a person would have to read.

    Parameters
    ----------
    model : str
        What :meth:`genreclf.GenreClassifier.from_pretrained` takes; loaded at once.
    min_confidence : float
        Below this probability, 0 to 1, the genre is "unknown".
    folder : Path
        For the tables that are made.

    Raises
    ------
    GenreclfError
        If the model cannot be loaded.
    """

    def __init__(self, model: str, min_confidence: float, folder: Path) -> None:
        self._folder = folder
        self._load = partial(GenreClassifier.from_pretrained, min_confidence=min_confidence)
        self._loading = threading.Lock()
        self._classifiers = {model: self._load(model)}
        here = [one.name for one in list_models() if one.folder and not one.problem]
        self.models = list(dict.fromkeys([model, *here]))

    def hear(self, song: str | None, model: str) -> str:
        """The answer to one file, or what is wrong with it, as HTML.

        Parameters
        ----------
        song : str or None
            A path; without one there is nothing to show.
        model : str
            One of :attr:`models`.
        """
        if not song:
            return ""
        try:
            prediction = self._classifier(model).predict(song)
            return views.answer(prediction, mel_levels(song, LogMel()))
        except Exception as error:
            return views.problem(_plainly(error, song))

    def hear_many(
        self, songs: Sequence[str], model: str, advance: Advance
    ) -> tuple[str, Path | None]:
        """A table of many files as HTML, and as a CSV file.

        Parameters
        ----------
        songs : sequence of str
            Paths.
        model : str
            One of :attr:`models`.
        advance : callable
            Told how many files are done, and of how many.

        Returns
        -------
        html : str
        table : Path or None
            None if there is nothing to write.
        """
        if not songs:
            return views.problem("There is no music among these files."), None
        try:
            classifier = self._classifier(model)
            heard: list[Prediction | Failure] = []
            with closing(classifier.predict_many(songs)) as results:
                for result in results:
                    heard.append(_named(result))
                    advance(len(heard), len(songs))
            return views.many(heard), self._write(heard, classifier.labels)
        except Exception as error:
            return views.problem(_plainly(error, "")), None

    def _classifier(self, name: str) -> GenreClassifier:
        with self._loading:
            if name not in self._classifiers:
                # The page offers what is here; a visitor must not start a download.
                self._classifiers[name] = self._load(name, local_files_only=True)
            return self._classifiers[name]

    def _write(self, results: Sequence[Prediction | Failure], labels: Sequence[str]) -> Path:
        path = Path(mkdtemp(dir=self._folder)) / "genres.csv"
        with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
            table = csv.DictWriter(file, columns(labels, timeline=False))
            table.writeheader()
            for result in results:
                table.writerows(as_text(row) for row in rows(result, None, timeline=False))
        return path


def music_among(paths: Sequence[str]) -> list[str]:
    """The files of a folder that look like music, sorted by name; hidden ones are left out."""
    names = [path for path in paths if not Path(path).name.startswith(".")]
    return sorted(filter(is_audio_path, names), key=lambda path: Path(path).name)


def _named(result: Prediction | Failure) -> Prediction | Failure:
    """A result that goes by the name of the file as its owner knows it."""
    name = Path(result.source).name
    if isinstance(result, Prediction):
        return dataclasses.replace(result, source=name)
    return Failure(name, GenreclfError(_plainly(result.error, result.source)))


def _plainly(error: Exception, song: str) -> str:
    """What to tell a person of an error: the file's name, but not where it lies here."""
    if not isinstance(error, GenreclfError):
        sys.stderr.write(f"genreclf app: unexpected {type(error).__name__}: {error}\n")
        return f"This is a bug in genreclf ({type(error).__name__}); please report it."
    return str(error).replace(song, Path(song).name) if song else str(error)
