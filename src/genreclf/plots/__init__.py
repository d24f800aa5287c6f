"""Plots of music, networks and results, with matplotlib (the extra ``plots``).

Each function returns a :class:`matplotlib.figure.Figure`; :func:`save` writes it.

>>> from genreclf import plots
>>> figure = plots.spectrogram("song.mp3")  # doctest: +SKIP
>>> plots.save(figure, "song.png")  # doctest: +SKIP
"""

from genreclf.plots.figure import FORMATS, encode, save
from genreclf.plots.filters import filters
from genreclf.plots.projection import projection
from genreclf.plots.results import confusion, reliability, risk_coverage, training_curves
from genreclf.plots.spectrogram import spectrogram
from genreclf.plots.timeline import timeline

__all__ = [
    "FORMATS",
    "confusion",
    "encode",
    "filters",
    "projection",
    "reliability",
    "risk_coverage",
    "save",
    "spectrogram",
    "timeline",
    "training_curves",
]
