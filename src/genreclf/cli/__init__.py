"""The ``genreclf`` command: parses, calls the API, prints."""

from genreclf.cli.main import main

__all__ = ["main"]
