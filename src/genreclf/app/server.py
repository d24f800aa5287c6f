"""The web server of the page."""

from __future__ import annotations

import ipaddress
import os
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from genreclf.app.page import SongClassifier
from genreclf.errors import ConfigError, MissingExtraError
from genreclf.plots.figure import require_matplotlib

if TYPE_CHECKING:
    from fastapi import FastAPI

_NO_TELEMETRY = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
# The page loads nothing from other hosts. With this policy, browsers enforce it.
_CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; form-action 'self'; frame-ancestors 'self'"
)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server at this address."""
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

    Uploads are stored in a temporary folder, which is removed at the end. Neither the server
    nor the page connects to any other host.

    Any `host` but a loopback address is open to other machines. `port` 0 chooses a free one.
    `max_megabytes` is the largest upload, in 2^20 bytes. `announce` is called with the page's
    URL when the server is ready. The other parameters are as for :func:`make_app`.
    """
    with _bind(host, port) as server, TemporaryDirectory(prefix="genreclf-app-") as folder:
        app = make_app(model, min_confidence, Path(folder), max_megabytes)
        import uvicorn

        url = _url(server)
        announce(url)
        if open_browser:
            webbrowser.open(url)
        # The connection of an open page would delay the shutdown and log an error.
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[server])


def make_app(model: str, min_confidence: float, folder: Path, max_megabytes: float) -> FastAPI:
    """Build the page as an ASGI application. The process must not run other Gradio apps.

    `model` and `min_confidence` are as for :meth:`genreclf.GenreClassifier.from_pretrained`;
    `folder` is for uploads, and no other file is served; `max_megabytes` is the largest upload,
    in 2^20 bytes.
    """
    # Gradio reads these variables when it is imported.
    folders = {"GRADIO_TEMP_DIR": str(folder), "GRADIO_EXAMPLES_CACHE": str(folder / "examples")}
    os.environ.update(_NO_TELEMETRY | folders)
    try:
        import gradio as gr
    except ImportError as error:
        raise MissingExtraError("web pages", "app") from error
    require_matplotlib()
    import safehttpx
    from fastapi import FastAPI

    from genreclf.app.page import build_page

    # Gradio calls this before it downloads a file that a request names by its URL.
    safehttpx.async_validate_url = _refuse
    page = build_page(SongClassifier(model, min_confidence, folder), max_megabytes)
    # Gradio checks that a file which a request names was uploaded, but only if the page was
    # launched. For a mounted page, it would copy and serve any file of this machine.
    page.has_launched = page.is_running = True
    package = Path(__file__).parent
    app = FastAPI(openapi_url=None)
    app.add_middleware(_SecurityPolicy)
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
        # The theme's default fonts would come from Google.
        theme=gr.themes.Base(
            primary_hue="blue",
            neutral_hue="slate",
            font=["system-ui", "sans-serif"],
            font_mono=["ui-monospace", "monospace"],
        ),
        css_paths=package / "page.css",
        head=f"<script>{(package / 'page.js').read_text(encoding='utf-8')}</script>",
    )
    return app


class _SecurityPolicy:
    """ASGI middleware that adds the content security policy to every response."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", _CONTENT_SECURITY_POLICY.encode())
                message["headers"] = [*message["headers"], policy]
            await send(message)

        await self._app(scope, receive, send_with_policy)


async def _refuse(host: str) -> str:
    raise ValueError(f"downloads are disabled (got host {host})")


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"cannot listen on {host}, port {port}: {reason}; choose another address or port"
        ) from error


def _url(server: socket.socket) -> str:
    host, port = server.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
