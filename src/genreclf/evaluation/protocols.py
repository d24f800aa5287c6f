"""Training and testing as a published protocol says, many times over."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from os import PathLike, cpu_count
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from genreclf.datasets import (
    FeatureSet,
    Split,
    artist_filtered_split,
    find_duplicates,
    given_split,
    paper_split,
    ties_of,
)
from genreclf.errors import ConfigError, GenreclfError, TrainingError
from genreclf.evaluation.evaluate import Evaluation, evaluate
from genreclf.evaluation.neighbours import neighbours
from genreclf.training import Recipe

Protocol = Literal["paper", "artist-filtered", "given"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

RESULT = "evaluation.json"

Progress = Callable[[Evaluation], None]


def make_split(
    features: FeatureSet,
    protocol: Protocol,
    seed: int = 0,
    lists: str | PathLike[str] | None = None,
    ties: NDArray[np.int64] | None = None,
) -> Split:
    """The sides of a protocol.

    Parameters
    ----------
    features : FeatureSet
    protocol : {"paper", "artist-filtered", "given"}
        Dong 2018's 50/20/30 of each genre at random; the published lists for
        GTZAN; or the split that came with the data.
    seed : int
        Of "paper".
    lists : path, optional
        The folder with the lists of "artist-filtered".
    ties : ndarray of int64, shape (tracks,), optional
        Which tracks must stay together; by default those of a group, and
        recordings that are found to stand twice.

    Raises
    ------
    ConfigError
        If the protocol is unknown, or lacks its lists.
    DatasetError
        If the data does not allow it.
    """
    if protocol not in PROTOCOLS:
        raise ConfigError(f"no protocol '{protocol}', only {', '.join(PROTOCOLS)}")
    if ties is None:
        ties = ties_of(features, find_duplicates(features))
    if protocol == "paper":
        return paper_split(features, seed, ties)
    if protocol == "given":
        return given_split(features, ties)
    if lists is None:
        raise ConfigError(
            "the artist-filtered split needs the folder with its published lists, "
            "artist_filtered_train.txt, ..._valid.txt and ..._test.txt"
        )
    return artist_filtered_split(features, lists, ties)


@dataclass(frozen=True)
class _Job:
    features: Path
    also: Path | None
    also_ids: tuple[str, ...]
    split: Split
    recipe: Recipe
    seed: int
    folder: Path
    precision: str
    threads: int


def run_protocol(
    features: FeatureSet,
    recipe: Recipe,
    protocol: Protocol,
    output: str | PathLike[str],
    *,
    runs: int = 1,
    first_seed: int = 0,
    lists: str | PathLike[str] | None = None,
    also: FeatureSet | None = None,
    precision: str = "no",
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Evaluation]:
    """Train and test `runs` times, with one seed each for the split and the training.

    The neighbours of each tested track are sought on the split's training side.

    Finished runs are kept in `output` and unfinished ones go on where they were
    stopped when the same call is made again.

    Parameters
    ----------
    features : FeatureSet
    recipe : Recipe
    protocol : {"paper", "artist-filtered", "given"}
        See :func:`make_split`.
    output : path
        A folder; gets ``runs/seed-NNN`` with the trained model, the training log
        and the results of each run.
    runs, first_seed : int
        The seeds are ``first_seed`` to ``first_seed + runs - 1``.
    lists : path, optional
        See :func:`make_split`.
    also : FeatureSet, optional
        More tracks to train on, in every run. They must share no artist with
        `features`; that no recording stands in both is made sure.
    precision : {"no", "bf16", "fp16"}
        Mixed precision of the training.
    workers : int, optional
        Runs at a time, each in a process of its own; as many as there are
        processors if left out.
    progress : callable, optional
        Called with each finished run, in the order they finish.

    Returns
    -------
    list of Evaluation
        Of the test side, in the order of the seeds.

    Raises
    ------
    DatasetError, ConfigError, TrainingError
        As the split and the trainer do.
    """
    folder = Path(output)
    seeds = range(first_seed, first_seed + runs)
    stored = features.save(folder / "features")
    more = None if also is None else _unheard(also, features)
    more_stored = None if more is None else more.save(folder / "also")
    ties = ties_of(features, find_duplicates(features))
    n_workers = min(workers or cpu_count() or 1, runs)
    jobs = [
        _Job(
            stored,
            more_stored,
            () if more is None else more.ids,
            make_split(features, protocol, seed, lists, ties),
            recipe,
            seed,
            folder / "runs" / f"seed-{seed:03}",
            precision,
            max(1, (cpu_count() or 1) // n_workers),
        )
        for seed in seeds
    ]
    finished = {}
    for job, evaluation in _carry_out(jobs, n_workers):
        finished[job.seed] = evaluation
        if progress:
            progress(evaluation)
    return [finished[seed] for seed in seeds]


def _unheard(also: FeatureSet, features: FeatureSet) -> FeatureSet:
    """Those tracks that are no recordings of the others, with ids of their own."""
    also = dataclasses.replace(also, ids=tuple(f"also/{name}" for name in also.ids))
    count = len(features)
    pairs = find_duplicates(features.joined(also))
    doubles = {also.ids[b - count] for a, b in pairs if a < count <= b}
    return also.without(sorted(doubles))


def _carry_out(jobs: list[_Job], workers: int) -> Iterator[tuple[_Job, Evaluation]]:
    waiting = []
    for job in jobs:
        done = _finished(job)
        if done is None:
            waiting.append(job)
        else:
            yield job, done
    # Spawned, since a forked process would inherit torch's threads in an unknown state.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(_run, job): job for job in waiting}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except GenreclfError:
            pool.shutdown(cancel_futures=True)
            raise


def _finished(job: _Job) -> Evaluation | None:
    path = job.folder / RESULT
    if not path.exists():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    if record["identity"] != _identity(job):
        raise TrainingError(
            f"'{job.folder}' holds a run of another recipe, data or precision; "
            "choose another folder"
        )
    return Evaluation.from_dict(record["evaluation"])


def _run(job: _Job) -> Evaluation:
    import torch

    from genreclf.training import Trainer

    torch.set_num_threads(job.threads)
    features = FeatureSet.load(job.features)
    train, valid, test = (features.subset(side) for side in job.split)
    if job.also is not None:
        train = train.joined(FeatureSet.load(job.also))
    trainer = Trainer(
        job.recipe,
        device="cpu",
        output=job.folder,
        resume=True,
        seed=job.seed,
        precision=job.precision,
    )
    classifier = trainer.fit(train, valid).classifier
    evaluation = dataclasses.replace(
        evaluate(classifier, test, name=f"seed {job.seed}"),
        # Whatever else was trained on: figures of recipes are to be compared.
        neighbours=neighbours(classifier, test, features.subset(job.split.train)),
    )
    record = {"identity": _identity(job), "evaluation": evaluation.to_dict()}
    scratch = job.folder / f"{RESULT}.part"
    scratch.write_text(json.dumps(record), encoding="utf-8")
    scratch.replace(job.folder / RESULT)
    return evaluation


def _identity(job: _Job) -> dict[str, object]:
    sides = [np.asarray(side).tolist() for side in job.split]
    identity = {
        "recipe": job.recipe.to_dict(),
        "seed": job.seed,
        "split": sides,
        "precision": job.precision,
        "also": job.also_ids,
    }
    reloaded: dict[str, object] = json.loads(json.dumps(identity))
    return reloaded
