"""How often a classifier's genre stays the same when the sound is perturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from genreclf.audio import AudioSource, load_channels, source_name
from genreclf.data.dataset import Skipped, summarize_skipped
from genreclf.errors import DatasetError, GenreclfError
from genreclf.evaluation.perturbations import PERTURBATIONS, Perturbation
from genreclf.files import printable
from genreclf.metrics import wilson_interval
from genreclf.parallel import Cancellation, ordered_map, worker_count

if TYPE_CHECKING:
    from genreclf.classifier import GenreClassifier


@dataclass(frozen=True)
class PerturbationResult:
    """Effect of one perturbation: how many of the clips keep their predicted genre.

    `confidence_change` is the mean absolute difference of the confidence, 0 to 1.
    """

    perturbation: str
    clips: int
    consistent: int
    confidence_change: float

    @property
    def consistency(self) -> float:
        """Fraction of the clips whose predicted genre stays the same, 0 to 1."""
        return self.consistent / self.clips

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the consistency."""
        return wilson_interval(self.consistent, self.clips)


@dataclass(frozen=True)
class Robustness:
    """Effects of perturbations on a classifier's predictions.

    Attributes
    ----------
    perturbations : tuple of PerturbationResult
        In the order in which they were given, without those that fail on every clip.
    skipped : tuple of Skipped
        Clips, or single perturbations of clips, that could not be compared, and why.
    """

    perturbations: tuple[PerturbationResult, ...]
    skipped: tuple[Skipped, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes, which JSON can store, with consistency and interval."""
        return {
            "perturbations": [
                {**asdict(result), "consistency": result.consistency, "interval": result.interval}
                for result in self.perturbations
            ],
            "skipped": [asdict(item) for item in self.skipped],
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Robustness:
        """Build it from the result of :meth:`to_dict`; others raise KeyError or TypeError."""
        names = ("perturbation", "clips", "consistent", "confidence_change")
        return cls(
            tuple(
                PerturbationResult(**{name: row[name] for name in names})
                for row in record["perturbations"]
            ),
            tuple(Skipped(**item) for item in record["skipped"]),
        )


class _Comparison(NamedTuple):
    perturbation: str
    consistent: bool
    confidence_change: float


def measure_robustness(
    classifier: GenreClassifier,
    sources: Iterable[AudioSource],
    perturbations: Mapping[str, Perturbation] = PERTURBATIONS,
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Robustness:
    """Classify clips with and without perturbations, and count equal genres.

    The true genre does not matter. Clips that are silent or cannot be decoded are skipped.

    Parameters
    ----------
    classifier : GenreClassifier
    sources : iterable of AudioSource
        See :meth:`GenreClassifier.predict`.
    perturbations : mapping of str to callable
        Each takes ``(samples, sample_rate)``, float32 of shape (samples, channels), and
        returns an audio source. The default is
        :data:`genreclf.evaluation.perturbations.PERTURBATIONS`.
    workers : int, optional
        Number of threads, by default one per processor. Each holds one decoded clip.
    progress : callable, optional
        Called with the number of finished clips.

    Raises
    ------
    ConfigError, DatasetError
        If `workers` is below 1, or no clip could be compared.
    """
    compared: list[_Comparison] = []
    skipped: list[Skipped] = []
    compare = partial(_compare, classifier, perturbations)
    results = ordered_map(compare, sources, worker_count(workers))
    for done, clip in enumerate(results, start=1):
        compared += [item for item in clip if isinstance(item, _Comparison)]
        skipped += [item for item in clip if isinstance(item, Skipped)]
        if progress:
            progress(done)
    if not compared:
        reasons = summarize_skipped(skipped) if skipped else "there are none"
        raise DatasetError(f"no clip could be compared with a perturbed copy: {reasons}")
    by_name = {
        name: [item for item in compared if item.perturbation == name] for name in perturbations
    }
    return Robustness(
        tuple(_count(name, items) for name, items in by_name.items() if items), tuple(skipped)
    )


def _compare(
    classifier: GenreClassifier,
    perturbations: Mapping[str, Perturbation],
    source: AudioSource,
    stop: Cancellation,
) -> list[_Comparison | Skipped]:
    clip = printable(source_name(source))
    try:
        sound = load_channels(source)
        original = classifier.predict(sound)
    except GenreclfError as error:
        return [Skipped(clip, str(error))]
    if "silent" in original.flags:
        return [Skipped(clip, "it is silent")]
    results: list[_Comparison | Skipped] = []
    for name, perturb in perturbations.items():
        stop.check()
        try:
            perturbed = classifier.predict(perturb(sound))
        except GenreclfError as error:
            results.append(Skipped(f"{clip}, {name}", str(error)))
            continue
        difference = abs(perturbed.confidence - original.confidence)
        results.append(_Comparison(name, perturbed.genre == original.genre, difference))
    return results


def _count(name: str, items: Sequence[_Comparison]) -> PerturbationResult:
    return PerturbationResult(
        name,
        clips=len(items),
        consistent=sum(item.consistent for item in items),
        confidence_change=sum(item.confidence_change for item in items) / len(items),
    )
