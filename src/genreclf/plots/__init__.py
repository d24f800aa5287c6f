"""Pictures of music, networks and results, with matplotlib (the extra ``plots``).

Each function returns a :class:`matplotlib.figure.Figure`; :func:`save` writes it.

>>> from genreclf import plots
>>> figure = plots.spectrogram("song.mp3")  # doctest: +SKIP
>>> plots.save(figure, "song.png")  # doctest: +SKIP
"""

from genreclf.plots.figure import FORMATS, encode, save
from genreclf.plots.kernels import filters
from genreclf.plots.learning import learning
from genreclf.plots.over_time import timeline
from genreclf.plots.results import confusion, coverage, reliability
from genreclf.plots.scatter import projection
from genreclf.plots.sound import spectrogram

__all__ = [
    "FORMATS",
    "confusion",
    "coverage",
    "encode",
    "filters",
    "learning",
    "projection",
    "reliability",
    "save",
    "spectrogram",
    "timeline",
]
