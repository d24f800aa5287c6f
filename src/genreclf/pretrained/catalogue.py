"""What models there are on this machine: in packages, and downloaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from genreclf.errors import ConfigError, GenreclfError, ModelNotFoundError
from genreclf.plugins import Registration, registry
from genreclf.pretrained.address import parse_hub, parse_web
from genreclf.pretrained.cache import Cache, Entry
from genreclf.pretrained.config import ModelConfig
from genreclf.pretrained.digest import sha256_of
from genreclf.pretrained.find import BUNDLED
from genreclf.pretrained.folder import ONNX, WEIGHTS, read_config


@dataclass(frozen=True)
class Listed:
    """A model that is registered or downloaded.

    Attributes
    ----------
    name : str
        What :meth:`genreclf.GenreClassifier.from_pretrained` takes.
    origin : {"genreclf", "plugin", "cache"}
    package : str
        Whose it is, with its version; empty for a download.
    folder : Path or None
        None for a registered address, which is downloaded when it is used, and for
        a plugin that is broken.
    problem : str or None
        Why it cannot be used.
    """

    name: str
    origin: Literal["genreclf", "plugin", "cache"]
    package: str = ""
    folder: Path | None = None
    problem: str | None = None

    @property
    def size(self) -> int | None:
        """Bytes of its files, or None if they are not here."""
        if self.folder is None:
            return None
        return sum(path.stat().st_size for path in self.folder.glob("*") if path.is_file())

    def to_dict(self) -> dict[str, Any]:
        """All there is to say of it, fit for JSON."""
        about: dict[str, Any] = {
            "name": self.name,
            "origin": self.origin,
            "package": self.package,
            "folder": None if self.folder is None else str(self.folder),
            "size": self.size,
            "problem": self.problem,
        }
        if self.folder is not None:
            try:
                about |= describe(read_config(self.folder))
            except GenreclfError as error:
                about["problem"] = str(error)
        return about


def describe(config: ModelConfig) -> dict[str, Any]:
    """What a model's configuration says that a person may want to know."""
    return {
        "labels": list(config.labels),
        "architecture": config.architecture.name,
        "features": config.features.name,
        "requires": list(config.requires),
        "licence": config.metadata.get("licence"),
        "figures": config.metadata.get("figures", {}),
        "metadata": dict(config.metadata),
    }


def list_models() -> list[Listed]:
    """The weights in this package, those that plugins register, and the downloaded ones."""
    bundled = [Listed(name, "genreclf", folder=folder) for name, folder in BUNDLED.items()]
    plugins = [
        _registered(entry) for entry in registry().registrations("models")
        if entry.name not in BUNDLED
    ]  # fmt: skip
    cached = [
        Listed(entry.source or entry.key, "cache", folder=entry.folder)
        for entry in Cache().entries()
    ]
    return [*bundled, *plugins, *cached]


def remove(name: str) -> list[str]:
    """Delete downloaded models.

    Parameters
    ----------
    name : str
        As :func:`list_models` gives it, or ``hf://owner/repository`` for all versions
        that were downloaded.

    Returns
    -------
    list of str
        The names of those that were deleted.

    Raises
    ------
    ModelNotFoundError
        If none is in the cache.
    ConfigError
        If it belongs to a package.
    CacheError
        If the cache cannot be written.
    """
    cache = Cache()
    chosen = [entry for entry in cache.entries() if _is_called(entry, name)]
    if not chosen and name in registry().names("models"):
        package = registry().find("models", name).package
        raise ConfigError(f"'{name}' was not downloaded; it comes with the package {package}")
    if not chosen:
        raise ModelNotFoundError(f"'{name}' is not in the cache '{cache.root}'")
    for entry in chosen:
        cache.remove(entry.key)
    return [entry.source or entry.key for entry in chosen]


def verify() -> dict[str, list[str]]:
    """Read every model that is on this machine again, and compare digests.

    Returns
    -------
    dict of str to list of str
        What is wrong, by name; empty lists for what is right.
    """
    downloaded = {entry.folder: entry for entry in Cache().entries()}
    return {
        model.name: _problems(model.folder, downloaded.get(model.folder))
        for model in list_models()
        if model.folder is not None
    }


def _registered(entry: Registration) -> Listed:
    try:
        target = str(entry.load())
    except GenreclfError as error:
        return Listed(entry.name, "plugin", entry.package, problem=str(error))
    folder = None if "://" in target else Path(target)
    return Listed(entry.name, "plugin", entry.package, folder)


def _is_called(entry: Entry, name: str) -> bool:
    if name in (entry.key, entry.source):
        return True
    if name.startswith("hf://") and entry.source.startswith("hf://"):
        wanted = parse_hub(name)
        return "@" not in name and parse_hub(entry.source).repository == wanted.repository
    return "#" in name and "://" in name and entry.key == parse_web(name).key


def _problems(folder: Path, entry: Entry | None) -> list[str]:
    try:
        config = read_config(folder)
    except GenreclfError as error:
        return [str(error)]
    expected = dict(entry.files) if entry else {}
    if entry and not expected:
        return [f"{folder}: the record of its download is damaged; remove and download it again"]
    # The config may name anything; and what is downloaded comes without the exported network.
    for name in (WEIGHTS, ONNX) if (folder / ONNX).is_file() else (WEIGHTS,):
        if name in config.files:
            expected.setdefault(name, config.files[name])
    return [
        f"{folder / name}: {'changed' if (folder / name).is_file() else 'missing'}"
        for name, digest in expected.items()
        if not (folder / name).is_file() or sha256_of(folder / name) != digest
    ]
