"""``python -m genreclf``."""

from genreclf.cli import main

main()
