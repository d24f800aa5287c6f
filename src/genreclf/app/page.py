"""The page: its layout, and the classifier behind it."""

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
from typing import TYPE_CHECKING, Any

from genreclf.app import views
from genreclf.audio import is_audio_path
from genreclf.classifier import GenreClassifier
from genreclf.errors import GenreclfError
from genreclf.features import LogMel
from genreclf.plots.spectrogram import mel_levels
from genreclf.prediction import Failure, Prediction, column_names, format_row, to_rows
from genreclf.pretrained.model_info import list_models

if TYPE_CHECKING:
    import gradio as gr

_UPLOAD_SECONDS = 6 * 3600
"""Age at which uploads are deleted."""

_HEADER = """<div class="gc-header"><h1>What genre is it?</h1>
<p>Your songs stay on the machine that serves this page, and are deleted when it stops. The
result is always one of the model's genres, even for speech or noise, and it is sometimes
wrong.</p></div>"""


def build_page(classifier: SongClassifier, max_megabytes: float) -> gr.Blocks:
    """Build the page, with one tab for a single song and one for many.

    It shows the largest upload, `max_megabytes`; the server enforces it.
    """
    import gradio as gr

    limit = f"(up to {max_megabytes:g} MB)"
    # Every hour, Gradio deletes the uploads that are too old.
    with gr.Blocks(
        title="genreclf", analytics_enabled=False, delete_cache=(3600, _UPLOAD_SECONDS)
    ) as page:
        with gr.Row():
            with gr.Column(min_width=320):
                gr.HTML(_HEADER, apply_default_css=False)
            model = gr.Dropdown(
                classifier.models,
                value=classifier.models[0],
                label="Model",
                scale=0,
                min_width=220,
                elem_id="model",
            )
        with gr.Tab("One song"):
            _build_song_tab(classifier, model, limit)
        with gr.Tab("Many songs"):
            _build_songs_tab(classifier, model, limit)
    page.queue(max_size=50)
    return page


def _build_song_tab(classifier: SongClassifier, model: gr.Dropdown, limit: str) -> None:
    import gradio as gr

    current = gr.State(None)
    with gr.Row():
        upload = gr.File(label=f"Song {limit}", height=150, elem_id="song")
        recording = gr.Audio(
            sources=["microphone"],
            type="filepath",
            label="Recording",
            buttons=[],
            editable=False,
            elem_id="recording",
        )
    result = gr.HTML(elem_id="result", apply_default_css=False)

    def classify(song: str | None, name: str) -> tuple[str, str | None]:
        return classifier.classify(song, name), song

    for source in (upload, recording):
        source.change(classify, [source, model], [result, current], api_visibility="private")
    model.change(classifier.classify, [current, model], result, api_visibility="private")


def _build_songs_tab(classifier: SongClassifier, model: gr.Dropdown, limit: str) -> None:
    import gradio as gr

    with gr.Row():
        files = gr.File(label=f"Songs {limit}", file_count="multiple", height=150, elem_id="songs")
        folder = gr.File(label="Folder", file_count="directory", height=150, elem_id="folder")
    download = gr.DownloadButton("Download as CSV", visible=False, elem_id="csv")
    results = gr.HTML(elem_id="results", apply_default_css=False)

    def classify(
        paths: list[str] | None,
        name: str,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> tuple[str, Any]:
        if paths is None:
            return "", gr.update(value=None, visible=False)
        html, table = classifier.classify_many(
            paths, name, lambda done, total: progress((done, total), unit="songs")
        )
        return html, gr.update(value=table and str(table), visible=table is not None)

    def classify_folder(
        paths: list[str] | None,
        name: str,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> tuple[str, Any]:
        return classify(paths and audio_files(paths), name, progress)

    outputs = [results, download]
    files.change(classify, [files, model], outputs, api_visibility="private")
    folder.change(classify_folder, [folder, model], outputs, api_visibility="private")


class SongClassifier:
    """Classify uploaded songs and return HTML. Errors become messages for the visitor.

    `model` and `min_confidence` are as for :meth:`genreclf.GenreClassifier.from_pretrained`.
    The model is loaded at once; the others in `models`, all that are on this machine, when a
    visitor chooses them. `folder` is for the CSV files.
    """

    def __init__(self, model: str, min_confidence: float, folder: Path) -> None:
        self._folder = folder
        self._load = partial(GenreClassifier.from_pretrained, min_confidence=min_confidence)
        self._lock = threading.Lock()
        self._classifiers = {model: self._load(model)}
        local = [info.name for info in list_models() if info.folder and not info.problem]
        self.models = list(dict.fromkeys([model, *local]))

    def classify(self, song: str | None, model: str) -> str:
        """Return one song's result or an error message, as HTML; an empty string for None."""
        if not song:
            return ""
        try:
            prediction = self._classifier(model).predict(song)
            return views.render_prediction(prediction, mel_levels(song, LogMel()))
        except Exception as error:
            return views.render_error(_message(error, song))

    def classify_many(
        self, songs: Sequence[str], model: str, progress: Callable[[int, int], object]
    ) -> tuple[str, Path | None]:
        """Return a table of the results of many songs (or an error message) and a CSV file of them.

        `progress` is called with the number of classified songs and the number of all.
        """
        if not songs:
            return views.render_error("There are no audio files among these."), None
        try:
            classifier = self._classifier(model)
            results: list[Prediction | Failure] = []
            with closing(classifier.predict_many(songs)) as stream:
                for result in stream:
                    results.append(_with_file_name(result))
                    progress(len(results), len(songs))
            return views.render_table(results), self._write_csv(results, classifier.labels)
        except Exception as error:
            return views.render_error(_message(error)), None

    def _classifier(self, name: str) -> GenreClassifier:
        with self._lock:
            if name not in self._classifiers:
                # A visitor must not start a download.
                self._classifiers[name] = self._load(name, local_files_only=True)
            return self._classifiers[name]

    def _write_csv(self, results: Sequence[Prediction | Failure], labels: Sequence[str]) -> Path:
        path = Path(mkdtemp(dir=self._folder)) / "genres.csv"
        with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
            table = csv.DictWriter(file, column_names(labels, timeline=False))
            table.writeheader()
            for result in results:
                table.writerows(map(format_row, to_rows(result)))
        return path


def audio_files(paths: Sequence[str]) -> list[str]:
    """Return the audio files among the files of a folder, sorted by name, without hidden ones."""
    visible = [path for path in paths if not Path(path).name.startswith(".")]
    return sorted(filter(is_audio_path, visible), key=lambda path: Path(path).name)


def _with_file_name(result: Prediction | Failure) -> Prediction | Failure:
    """Replace the path of an upload by its file name, the part that the visitor knows."""
    name = Path(result.source).name
    if isinstance(result, Prediction):
        return dataclasses.replace(result, source=name)
    return Failure(name, GenreclfError(_message(result.error, result.source)))


def _message(error: Exception, song: str = "") -> str:
    """Return an error's message without the folders of this machine."""
    if not isinstance(error, GenreclfError):
        sys.stderr.write(f"genreclf app: unexpected {type(error).__name__}: {error}\n")
        return f"This is a bug in genreclf ({type(error).__name__}); please report it."
    return str(error).replace(song, Path(song).name) if song else str(error)
