"""The genre of a piece of music."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterable, Iterator
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from genreclf import __version__
from genreclf.audio import (
    AudioSource,
    AudioStream,
    RemoteFile,
    is_address,
    open_audio,
    source_name,
)
from genreclf.batch import Stop, available_cpus, in_order
from genreclf.errors import ConfigError, GenreclfError, ProcessError
from genreclf.features import make_extractor, segment_spans
from genreclf.prediction import (
    RULES,
    UNKNOWN,
    Failure,
    Prediction,
    Timeline,
    at_temperature,
    softmax,
)
from genreclf.pretrained import (
    DEFAULT_MODEL,
    ModelConfig,
    find_model,
    read_config,
    write_folder,
)
from genreclf.pretrained.card import model_card
from genreclf.pretrained.components import check_components, providers
from genreclf.pretrained.network import Runtime, load_network
from genreclf.runtimes import Network, Outputs
from genreclf.segments import Span, hop_of, spans

Rule = Literal["mean", "vote", "product"]
Engine = Literal["threads", "processes", "ray"]

SILENCE_DB = -70.0
"""A segment whose RMS level lies below this, in dB re full scale, is silent."""


class _Heard(NamedTuple):
    starts: np.ndarray
    tiled: bool
    silent: np.ndarray
    outputs: Outputs


class GenreClassifier:
    """Tells the genre of music from its sound.

    Make one with :meth:`from_pretrained`. It may be used from several threads, and be
    pickled.

    Parameters
    ----------
    config : ModelConfig
        What the network expects and what its outputs mean.
    network : Network
        The trained network: ``TorchNetwork(module)`` of :mod:`genreclf.runtimes.torch`,
        or what :func:`genreclf.pretrained.network.load_network` gives.
    rule : {"mean", "vote", "product"}
        How the segments make a track; see :data:`genreclf.prediction.RULES`.
    min_confidence : float
        0 to 1. A track that no genre reaches it for is "unknown", with the flag
        "unsure"; its probabilities are there all the same.

    Raises
    ------
    ConfigError
        If the rule is unknown or the least confidence out of its range.
    """

    def __init__(
        self,
        config: ModelConfig,
        network: Network,
        rule: Rule = "mean",
        min_confidence: float = 0.0,
    ) -> None:
        if rule not in RULES:
            raise ConfigError(f"rule must be one of {', '.join(RULES)} (got {rule!r})")
        if not 0 <= min_confidence <= 1:
            raise ConfigError(f"min_confidence must be 0 to 1 (got {min_confidence})")
        self.config = config
        self.network = network
        self.rule = rule
        self.min_confidence = min_confidence
        self.extractor = make_extractor(config.features.name, **config.features.parameters)

    @classmethod
    def from_pretrained(
        cls,
        name: str | PathLike[str] = DEFAULT_MODEL,
        *,
        sha256: str | None = None,
        local_files_only: bool = False,
        rule: Rule = "mean",
        min_confidence: float = 0.0,
        runtime: Runtime = "auto",
        device: str = "cpu",
    ) -> GenreClassifier:
        """Load a trained model.

        Parameters
        ----------
        name : str or path
            A model folder, a name (``genreclf models list`` lists them),
            ``hf://owner/repository[@revision]``, or the ``https://`` address of a
            ``.zip`` or ``.tar.gz`` of a model folder or of its ``config.json``; see
            :func:`genreclf.pretrained.find_model`. The weights that come with the
            package if left out.
        sha256 : str, optional
            Of the file at an ``https://`` address, in hexadecimal, unless the
            address itself ends with ``#sha256=...``.
        local_files_only : bool
            Never use the network. So does ``GENRECLF_OFFLINE=1``.
        rule : {"mean", "vote", "product"}
            How the segments make a track.
        min_confidence : float
            0 to 1. A track that no genre reaches it for is "unknown".
        runtime : {"auto", "onnx", "torch"}
            What runs the network. "auto" is ONNX Runtime, which starts in a tenth of
            PyTorch's time, on a CPU where the model has a network exported for it,
            and PyTorch elsewhere.
        device : str
            Where the network runs, as PyTorch calls it.

        Raises
        ------
        ModelNotFoundError
            If there is no such folder, name or repository, or it is not in the cache
            and the network must not be used; or no exported network where `runtime`
            is "onnx".
        ConfigError
            If its configuration is not valid, or needs an architecture or features
            that no installed package registers; or the runtime or device is unknown.
        IntegrityError
            If its weights are damaged or do not fit, or a download is not what was
            asked for.
        DownloadError, CacheError
            If it cannot be downloaded, or not be kept.

        Examples
        --------
        >>> from genreclf import GenreClassifier
        >>> GenreClassifier.from_pretrained().labels[:3]
        ('blues', 'classical', 'country')
        """
        folder = find_model(name, sha256=sha256, local_files_only=local_files_only)
        config = read_config(folder)
        check_components(config, str(folder))
        network = load_network(folder, config, runtime, device)
        return cls(config, network, rule, min_confidence)

    @property
    def labels(self) -> tuple[str, ...]:
        """The genres it knows, in the order of its probabilities."""
        return self.config.labels

    def predict(self, audio: AudioSource) -> Prediction:
        """The genre of one piece of music, of any length, in bounded memory.

        Parameters
        ----------
        audio : path, RemoteFile, bytes, binary file object, or (samples, sample_rate)
            See :func:`genreclf.audio.open_audio`.

        Returns
        -------
        Prediction
            Silent segments count for nothing; if all are silent, the genre is
            "unknown" and all probabilities are equal. So is the genre of a track that
            none is as probable for as `min_confidence`.

        Raises
        ------
        AudioDecodeError
            If the source has no sound that can be decoded.

        Examples
        --------
        >>> import numpy as np
        >>> from genreclf import GenreClassifier
        >>> classifier = GenreClassifier.from_pretrained()
        >>> classifier.predict((np.zeros(44100), 22050)).genre
        'unknown'
        """
        return self._predict(audio, Stop())

    def _predict(self, audio: AudioSource, stop: Stop) -> Prediction:
        with open_audio(audio, self.extractor.sample_rate) as stream:
            heard = []
            for piece in self._listen(self._cut(stream)):
                stop.check()
                heard.append(piece)
        return self._prediction(
            heard,
            stream.duration,
            stream.name,
            truncated=stream.truncated,
            non_finite=stream.non_finite,
        )

    def predict_frames(self, frames: np.ndarray) -> Prediction:
        """The genre of a track whose frames were extracted before.

        Parameters
        ----------
        frames : ndarray of float32, shape (frame_bins, frames)
            As the model's extractor gives them, not finished; see
            :meth:`genreclf.features.Extractor.transform`.

        Returns
        -------
        Prediction
            Silence is not recognised, since the level is not known.
        """
        heard = self._listen_to_frames(frames)
        duration = frames.shape[1] * self.extractor.hop_length / self.extractor.sample_rate
        return self._prediction(heard, duration, "<frames>")

    def predict_many(
        self,
        sources: Iterable[AudioSource],
        workers: int | None = None,
        *,
        engine: Engine = "threads",
        ray_address: str | None = None,
    ) -> Generator[Prediction | Failure, None, None]:
        """The genre of each of many pieces, several at a time.

        Parameters
        ----------
        sources : iterable
            Whatever :meth:`predict` takes; read as results are asked for, three per
            worker ahead, so that any number of them takes the same memory. With Ray
            all are read first, none may be a file object, and a string such as
            ``s3://bucket/song.mp3`` is taken for a :class:`genreclf.audio.RemoteFile`.
        workers : int, optional
            Threads or processes; at least 1; as many as there are processors
            if left out. With 1 worker, nothing is read ahead.
        engine : {"threads", "processes", "ray"}
            Threads of this process; processes of this machine; or those of a Ray cluster
            (extra ``ray``), each with a copy of this classifier. Results are the same.
            Processes take some 0.4 s and 110 MB each, and are the faster way for many
            files, since threads wait for each other where Python decodes. What a process
            that dies was working on is done again; a source that ends two processes
            of this machine is a :class:`Failure`.
        ray_address : str, optional
            Of a running cluster, as ``ray.init`` takes it. If left out it is in
            ``RAY_ADDRESS``; if that is not set, a cluster is started on this machine,
            and ended with the work. Where this process uses a cluster already, it is
            that one.

        Yields
        ------
        Prediction or Failure
            In the order of the sources. A source that cannot be classified is a
            :class:`Failure` and does not end the batch. Closing the iterator ends the
            work at hand.

        Raises
        ------
        ConfigError
            If there is to be no worker, or the engine is unknown or cannot do it.
        MissingExtraError
            If Ray is asked for and not installed.
        ClusterError
            If the Ray cluster cannot be reached, or gives up; with the results.
        """
        if workers is not None and workers < 1:
            raise ConfigError(f"workers must be at least 1 (got {workers})")
        if engine not in get_args(Engine):
            raise ConfigError(
                f"engine must be one of {', '.join(get_args(Engine))} (got {engine!r})"
            )
        if ray_address is not None and engine != "ray":
            raise ConfigError(f"ray_address needs engine 'ray' (got {engine!r})")
        if engine == "threads":
            return in_order(self._attempt, sources, workers or available_cpus())
        if self.network.device != "cpu":
            raise ConfigError(
                f"engine {engine!r} runs on device 'cpu' only (got {self.network.device!r})"
            )
        if engine == "processes":
            from genreclf.batch.processes import on_processes

            return on_processes(self._attempt, sources, workers or available_cpus(), _lost)
        from genreclf.batch.cluster import on_cluster

        return on_cluster(self._attempt, map(_addressed, sources), workers, ray_address)

    def _attempt(self, source: AudioSource, stop: Stop | None = None) -> Prediction | Failure:
        try:
            return self._predict(source, stop or Stop())
        except GenreclfError as error:
            return Failure(source_name(source), error)

    def embed(self, audio: AudioSource) -> np.ndarray:
        """What the network's last layer sees of a piece, as a vector to compare pieces by.

        Parameters
        ----------
        audio : path, bytes, binary file object, or (samples, sample_rate)

        Returns
        -------
        ndarray of float32, shape (dimensions,)
            Mean over the segments, without the silent ones unless all are.

        Raises
        ------
        AudioDecodeError
            If the source has no sound that can be decoded.
        """
        with open_audio(audio, self.extractor.sample_rate) as stream:
            heard = list(self._listen(self._cut(stream)))
        return _mean_embedding(heard)

    def embed_frames(self, frames: np.ndarray) -> np.ndarray:
        """The vector of :meth:`embed` for a track whose frames were extracted before.

        Parameters
        ----------
        frames : ndarray of float32, shape (frame_bins, frames)
            As for :meth:`predict_frames`.

        Returns
        -------
        ndarray of float32, shape (dimensions,)
            Mean over all segments: silence is not recognised.
        """
        return _mean_embedding(self._listen_to_frames(frames))

    def save_pretrained(self, folder: str | PathLike[str], **metadata: Any) -> Path:
        """Write the model as a folder that :meth:`from_pretrained` reads.

        Parameters
        ----------
        folder : path
            Made if need be; gets ``config.json``, ``model.safetensors``, a model
            card, ``README.md``, and ``model.onnx`` for ONNX Runtime. The card says
            so where that cannot be made: the network cannot be exported, or the
            extra ``export`` is not installed.
        **metadata
            More for the model card, fit for JSON: ``description``, ``data``,
            ``split``, ``figures`` (measure to value), ``recipe``, ``licence``
            (an SPDX identifier), ``citation``, or any other fact.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        ConfigError
            If the metadata is not fit for JSON.
        """
        path = Path(folder)
        self._save(path, path.name, metadata)
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
            ``"owner/name"``; made if it does not exist. Log in with ``hf auth login``
            or set ``HF_TOKEN`` first.
        revision : str, optional
            The branch.
        private : bool
            Whether a repository that is made is private.
        message : str, optional
            Of the commit.
        **metadata
            As for :meth:`save_pretrained`.

        Returns
        -------
        str
            What :meth:`from_pretrained` takes to load exactly this version,
            ``hf://owner/name@commit``.

        Raises
        ------
        DownloadError
            If the Hub cannot be reached or refuses.
        ConfigError
            If the repository is not ``"owner/name"``, or the network must not be
            used (``GENRECLF_OFFLINE=1``).
        """
        from genreclf.pretrained.hub import upload

        with TemporaryDirectory() as folder:
            self._save(Path(folder), f"hf://{repository}", metadata)
            return upload(Path(folder), repository, revision, private, message)

    def _save(self, folder: Path, name: str, metadata: dict[str, Any]) -> None:
        facts = {"genreclf": __version__, **self.config.metadata, **metadata}
        config = dataclasses.replace(
            self.config,
            metadata=facts,
            requires=tuple(sorted({*self.config.requires, *providers(self.config)})),
        )
        saved = self.network.saved()
        write_folder(folder, config, saved, model_card(config, name, saved.remark))

    def _cut(self, stream: AudioStream) -> Iterator[tuple[Span, np.ndarray]]:
        return segment_spans(
            stream, self.extractor, self.config.segment_frames, self.config.overlap
        )

    def _listen_to_frames(self, frames: np.ndarray) -> list[_Heard]:
        length = self.config.segment_frames
        pieces = spans([frames], length, hop_of(length, self.config.overlap))
        return list(self._listen((span, np.zeros(len(span.offsets))) for span in pieces))

    def _listen(self, pieces: Iterable[tuple[Span, np.ndarray]]) -> Iterator[_Heard]:
        for span, level in pieces:
            if self.extractor.finishes:
                outputs = self.network.run(self.extractor.finish(span.windows()))
            else:
                outputs = self.network.run_span(span)
            yield _Heard(span.starts, span.tiled, level < SILENCE_DB, outputs)

    def _prediction(
        self, heard: list[_Heard], duration: float, source: str, **flags: bool
    ) -> Prediction:
        logits = np.concatenate([piece.outputs.logits for piece in heard]).astype(np.float64)
        silent = np.concatenate([piece.silent for piece in heard])
        starts = np.concatenate([piece.starts for piece in heard])
        probabilities = softmax(logits / self.config.temperature)
        probabilities[silent] = 1.0 / len(self.labels)
        all_silent = bool(silent.all())
        track = RULES[self.rule](probabilities if all_silent else probabilities[~silent])
        if self.rule == "mean":  # which it is fitted to
            track = at_temperature(track, self.config.track_temperature)
        confidence = float(track.max())
        unsure = not all_silent and confidence < self.min_confidence
        flags |= {"silent": all_silent, "unsure": unsure, "short": heard[-1].tiled}
        return Prediction(
            genre=UNKNOWN if all_silent or unsure else self.labels[int(track.argmax())],
            confidence=confidence,
            probabilities=self._by_label(track),
            timeline=self._timeline(starts, probabilities, silent, duration),
            duration=duration,
            flags=frozenset(flag for flag, holds in flags.items() if holds),
            source=source,
        )

    def _timeline(
        self, starts: np.ndarray, probabilities: np.ndarray, silent: np.ndarray, duration: float
    ) -> Timeline:
        seconds = self.extractor.hop_length / self.extractor.sample_rate
        begins = starts * seconds
        ends = np.minimum(
            begins + self.config.segment_frames * seconds, np.maximum(duration, begins)
        )
        return Timeline(self.labels, np.stack([begins, ends], axis=1), probabilities, silent)

    def _by_label(self, row: np.ndarray) -> dict[str, float]:
        return dict(zip(self.labels, row.tolist(), strict=True))


def _addressed(source: AudioSource) -> AudioSource:
    return RemoteFile(source) if isinstance(source, str) and is_address(source) else source


def _lost(source: AudioSource, how: str) -> Failure:
    name = source_name(source)
    error = ProcessError(
        f"{name}: the process that read it {how}, twice; the file may be broken in a way that "
        "its decoder does not survive, or take more memory than there is. Leave it out, or "
        "convert it to WAV or FLAC."
    )
    return Failure(name, error)


def _mean_embedding(heard: list[_Heard]) -> np.ndarray:
    vectors = np.concatenate([piece.outputs.embeddings for piece in heard])
    audible = ~np.concatenate([piece.silent for piece in heard])
    chosen = vectors[audible] if audible.any() else vectors
    return np.asarray(chosen.mean(axis=0))
