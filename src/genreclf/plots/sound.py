"""What a network hears of a piece: its mel spectrogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genreclf.audio import AudioSource, open_audio
from genreclf.features import LogMel, segment_spans
from genreclf.features.mel import hz_to_mel
from genreclf.plots.figure import basename, new_figure, plain, time_axis, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float32]

RANGE_DB = 80.0
MAX_COLUMNS = 2000

# Sound whose loudest spot lies below this (dB, mel power) is shown as the silence it is.
_QUIET_DB = -20.0
_TICKS_HZ = (0, 250, 500, 1000, 2000, 4000, 8000, 16000, 32000)


def spectrogram(audio: AudioSource, extractor: LogMel | None = None) -> Figure:
    """The mel spectrogram of a piece of any length.

    Parameters
    ----------
    audio : path, bytes, binary file object, or (samples, sample_rate)
        See :func:`genreclf.audio.open_audio`.
    extractor : LogMel, optional
        With ``scale="db"``; if left out, 128 bands to 11,025 Hz, 93 ms windows every
        23 ms.

    Returns
    -------
    Figure
        Time in seconds, frequency in Hz on the mel scale, level in dB below the
        loudest spot. Of long pieces, a column is the mean of several frames.

    Raises
    ------
    AudioDecodeError
        If the source has no sound that can be decoded.
    MissingExtraError
        If matplotlib is not installed.
    """
    mel = extractor or LogMel()
    heard = mel_levels(audio, mel)
    figure = new_figure(10, 4.2)
    axes = figure.add_subplot()
    image = axes.imshow(
        heard.levels,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="viridis",
        vmin=-RANGE_DB,
        vmax=0.0,
        extent=(0.0, heard.seconds, hz_to_mel(mel.fmin), hz_to_mel(mel.fmax)),
    )
    axes.set_xlim(0.0, max(heard.duration, mel.hop_length / mel.sample_rate))
    time_axis(axes, heard.duration)
    _frequency_axis(axes, mel)
    every = 1000 * heard.seconds / heard.levels.shape[1]
    about = f"mel spectrogram: {mel.n_mels} bands, one column every {every:.0f} ms"
    title(axes, plain(basename(heard.name)), about)
    bar = figure.colorbar(image, ax=axes, pad=0.01)
    bar.set_label("level (dB below the loudest)")
    return figure


@dataclass(frozen=True)
class MelLevels:
    """The levels of a piece by time and frequency.

    Attributes
    ----------
    levels : ndarray of float32, shape (bands, columns)
        In dB below the loudest spot; the lowest band first.
    seconds : float
        What all columns span; the last one may reach past the end.
    duration : float
        Seconds of sound.
    name : str
        How the source is called.
    """

    levels: FloatArray
    seconds: float
    duration: float
    name: str


def mel_levels(audio: AudioSource, mel: LogMel) -> MelLevels:
    """What :func:`spectrogram` draws, in memory that does not grow with the length.

    Raises
    ------
    AudioDecodeError
        If the source has no sound that can be decoded.
    """
    with open_audio(audio, mel.sample_rate) as stream:
        gathered = _Columns(mel.n_mels)
        for span, _ in segment_spans(stream, mel, 1, 0.0):
            gathered.add(span.frames)
        duration, name = stream.duration, stream.name
    columns = gathered.array()
    column_seconds = gathered.frames_each * mel.hop_length / mel.sample_rate
    levels = columns - max(float(columns.max()), _QUIET_DB)
    return MelLevels(levels, columns.shape[1] * column_seconds, duration, name)


class _Columns:
    """Frames of a stream of any length, averaged into a bounded number of columns."""

    def __init__(self, bins: int) -> None:
        self.frames_each = 1
        self._blocks: list[FloatArray] = []
        self._count = 0
        self._rest = np.empty((bins, 0), np.float32)

    def add(self, frames: FloatArray) -> None:
        waiting = np.concatenate([self._rest, frames], axis=1)
        whole = waiting.shape[1] // self.frames_each * self.frames_each
        self._blocks.append(_averaged(waiting[:, :whole], self.frames_each))
        self._rest = waiting[:, whole:]
        self._count += self._blocks[-1].shape[1]
        if self._count >= 2 * MAX_COLUMNS:
            self._halve()

    def _halve(self) -> None:
        columns = np.concatenate(self._blocks, axis=1)
        even = self._count // 2 * 2
        # An odd column goes back to the frames that it stands for.
        again = np.repeat(columns[:, even:], self.frames_each, axis=1)
        self._rest = np.concatenate([again, self._rest], axis=1)
        self._blocks, self._count = [_averaged(columns[:, :even], 2)], even // 2
        self.frames_each *= 2

    def array(self) -> FloatArray:
        last = [self._rest.mean(axis=1, keepdims=True)] if self._rest.shape[1] else []
        return np.concatenate([*self._blocks, *last], axis=1)


def _averaged(frames: FloatArray, each: int) -> FloatArray:
    averaged: FloatArray = frames.reshape(len(frames), -1, each).mean(axis=2)
    return averaged


def _frequency_axis(axes: Axes, mel: LogMel) -> None:
    ticks = [hz for hz in _TICKS_HZ if mel.fmin <= hz <= mel.fmax]
    axes.set_yticks([hz_to_mel(hz) for hz in ticks], [f"{hz:,}" for hz in ticks])
    axes.set_ylabel("frequency (Hz, mel scale)")
