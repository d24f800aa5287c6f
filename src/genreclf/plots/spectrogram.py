"""Plot of a mel spectrogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genreclf.audio import AudioSource, open_audio
from genreclf.features import LogMel, iter_frames
from genreclf.features.logmel import hz_to_mel
from genreclf.plots.figure import basename, new_figure, plain, time_axis, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RANGE_DB = 80.0
MAX_COLUMNS = 2000

# If the maximum is below this (dB, mel power), the sound is silence and is drawn dark.
_QUIET_DB = -20.0
_TICKS_HZ = (0, 250, 500, 1000, 2000, 4000, 8000, 16000, 32000)


def spectrogram(audio: AudioSource, extractor: LogMel | None = None) -> Figure:
    """Plot the mel spectrogram of a track of any length.

    The axes are the time in seconds and the frequency in Hz on the mel scale; the color is the
    level in dB relative to the maximum. In long tracks, a column is the mean of several frames.

    Parameters
    ----------
    audio : path, bytes, binary file object, or (samples, sample_rate)
        See :func:`genreclf.audio.open_audio`.
    extractor : LogMel, optional
        With ``scale="db"``. The default has 128 bands up to 11,025 Hz and a window of
        93 ms every 23 ms.

    Raises
    ------
    AudioDecodeError
        If the source is not a readable audio file.
    """
    mel = extractor or LogMel()
    spectrum = mel_levels(audio, mel)
    figure = new_figure(10, 4.2)
    axes = figure.add_subplot()
    image = axes.imshow(
        spectrum.levels,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="viridis",
        vmin=-RANGE_DB,
        vmax=0.0,
        extent=(0.0, spectrum.seconds, hz_to_mel(mel.fmin), hz_to_mel(mel.fmax)),
    )
    axes.set_xlim(0.0, max(spectrum.duration, mel.hop_length / mel.sample_rate))
    time_axis(axes, spectrum.duration)
    _frequency_axis(axes, mel)
    every = 1000 * spectrum.seconds / spectrum.levels.shape[1]
    about = f"mel spectrogram: {mel.n_mels} bands, one column every {every:.0f} ms"
    title(axes, plain(basename(spectrum.name)), about)
    bar = figure.colorbar(image, ax=axes, pad=0.01)
    bar.set_label("level (dB, relative to the maximum)")
    return figure


@dataclass(frozen=True)
class MelLevels:
    """Mel spectrogram, shape (bands, columns), in dB relative to the maximum."""

    levels: NDArray[np.float32]
    seconds: float  # of all columns; the last one may reach past the end of the sound
    duration: float
    name: str


def mel_levels(audio: AudioSource, mel: LogMel) -> MelLevels:
    """Compute the levels that :func:`spectrogram` plots, in bounded memory."""
    with open_audio(audio, mel.sample_rate) as stream:
        average = _Columns(mel.n_mels)
        for frames in iter_frames(stream, mel):
            average.add(frames.features)
        duration, name = stream.duration, stream.name
    columns = average.array()
    column_seconds = average.frames_per_column * mel.hop_length / mel.sample_rate
    levels = columns - max(float(columns.max()), _QUIET_DB)
    return MelLevels(levels, columns.shape[1] * column_seconds, duration, name)


class _Columns:
    """Average the frames of a stream into a bounded number of columns."""

    def __init__(self, bins: int) -> None:
        self.frames_per_column = 1
        self._blocks: list[NDArray[np.float32]] = []
        self._count = 0
        self._rest = np.empty((bins, 0), np.float32)

    def add(self, frames: NDArray[np.float32]) -> None:
        pending = np.concatenate([self._rest, frames], axis=1)
        whole = pending.shape[1] // self.frames_per_column * self.frames_per_column
        self._blocks.append(_average(pending[:, :whole], self.frames_per_column))
        self._rest = pending[:, whole:]
        self._count += self._blocks[-1].shape[1]
        if self._count >= 2 * MAX_COLUMNS:
            self._halve()

    def _halve(self) -> None:
        columns = np.concatenate(self._blocks, axis=1)
        even = self._count // 2 * 2
        # An odd column returns to the rest, as the frames that it averages.
        odd = np.repeat(columns[:, even:], self.frames_per_column, axis=1)
        self._rest = np.concatenate([odd, self._rest], axis=1)
        self._blocks, self._count = [_average(columns[:, :even], 2)], even // 2
        self.frames_per_column *= 2

    def array(self) -> NDArray[np.float32]:
        last = [self._rest.mean(axis=1, keepdims=True)] if self._rest.shape[1] else []
        return np.concatenate([*self._blocks, *last], axis=1)


def _average(frames: NDArray[np.float32], each: int) -> NDArray[np.float32]:
    averaged: NDArray[np.float32] = frames.reshape(len(frames), -1, each).mean(axis=2)
    return averaged


def _frequency_axis(axes: Axes, mel: LogMel) -> None:
    ticks = [hz for hz in _TICKS_HZ if mel.fmin <= hz <= mel.fmax]
    axes.set_yticks([hz_to_mel(hz) for hz in ticks], [f"{hz:,}" for hz in ticks])
    axes.set_ylabel("frequency (Hz, mel scale)")
