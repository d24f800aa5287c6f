"""``genreclf models``."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

_name = click.argument("name")
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_sha256_option = click.option("--sha256", help="SHA-256 of the file at an https:// address.")


@click.group()
def models() -> None:
    """List, download and verify models.

    NAME is a folder, a registered name, hf://owner/repository[@revision], or
    https://.../model.zip#sha256=...
    """


@models.command("list")
@_json_option
def list_(as_json: bool) -> None:
    """List registered and downloaded models."""
    from genreclf.pretrained.model_info import list_models

    found = [model.to_dict() for model in list_models()]
    if as_json:
        _print_json(found)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    columns = ("name", "from", "size", "genres", "license", "measured")
    table = Table(*columns, box=None, header_style="bold")
    for facts in found:
        cells = (
            facts["name"],
            facts["package"] or facts["origin"],
            _size(facts["size"]),
            str(len(facts["labels"])) if "labels" in facts else "-",
            _one_line(facts.get("license")),
            _one_line(facts["problem"] or facts.get("figures")),
        )
        table.add_row(*map(escape, cells))
    Console().print(table)


@models.command()
@_name
@_json_option
def info(name: str, as_json: bool) -> None:
    """Print the facts of a model on this machine."""
    from genreclf.pretrained import read_config
    from genreclf.pretrained.model_info import describe

    folder = _local_folder(name)
    facts = {"name": name, "folder": str(folder), **describe(read_config(folder))}
    if as_json:
        _print_json(facts)
        return
    metadata = facts.pop("metadata")
    for key, value in {**facts, **metadata}.items():
        click.echo(_one_line(f"{key}: {_one_line(value)}"))


@models.command()
@_name
@_sha256_option
@_json_option
def download(name: str, sha256: str | None, as_json: bool) -> None:
    """Download a model if necessary, and print its folder."""
    from genreclf.pretrained import resolve_model

    _print_folder(name, resolve_model(name, sha256=sha256), as_json)


@models.command()
@_name
@_json_option
def path(name: str, as_json: bool) -> None:
    """Print the folder of a model on this machine."""
    _print_folder(name, _local_folder(name), as_json)


@models.command()
@_name
@_json_option
def remove(name: str, as_json: bool) -> None:
    """Delete a downloaded model, or all versions of hf://owner/repository."""
    from genreclf.pretrained.model_info import remove_models

    removed = remove_models(name)
    if as_json:
        _print_json({"removed": removed})
        return
    for model in removed:
        click.echo(f"removed {model}")


@models.command()
@_json_option
def verify(as_json: bool) -> None:
    """Read all models on this machine again, and compare digests.

    Exits with 1 if one is damaged.
    """
    from genreclf.pretrained.model_info import verify_models

    found = verify_models()
    if as_json:
        _print_json(found)
    else:
        for name, problems in found.items():
            click.echo(f"{name}: {'; '.join(problems) or 'ok'}")
    sys.exit(1 if any(found.values()) else 0)


def _local_folder(name: str) -> "Path":
    from genreclf.pretrained import resolve_model

    return resolve_model(name, local_files_only=True)


def _print_folder(name: str, folder: "Path", as_json: bool) -> None:
    if as_json:
        _print_json({"name": name, "folder": str(folder)})
    else:
        click.echo(folder)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def _size(size: int | None) -> str:
    return "not downloaded" if size is None else f"{size / 1e6:.1f} MB"


def _one_line(value: Any) -> str:
    """Format a value on one line, without characters that control a terminal."""
    if isinstance(value, dict):
        value = [f"{key}: {item}" for key, item in value.items()]
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value or "-")
    return "".join(c if c.isprintable() else " " for c in text) or "-"
