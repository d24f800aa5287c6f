"""Whether a classifier keeps to its genre when the sound changes and the music does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from genreclf.audio import AudioSource, load_channels, source_name
from genreclf.batch import Stop, available_cpus, in_order
from genreclf.datasets.tracks import LeftOut, printable, summarise
from genreclf.errors import ConfigError, DatasetError, GenreclfError
from genreclf.evaluation.changes import CHANGES, Change, Sound
from genreclf.evaluation.metrics import wilson_interval

if TYPE_CHECKING:
    from genreclf.classifier import GenreClassifier
    from genreclf.prediction import Prediction


@dataclass(frozen=True)
class ChangeResult:
    """What one change of the sound did.

    Attributes
    ----------
    change : str
        Its name.
    clips : int
        How many were classified as they are and changed, at least 1.
    kept : int
        Those whose genre stayed the same.
    confidence_change : float
        Mean over the clips of the absolute difference of the confidence, 0 to 1.
    """

    change: str
    clips: int
    kept: int
    confidence_change: float

    @property
    def share(self) -> float:
        """The part of the clips that kept its genre, 0 to 1."""
        return self.kept / self.clips

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        return wilson_interval(self.kept, self.clips)


@dataclass(frozen=True)
class Stability:
    """What changes of the sound did to a classifier's genres.

    Attributes
    ----------
    changes : tuple of ChangeResult
        In the order in which they were given, without those that no clip could take.
    left_out : tuple of LeftOut
        Clips, or single changes of clips, that could not be compared, and why.
    """

    changes: tuple[ChangeResult, ...]
    left_out: tuple[LeftOut, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Fit for JSON: the attributes, with each change's share and interval."""
        return {
            "changes": [
                {**asdict(result), "share": result.share, "interval": result.interval}
                for result in self.changes
            ],
            "left_out": [asdict(item) for item in self.left_out],
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Stability:
        """Undo :meth:`to_dict`; raises KeyError or TypeError for other records."""
        names = ("change", "clips", "kept", "confidence_change")
        return cls(
            tuple(ChangeResult(**{name: row[name] for name in names}) for row in record["changes"]),
            tuple(LeftOut(**item) for item in record["left_out"]),
        )


class _Compared(NamedTuple):
    change: str
    kept: bool
    confidence_change: float


def stability(
    classifier: GenreClassifier,
    sources: Iterable[AudioSource],
    changes: Mapping[str, Change] = CHANGES,
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Stability:
    """Classify clips as they are and changed, and count which keep their genre.

    Their true genre does not matter. A clip that is silent has none to keep and is left
    out, as is one that cannot be decoded.

    Parameters
    ----------
    classifier : GenreClassifier
    sources : iterable
        Whatever :meth:`GenreClassifier.predict` takes.
    changes : mapping of str to callable
        Each takes ``(samples, sample_rate)``, float32 of shape (samples, channels) as it
        was decoded, and returns what :meth:`GenreClassifier.predict` takes.
        :data:`genreclf.evaluation.changes.CHANGES` if left out.
    workers : int, optional
        Threads, as many as there are processors if left out. Each holds one decoded
        clip at a time.
    progress : callable, optional
        Called with the number of clips done.

    Returns
    -------
    Stability

    Raises
    ------
    ConfigError
        If there is to be no worker.
    DatasetError
        If not one clip could be compared.
    """
    count = available_cpus() if workers is None else workers
    if count < 1:
        raise ConfigError(f"workers must be at least 1 (got {workers})")
    compared: list[_Compared] = []
    left_out: list[LeftOut] = []
    results = in_order(partial(_compare, classifier, changes), sources, count)
    for done, clip in enumerate(results, start=1):
        compared += [item for item in clip if isinstance(item, _Compared)]
        left_out += [item for item in clip if isinstance(item, LeftOut)]
        if progress:
            progress(done)
    if not compared:
        reasons = summarise(left_out) if left_out else "there are none"
        raise DatasetError(f"no clip could be compared with itself changed: {reasons}")
    found = {name: [item for item in compared if item.change == name] for name in changes}
    return Stability(
        tuple(_count(name, items) for name, items in found.items() if items), tuple(left_out)
    )


def _compare(
    classifier: GenreClassifier, changes: Mapping[str, Change], source: AudioSource, stop: Stop
) -> list[_Compared | LeftOut]:
    clip = printable(source_name(source))
    try:
        sound = load_channels(source)
        plain = classifier.predict(sound)
    except GenreclfError as error:
        return [LeftOut(clip, str(error))]
    if "silent" in plain.flags:
        return [LeftOut(clip, "there is nothing to hear")]
    found: list[_Compared | LeftOut] = []
    for name, change in changes.items():
        stop.check()
        try:
            found.append(_hear(classifier, plain, sound, name, change))
        except GenreclfError as error:
            found.append(LeftOut(f"{clip}, {name}", str(error)))
    return found


def _hear(
    classifier: GenreClassifier, plain: Prediction, sound: Sound, name: str, change: Change
) -> _Compared:
    changed = classifier.predict(change(sound))
    return _Compared(name, changed.genre == plain.genre, abs(changed.confidence - plain.confidence))


def _count(name: str, items: Sequence[_Compared]) -> ChangeResult:
    return ChangeResult(
        name,
        clips=len(items),
        kept=sum(item.kept for item in items),
        confidence_change=sum(item.confidence_change for item in items) / len(items),
    )
