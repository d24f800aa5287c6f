"""The models on this machine, registered or downloaded: list, remove and verify them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from genreclf.errors import ConfigError, GenreclfError, ModelNotFoundError
from genreclf.files import sha256_of
from genreclf.plugins import Registration, registry
from genreclf.pretrained.cache import Cache, CachedModel
from genreclf.pretrained.config import ModelConfig
from genreclf.pretrained.folder import ONNX, WEIGHTS, read_config
from genreclf.pretrained.resolve import DEFAULT_MODEL, parse_hub, parse_web


@dataclass(frozen=True)
class ModelInfo:
    """A model that is registered or downloaded.

    `name` is the argument of :meth:`genreclf.GenreClassifier.from_pretrained`; `package` is
    the package (with version) that registers it, empty for a download; `folder` is None for an
    address that is downloaded on use, and for a broken plugin; `problem` is why it cannot be
    used, if so.
    """

    name: str
    origin: Literal["genreclf", "plugin", "cache"]
    package: str = ""
    folder: Path | None = None
    problem: str | None = None

    @property
    def size(self) -> int | None:
        """Bytes of its files, or None if they are not on this machine."""
        if self.folder is None:
            return None
        return sum(path.stat().st_size for path in self.folder.glob("*") if path.is_file())

    def to_dict(self) -> dict[str, Any]:
        """Return all facts, as values that JSON can store."""
        folder = None if self.folder is None else str(self.folder)
        facts: dict[str, Any] = {**asdict(self), "folder": folder, "size": self.size}
        if self.folder is not None:
            try:
                facts |= describe(read_config(self.folder))
            except GenreclfError as error:
                facts["problem"] = str(error)
        return facts


def describe(config: ModelConfig) -> dict[str, Any]:
    """Return the facts in a model's configuration that ``genreclf models`` prints."""
    return {
        "labels": list(config.labels),
        "architecture": config.architecture.name,
        "features": config.features.name,
        "requires": list(config.requires),
        "license": config.metadata.get("license"),
        "figures": config.metadata.get("figures", {}),
        "metadata": dict(config.metadata),
    }


def list_models() -> list[ModelInfo]:
    """Return the registered models, the default first, then the downloaded ones."""
    entries = registry().registrations("models")
    builtin = {entry.name for entry in entries if entry.is_builtin}
    registered = [_registered(e) for e in entries if e.is_builtin or e.name not in builtin]
    cached = [ModelInfo(model.name, "cache", folder=model.folder) for model in Cache().models()]
    registered.sort(key=lambda model: model.name != DEFAULT_MODEL)
    return [*registered, *cached]


def remove_models(name: str) -> list[str]:
    """Delete downloaded models, and return their names.

    `name` is one that :func:`list_models` returns, or ``hf://owner/repository`` for all its
    downloaded versions. A model of a package cannot be deleted (ConfigError).
    """
    cache = Cache()
    chosen = [model for model in cache.models() if _matches(model, name)]
    if not chosen and name in registry().names("models"):
        package = registry().find("models", name).package
        raise ConfigError(f"'{name}' was not downloaded; it comes with the package {package}")
    if not chosen:
        raise ModelNotFoundError(f"'{name}' is not in the cache '{cache.root}'")
    for model in chosen:
        cache.remove(model.key)
    return [model.name for model in chosen]


def verify_models() -> dict[str, list[str]]:
    """Read every model on this machine again; return the problems of each by its name."""
    cached = {model.folder: model for model in Cache().models()}
    return {
        model.name: _problems(model.folder, cached.get(model.folder))
        for model in list_models()
        if model.folder is not None
    }


def _registered(entry: Registration) -> ModelInfo:
    origin: Literal["genreclf", "plugin"] = "genreclf" if entry.is_builtin else "plugin"
    try:
        target = str(entry.load())
    except GenreclfError as error:
        return ModelInfo(entry.name, origin, entry.package, problem=str(error))
    folder = None if "://" in target else Path(target)
    return ModelInfo(entry.name, origin, entry.package, folder)


def _matches(model: CachedModel, name: str) -> bool:
    if name in (model.key, model.source):
        return True
    if name.startswith("hf://") and model.source.startswith("hf://"):
        wanted = parse_hub(name)
        return "@" not in name and parse_hub(model.source).repository == wanted.repository
    return "#" in name and "://" in name and model.key == parse_web(name).key


def _problems(folder: Path, cached: CachedModel | None) -> list[str]:
    try:
        config = read_config(folder)
    except GenreclfError as error:
        return [str(error)]
    expected = dict(cached.files) if cached else {}
    if cached and not expected:
        return [f"{folder}: the record of its download is damaged; remove and download it again"]
    # Only these names: a config may list any file, and a download has no exported network.
    for name in (WEIGHTS, ONNX) if (folder / ONNX).is_file() else (WEIGHTS,):
        if name in config.files:
            expected.setdefault(name, config.files[name])
    return [
        f"{folder / name}: {'changed' if (folder / name).is_file() else 'missing'}"
        for name, digest in expected.items()
        if not (folder / name).is_file() or sha256_of(folder / name) != digest
    ]
