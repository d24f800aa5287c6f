"""``genreclf app``."""

import signal

import click

from genreclf.cli.options import min_confidence_option, model_option


@click.command()
@model_option
@min_confidence_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=7860,
    show_default=True,
    help="The port to listen on; 0 chooses a free one.",
)
@click.option("--open/--no-open", "open_", default=False, help="Open the page in a browser.")
@click.option(
    "--max-size",
    type=click.FloatRange(0, min_open=True),
    default=200.0,
    show_default=True,
    metavar="MB",
    help="The largest upload in megabytes (2^20 bytes).",
)
def app(
    model: str, min_confidence: float, host: str, port: int, open_: bool, max_size: float
) -> None:
    """Serve a web page that classifies songs, until Ctrl+C.

    By default, only this machine can open it; --host makes it public.
    """
    from genreclf.app.server import is_loopback, serve

    if not is_loopback(host):
        click.echo(
            f"Warning: at {host}, everyone who reaches this machine can use the page; it has no "
            "password and no encryption.",
            err=True,
        )
    # End as after Ctrl+C, so that the uploads are removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        serve(
            model,
            min_confidence=min_confidence,
            host=host,
            port=port,
            max_megabytes=max_size,
            open_browser=open_,
            announce=lambda url: click.echo(f"genreclf is at {url} (Ctrl+C ends it)"),
        )
    except KeyboardInterrupt:
        click.echo("ended", err=True)
