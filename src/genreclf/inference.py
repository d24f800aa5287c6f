"""From frames to a prediction: the network's forward pass, and aggregation over segments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genreclf.features import Extractor, Frames, iter_segments, segment_hop
from genreclf.prediction import UNKNOWN, Prediction, Timeline
from genreclf.pretrained.config import ModelConfig
from genreclf.runtimes import Network

Probabilities = NDArray[np.float64]
Aggregation = Literal["soft", "hard", "geometric"]

SILENCE_DB = -70.0
"""A segment whose RMS level is below this, in dB re full scale, is silent."""


@dataclass(frozen=True)
class SegmentOutputs:
    """What the network returns for consecutive segments of a track.

    Attributes
    ----------
    starts : ndarray of float64, shape (segments,)
        In seconds from the start of the track.
    silent : ndarray of bool, shape (segments,)
    logits : ndarray of float32, shape (segments, labels)
    embeddings : ndarray of float32, shape (segments, dimensions)
    wrapped : bool
        True if the track was shorter than a segment and was repeated to fill it.
    """

    starts: NDArray[np.float64]
    silent: NDArray[np.bool_]
    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    wrapped: bool

    @classmethod
    def concatenate(cls, batches: Iterable[SegmentOutputs]) -> SegmentOutputs:
        """Join the outputs of a track's batches, of which there is at least one."""
        parts = list(batches)
        return cls(
            np.concatenate([part.starts for part in parts]),
            np.concatenate([part.silent for part in parts]),
            np.concatenate([part.logits for part in parts]),
            np.concatenate([part.embeddings for part in parts]),
            parts[-1].wrapped,
        )

    def mean_embedding(self) -> NDArray[np.float32]:
        """Average the embeddings of all segments that are not silent, or of all if all are."""
        audible = ~self.silent
        return np.asarray(self.embeddings[audible if audible.any() else ...].mean(axis=0))


def forward(
    frames: Iterable[Frames], extractor: Extractor, network: Network, overlap: float
) -> Iterator[SegmentOutputs]:
    """Run the network on a stream of frames.

    Parameters
    ----------
    frames : iterable of Frames
    extractor : Extractor
    network : Network
    overlap : float
        Fraction of a segment that the next one repeats.

    Yields
    ------
    SegmentOutputs
        One batch of segments at a time.
    """
    length = extractor.segment_frames
    for batch in iter_segments(frames, length, segment_hop(length, overlap)):
        outputs = network.run(extractor.normalize(batch.data))
        yield SegmentOutputs(
            starts=np.float64(extractor.hop_length) / extractor.sample_rate * batch.starts,
            silent=batch.level_db < SILENCE_DB,
            logits=outputs.logits,
            embeddings=outputs.embeddings,
            wrapped=batch.wrapped,
        )


@dataclass(frozen=True)
class Aggregator:
    """Make one prediction of a track's segments.

    Attributes
    ----------
    config : ModelConfig
        Labels and calibration.
    segment_seconds : float
        Length of a segment, in seconds.
    aggregation : {"soft", "hard", "geometric"}
        See :data:`AGGREGATIONS`.
    min_confidence : float
        If no genre reaches this probability, the result is "unknown". 0 to 1.
    """

    config: ModelConfig
    segment_seconds: float
    aggregation: Aggregation
    min_confidence: float

    def predict(
        self, outputs: SegmentOutputs, duration: float, source: str, **flags: bool
    ) -> Prediction:
        """Aggregate the segments of one track.

        Parameters
        ----------
        outputs : SegmentOutputs
        duration : float
            Of the track, in seconds.
        source : str
            Name of the track.
        **flags
            Flags of :data:`genreclf.prediction.FLAGS` that decoding found.

        Returns
        -------
        Prediction
            Silent segments do not count. If all are silent, the genre is "unknown" and
            all probabilities are equal.
        """
        labels, silent = self.config.labels, outputs.silent
        segments = softmax(outputs.logits.astype(np.float64) / self.config.temperature)
        segments[silent] = 1.0 / len(labels)
        all_silent = bool(silent.all())
        track = self._track(segments if all_silent else segments[~silent])
        confidence = float(track.max())
        unsure = not all_silent and confidence < self.min_confidence
        flags |= {"silent": all_silent, "unsure": unsure, "short": outputs.wrapped}
        return Prediction(
            genre=UNKNOWN if all_silent or unsure else labels[int(track.argmax())],
            confidence=confidence,
            probabilities=dict(zip(labels, track.tolist(), strict=True)),
            timeline=Timeline(labels, self._times(outputs.starts, duration), segments, silent),
            duration=duration,
            flags=frozenset(flag for flag, is_set in flags.items() if is_set),
            source=source,
        )

    def _track(self, segments: Probabilities) -> Probabilities:
        track = AGGREGATIONS[self.aggregation](segments)
        # The track's temperature was fitted to soft voting and holds for nothing else.
        is_soft = self.aggregation == "soft"
        return scale_temperature(track, self.config.track_temperature) if is_soft else track

    def _times(self, starts: NDArray[np.float64], duration: float) -> NDArray[np.float64]:
        ends = np.minimum(starts + self.segment_seconds, np.maximum(duration, starts))
        return np.stack([starts, ends], axis=1)


def softmax(logits: Probabilities) -> Probabilities:
    """Compute probabilities from logits along the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def scale_temperature(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Scale probabilities by a temperature (Guo et al. 2017, arXiv 1706.04599).

    The result is ``p ** (1 / temperature)``, normalized: the softmax of the same logits
    divided by the temperature.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (..., labels)
    temperature : float
        Above 0. Above 1 makes probabilities more equal, below 1 less equal.

    Returns
    -------
    ndarray of float64, shape (..., labels)

    Examples
    --------
    >>> import numpy as np
    >>> from genreclf.inference import scale_temperature
    >>> scale_temperature(np.array([0.8, 0.2]), 2.0).round(3)
    array([0.667, 0.333])
    """
    powers = (probabilities / probabilities.max(axis=-1, keepdims=True)) ** (1 / temperature)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _soft(probabilities: Probabilities) -> Probabilities:
    return np.asarray(probabilities.mean(axis=0))


def _hard(probabilities: Probabilities) -> Probabilities:
    winners = np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)]
    # The small share of soft voting breaks ties.
    return np.asarray(winners.mean(axis=0) * (1 - 1e-6) + probabilities.mean(axis=0) * 1e-6)


def _geometric(probabilities: Probabilities) -> Probabilities:
    return softmax(np.log(np.maximum(probabilities, 1e-12)).mean(axis=0))


AGGREGATIONS: Mapping[Aggregation, Callable[[Probabilities], Probabilities]] = {
    "soft": _soft,
    "hard": _hard,
    "geometric": _geometric,
}
"""Ways to aggregate segments, each from shape (segments, labels) to (labels,).

"soft" voting averages the probabilities. "hard" voting counts the segments that each genre
wins: the majority vote of Dong 2018's abstract. "geometric" is the normalized geometric mean.
"""
