"""The classifier: from audio to a genre."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genreclf.audio import AudioSource, RemoteFile, is_url, open_audio, source_name
from genreclf.errors import ConfigError, GenreclfError, ProcessError
from genreclf.features import Frames, iter_frames, make_extractor
from genreclf.inference import AGGREGATIONS, Aggregation, Aggregator, SegmentOutputs, forward
from genreclf.parallel import Cancellation, Engine, parallel_map
from genreclf.prediction import Failure, Prediction
from genreclf.pretrained import DEFAULT_MODEL, ModelConfig, read_config, resolve_model
from genreclf.pretrained.folder import Runtime, check_components, load_network, save_network
from genreclf.runtimes import Network


class GenreClassifier:
    """Classify the genre of music from its sound.

    :meth:`from_pretrained` builds one. It is thread-safe and can be pickled.

    Parameters
    ----------
    config : ModelConfig
        Features, labels and calibration of the network.
    network : Network
        The trained network: a :class:`genreclf.runtimes.torch.TorchNetwork`, for example.
    aggregation : {"soft", "hard", "geometric"}
        How a track's segments are combined; see :data:`genreclf.inference.AGGREGATIONS`.
    min_confidence : float
        If no genre reaches this probability, the result is "unknown", with the flag
        "unsure". Its probabilities are kept. 0 to 1.

    Raises
    ------
    ConfigError
        If the aggregation is unknown or `min_confidence` is out of range.
    """

    def __init__(
        self,
        config: ModelConfig,
        network: Network,
        aggregation: Aggregation = "soft",
        min_confidence: float = 0.0,
    ) -> None:
        if aggregation not in AGGREGATIONS:
            known = ", ".join(AGGREGATIONS)
            raise ConfigError(f"aggregation must be one of {known} (got {aggregation!r})")
        if not 0 <= min_confidence <= 1:
            raise ConfigError(f"min_confidence must be 0 to 1 (got {min_confidence})")
        self.config = config
        self.network = network
        self.aggregation = aggregation
        self.min_confidence = min_confidence
        self.extractor = make_extractor(config.features.name, **config.features.parameters)

    @classmethod
    def from_pretrained(
        cls,
        name: str | PathLike[str] = DEFAULT_MODEL,
        *,
        sha256: str | None = None,
        local_files_only: bool = False,
        aggregation: Aggregation = "soft",
        min_confidence: float = 0.0,
        runtime: Runtime = "auto",
        device: str = "cpu",
    ) -> GenreClassifier:
        """Load a trained model.

        Parameters
        ----------
        name : str or path
            A model folder, a name that ``genreclf models list`` lists,
            ``hf://owner/repository[@revision]``, or the ``https://`` address of a
            ``.zip`` or ``.tar.gz`` of a model folder or of its ``config.json``. Defaults to
            the weights in the package.
        sha256 : str, optional
            Of the file at an ``https://`` address that does not end with ``#sha256=...``.
        local_files_only : bool
            Do not use the network. ``GENRECLF_OFFLINE=1`` does the same.
        aggregation, min_confidence
            See :class:`GenreClassifier`.
        runtime : {"auto", "onnx", "torch"}
            What runs the network. "auto" is ONNX Runtime on a CPU if the model has an
            exported network, which starts in a tenth of PyTorch's time, and PyTorch otherwise.
        device : str
            Where the network runs, in PyTorch's notation.

        Raises
        ------
        ModelNotFoundError
            If there is no such model, it cannot be had without the network, or it has no
            exported network and `runtime` is "onnx".
        ConfigError
            If its configuration is not valid or needs a plugin that is not installed, or the
            runtime or device is unknown.
        IntegrityError
            If the weights are damaged or do not fit, or a download has another digest.
        DownloadError, CacheError
            If the model cannot be downloaded or stored.

        Examples
        --------
        >>> from genreclf import GenreClassifier
        >>> GenreClassifier.from_pretrained().labels[:3]
        ('blues', 'classical', 'country')
        """
        folder = resolve_model(name, sha256=sha256, local_files_only=local_files_only)
        config = read_config(folder)
        check_components(config, str(folder))
        network = load_network(folder, config, runtime, device)
        return cls(config, network, aggregation, min_confidence)

    def __repr__(self) -> str:
        return f"<GenreClassifier of {len(self.labels)} genres on {self.network.device}>"

    @property
    def labels(self) -> tuple[str, ...]:
        """The genres that the model knows, in the order of its probabilities."""
        return self.config.labels

    def predict(self, audio: AudioSource) -> Prediction:
        """Classify a track of any length, in bounded memory.

        Parameters
        ----------
        audio : path, RemoteFile, bytes, binary file object, or (samples, sample_rate)
            See :func:`genreclf.audio.open_audio`.

        Returns
        -------
        Prediction
            Silent segments do not count. If all are silent, the genre is "unknown" and all
            probabilities are equal.

        Raises
        ------
        AudioDecodeError
            If the source holds no sound that can be decoded.

        Examples
        --------
        >>> import numpy as np
        >>> from genreclf import GenreClassifier
        >>> classifier = GenreClassifier.from_pretrained()
        >>> classifier.predict((np.zeros(44100), 22050)).genre
        'unknown'
        """
        return self._predict(audio, Cancellation())

    def predict_frames(self, frames: NDArray[np.float32]) -> Prediction:
        """Classify a track whose frames were extracted before.

        Parameters
        ----------
        frames : ndarray of float32, shape (frame_bins, frames)
            As :meth:`genreclf.features.Extractor.transform` of the model's extractor
            returns them, not normalized.

        Returns
        -------
        Prediction
            Silence is not detected, since frames do not hold the level.
        """
        duration = frames.shape[1] * self._frame_seconds
        return self._aggregator.predict(self._forward_frames(frames), duration, "<frames>")

    def predict_many(
        self,
        sources: Iterable[AudioSource],
        workers: int | None = None,
        *,
        engine: Engine = "threads",
        ray_address: str | None = None,
    ) -> Generator[Prediction | Failure, None, None]:
        """Classify many tracks in parallel, lazily and in order.

        Parameters
        ----------
        sources : iterable
            Anything that :meth:`predict` takes. At most three per worker are read ahead, to
            bound the memory. Ray reads all of them first, takes no file objects, and treats a
            string such as ``s3://bucket/song.mp3`` as a :class:`genreclf.audio.RemoteFile`.
        workers : int, optional
            Threads or processes, at least 1. Defaults to the number of processors.
        engine : {"threads", "processes", "ray"}
            Threads, processes on this machine, or a Ray cluster (extra ``ray``). Processes
            take 0.4 s to start and 110 MB each, and are faster for many files, since threads
            share Python's lock. If a process dies twice on a source, it is a Failure.
        ray_address : str, optional
            Of a running cluster; see :func:`genreclf.parallel.ray.ray_map`.

        Yields
        ------
        Prediction or Failure
            In the order of the sources. A source that cannot be classified does not end the
            batch. Closing the iterator cancels the work in progress.

        Raises
        ------
        TypeError
            If `sources` is a single source instead of an iterable of them.
        ConfigError
            If `workers` is below 1, or the engine is unknown or cannot run this network.
        MissingExtraError, ClusterError
            If Ray is not installed, or its cluster cannot be reached or fails.

        Examples
        --------
        >>> import numpy as np
        >>> from genreclf import GenreClassifier
        >>> classifier = GenreClassifier.from_pretrained()
        >>> silence = (np.zeros(44100), 22050)
        >>> [result.genre for result in classifier.predict_many([silence, silence])]
        ['unknown', 'unknown']
        """
        if isinstance(sources, str | bytes | PathLike):
            raise TypeError(f"predict_many takes a list of sources, not one (got {sources!r:.60})")
        if engine == "ray":
            sources = map(_as_remote, sources)
        if engine != "threads" and self.network.device != "cpu":
            raise ConfigError(
                f"engine {engine!r} runs on device 'cpu' only (got {self.network.device!r})"
            )
        return parallel_map(
            self._attempt,
            sources,
            engine=engine,
            workers=workers,
            ray_address=ray_address,
            on_worker_death=_worker_died,
        )

    def embed(self, audio: AudioSource) -> NDArray[np.float32]:
        """Compute the embedding of a track: the network's vector before its last layer.

        Parameters
        ----------
        audio : path, RemoteFile, bytes, binary file object, or (samples, sample_rate)
            As for :meth:`predict`.

        Returns
        -------
        ndarray of float32, shape (dimensions,)
            Mean over the segments. Silent ones are left out, unless all are silent.

        Examples
        --------
        >>> import numpy as np
        >>> from genreclf import GenreClassifier
        >>> GenreClassifier.from_pretrained().embed((np.ones(44100), 22050)).shape
        (256,)
        """
        with open_audio(audio, self.extractor.sample_rate) as stream:
            batches = self._forward(iter_frames(stream, self.extractor))
            return SegmentOutputs.concatenate(batches).mean_embedding()

    def embed_frames(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the embedding of a track whose frames were extracted before.

        Parameters
        ----------
        frames : ndarray of float32, shape (frame_bins, frames)
            As for :meth:`predict_frames`.

        Returns
        -------
        ndarray of float32, shape (dimensions,)
            Mean over all segments.
        """
        return self._forward_frames(frames).mean_embedding()

    def save_pretrained(self, folder: str | PathLike[str], **metadata: Any) -> Path:
        """Write a model folder that :meth:`from_pretrained` reads.

        Parameters
        ----------
        folder : path
            Created if missing. It gets ``config.json``, ``model.safetensors``, a model card,
            ``README.md``, and, with the extra ``export``, ``model.onnx`` for ONNX Runtime.
        **metadata
            Facts for the model card: ``description``, ``data``, ``split``, ``figures``
            (measure to value), ``recipe``, ``license`` (SPDX), ``citation``, or any other.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        ConfigError
            If JSON cannot store the metadata.
        """
        path = Path(folder)
        save_network(path, path.name, self.config, self.network, metadata)
        return path

    def push_to_hub(
        self,
        repository: str,
        *,
        revision: str | None = None,
        private: bool = False,
        message: str | None = None,
        **metadata: Any,
    ) -> str:
        """Upload the model to the Hugging Face Hub.

        Parameters
        ----------
        repository : str
            ``"owner/name"``, created if missing. Log in first, with ``hf auth login``.
        revision : str, optional
            Branch to commit to.
        private : bool
            Make a repository that is created private.
        message : str, optional
            Commit message.
        **metadata
            As for :meth:`save_pretrained`.

        Returns
        -------
        str
            ``hf://owner/name@commit``, which :meth:`from_pretrained` takes.

        Raises
        ------
        DownloadError
            If the Hub cannot be reached or refuses the upload.
        ConfigError
            If the repository is not ``"owner/name"``, or ``GENRECLF_OFFLINE=1`` is set.
        """
        from genreclf.pretrained.hub import upload

        with TemporaryDirectory() as folder:
            name = f"hf://{repository}"
            save_network(Path(folder), name, self.config, self.network, metadata)
            return upload(Path(folder), repository, revision, private, message)

    @property
    def _frame_seconds(self) -> float:
        return self.extractor.hop_length / self.extractor.sample_rate

    @property
    def _aggregator(self) -> Aggregator:
        seconds = self.extractor.segment_frames * self._frame_seconds
        return Aggregator(self.config, seconds, self.aggregation, self.min_confidence)

    def _attempt(
        self, source: AudioSource, cancellation: Cancellation | None = None
    ) -> Prediction | Failure:
        try:
            return self._predict(source, cancellation or Cancellation())
        except GenreclfError as error:
            return Failure(source_name(source), error)

    def _predict(self, audio: AudioSource, cancellation: Cancellation) -> Prediction:
        with open_audio(audio, self.extractor.sample_rate) as stream:
            batches = []
            for batch in self._forward(iter_frames(stream, self.extractor)):
                cancellation.check()
                batches.append(batch)
        return self._aggregator.predict(
            SegmentOutputs.concatenate(batches),
            stream.duration,
            stream.name,
            truncated=stream.truncated,
            non_finite=stream.non_finite,
        )

    def _forward(self, frames: Iterable[Frames]) -> Iterator[SegmentOutputs]:
        return forward(frames, self.extractor, self.network, self.config.overlap)

    def _forward_frames(self, frames: NDArray[np.float32]) -> SegmentOutputs:
        return SegmentOutputs.concatenate(self._forward([Frames.audible(frames)]))


def _as_remote(source: AudioSource) -> AudioSource:
    return RemoteFile(source) if isinstance(source, str) and is_url(source) else source


def _worker_died(source: AudioSource, reason: str) -> Failure:
    name = source_name(source)
    error = ProcessError(
        f"{name}: the process that read it {reason}, twice; the file may crash its decoder or "
        "need more memory than there is. Leave it out, or convert it to WAV or FLAC."
    )
    return Failure(name, error)
