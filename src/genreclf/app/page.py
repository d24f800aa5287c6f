"""The page: what stands where, and what happens when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genreclf.app.listening import Listener, music_among

if TYPE_CHECKING:
    import gradio as gr

_KEPT_SECONDS = 6 * 3600
"""How long an upload is kept while the page is served."""

_HEAD = """<div class="gc-head"><h1>What genre is it?</h1>
<p>Songs stay on the machine that serves this page, and are deleted when it stops. Whatever
there is to hear, the answer is one of the model's genres; it is wrong at times.</p></div>"""


def build_page(listener: Listener, max_megabytes: float) -> gr.Blocks:
    """The page, with a tab for one song and a tab for many.

    Parameters
    ----------
    listener : Listener
        What answers.
    max_megabytes : float
        The largest file that is taken, which the page says.
    """
    import gradio as gr

    limit = f"(up to {max_megabytes:g} MB)"
    with gr.Blocks(
        title="genreclf", analytics_enabled=False, delete_cache=(_KEPT_SECONDS // 6, _KEPT_SECONDS)
    ) as page:
        with gr.Row():
            with gr.Column(min_width=320):
                gr.HTML(_HEAD, apply_default_css=False)
            model = gr.Dropdown(
                listener.models,
                value=listener.models[0],
                label="Model",
                scale=0,
                min_width=220,
                elem_id="model",
            )
        with gr.Tab("One song"):
            _one_song(listener, model, limit)
        with gr.Tab("Many songs"):
            _many_songs(listener, model, limit)
    page.queue(max_size=50)
    return page


def _one_song(listener: Listener, model: gr.Dropdown, limit: str) -> None:
    import gradio as gr

    chosen = gr.State(None)
    with gr.Row():
        dropped = gr.File(label=f"Drop a song here {limit}", height=150, elem_id="song")
        recorded = gr.Audio(
            sources=["microphone"],
            type="filepath",
            label="Or record one",
            buttons=[],
            editable=False,
            elem_id="recording",
        )
    shown = gr.HTML(elem_id="answer", apply_default_css=False)

    def hear(song: str | None, name: str) -> tuple[str, str | None]:
        return listener.hear(song, name), song

    for source in (dropped, recorded):
        source.change(hear, [source, model], [shown, chosen], api_visibility="private")
    model.change(listener.hear, [chosen, model], shown, api_visibility="private")


def _many_songs(listener: Listener, model: gr.Dropdown, limit: str) -> None:
    import gradio as gr

    with gr.Row():
        files = gr.File(
            label=f"Drop songs here {limit}", file_count="multiple", height=150, elem_id="songs"
        )
        folder = gr.File(
            label="Or choose a folder", file_count="directory", height=150, elem_id="folder"
        )
    table = gr.DownloadButton("Download as CSV", visible=False, elem_id="csv")
    shown = gr.HTML(elem_id="answers", apply_default_css=False)

    def hear(
        paths: list[str] | None,
        name: str,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> tuple[str, Any]:
        if paths is None:
            return "", gr.update(value=None, visible=False)
        html, path = listener.hear_many(
            paths, name, lambda done, total: progress((done, total), unit="songs")
        )
        return html, gr.update(value=path and str(path), visible=path is not None)

    def hear_folder(
        paths: list[str] | None,
        name: str,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> tuple[str, Any]:
        return hear(paths and music_among(paths), name, progress)

    outputs = [shown, table]
    files.change(hear, [files, model], outputs, api_visibility="private")
    folder.change(hear_folder, [folder, model], outputs, api_visibility="private")
