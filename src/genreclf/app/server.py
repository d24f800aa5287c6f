"""Serves the page from this machine, to this machine."""

from __future__ import annotations

import ipaddress
import os
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from genreclf.app.listening import Listener
from genreclf.errors import ConfigError, MissingExtraError
from genreclf.plots.figure import require_matplotlib

if TYPE_CHECKING:
    from fastapi import FastAPI

_SILENT = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
# Nothing on the page is from elsewhere; should that change, browsers refuse to fetch it.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; form-action 'self'; frame-ancestors 'self'"
)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server at this address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(
    model: str,
    *,
    min_confidence: float,
    host: str,
    port: int,
    max_megabytes: float,
    open_browser: bool,
    announce: Callable[[str], object],
) -> None:
    """Serve the page until the process is interrupted.

    What is uploaded lies in a temporary folder, which is removed at the end. Neither the
    server nor the page calls anything but this server.

    Parameters
    ----------
    model : str
        What :meth:`genreclf.GenreClassifier.from_pretrained` takes.
    min_confidence : float
        Below this probability, 0 to 1, the genre is "unknown".
    host : str
        The address to listen at; any but a loopback one lets others in.
    port : int
        0 for any that is free.
    max_megabytes : float
        The largest file that is taken, in 2^20 bytes.
    open_browser : bool
        Open the page.
    announce : callable
        Told the page's address once it can be opened.

    Raises
    ------
    MissingExtraError
        If the extra ``app`` is not installed.
    ConfigError
        If the address cannot be listened at.
    GenreclfError
        If the model cannot be loaded.
    """
    with _listen(host, port) as listening, TemporaryDirectory(prefix="genreclf-app-") as folder:
        app = make_app(model, min_confidence, Path(folder), max_megabytes)
        import uvicorn

        address = _address(listening)
        announce(address)
        if open_browser:
            webbrowser.open(address)
        # A page that is open keeps a connection. It shall neither keep the server alive nor
        # have its end reported as an error.
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listening])


def make_app(model: str, min_confidence: float, folder: Path, max_megabytes: float) -> FastAPI:
    """The page as an ASGI application, for a process that serves nothing else of Gradio's.

    Parameters
    ----------
    model : str
        What :meth:`genreclf.GenreClassifier.from_pretrained` takes.
    min_confidence : float
        Below this probability, 0 to 1, the genre is "unknown".
    folder : Path
        Where uploads lie; nothing else is served.
    max_megabytes : float
        The largest file that is taken, in 2^20 bytes.

    Raises
    ------
    MissingExtraError
        If the extra ``app`` is not installed.
    GenreclfError
        If the model cannot be loaded.
    """
    # Gradio reads these when it is imported.
    cached = {"GRADIO_TEMP_DIR": str(folder), "GRADIO_EXAMPLES_CACHE": str(folder / "examples")}
    os.environ.update(_SILENT | cached)
    gr = _gradio()
    import safehttpx
    from fastapi import FastAPI

    from genreclf.app.page import build_page

    # Gradio asks this before it fetches a file that a request names by its web address.
    safehttpx.async_validate_url = _refuse
    page = build_page(Listener(model, min_confidence, folder), max_megabytes)
    # Only of a page that was launched does Gradio check that files which requests name were
    # uploaded; a mounted one would copy any file of this machine to where it is served from.
    page.has_launched = page.is_running = True
    here = Path(__file__).parent
    app = FastAPI(openapi_url=None)
    app.add_middleware(_Policy)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        max_file_size=round(max_megabytes * 2**20),
        allowed_paths=[],
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
        run_history=False,
        footer_links=[],
        # Fonts that browsers have.
        theme=gr.themes.Base(
            primary_hue="blue",
            neutral_hue="slate",
            font=["system-ui", "sans-serif"],
            font_mono=["ui-monospace", "monospace"],
        ),
        css_paths=here / "page.css",
        head=f"<script>{(here / 'page.js').read_text(encoding='utf-8')}</script>",
    )
    return app


class _Policy:
    """Has browsers fetch nothing from elsewhere for any answer of an application."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", _POLICY.encode())
                message["headers"] = [*message["headers"], policy]
            await send(message)

        await self._app(scope, receive, send_with_policy)


async def _refuse(host: str) -> str:
    raise ValueError(f"nothing is fetched from {host}, or from anywhere")


def _gradio() -> Any:
    try:
        import gradio
    except ImportError as error:
        raise MissingExtraError("pages for the browser", "app") from error
    require_matplotlib()
    return gradio


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"cannot listen at {host}, port {port}: {reason}; choose another address or port"
        ) from error


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
