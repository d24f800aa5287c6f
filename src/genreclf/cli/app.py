"""``genreclf app``."""

import signal

import click

from genreclf.cli.options import min_confidence_option, model_option


@click.command()
@model_option
@min_confidence_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=7860,
    show_default=True,
    help="0 for any that is free.",
)
@click.option("--open/--no-open", "open_", default=False, help="Open the page in a browser.")
@click.option(
    "--max-size",
    type=click.FloatRange(0, min_open=True),
    default=200.0,
    show_default=True,
    metavar="MB",
    help="The largest file that is taken, in megabytes (2^20 bytes).",
)
def app(
    model: str, min_confidence: float, host: str, port: int, open_: bool, max_size: float
) -> None:
    """Serve a page that tells the genre of songs, until Ctrl+C.

    Only this machine can open it, unless --host says otherwise.
    """
    from genreclf.app.server import is_loopback, serve

    def announce(address: str) -> None:
        click.echo(f"genreclf is at {address} (Ctrl+C ends it)")

    if not is_loopback(host):
        click.echo(
            f"Warning: at {host}, whoever reaches this machine can use the page; it asks for no "
            "password, and what is sent is not encrypted.",
            err=True,
        )
    # Whoever ends the process, what was uploaded is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        serve(
            model,
            min_confidence=min_confidence,
            host=host,
            port=port,
            max_megabytes=max_size,
            open_browser=open_,
            announce=announce,
        )
    except KeyboardInterrupt:
        click.echo("ended", err=True)
