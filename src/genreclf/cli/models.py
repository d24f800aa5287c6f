"""``genreclf models``."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_sha256_option = click.option("--sha256", help="Of the file at an https:// address.")
_name = click.argument("name")


@click.group()
def models() -> None:
    """List, download and check models.

    NAME is a folder, a registered name, hf://owner/repository[@revision], or
    https://.../model.zip#sha256=...
    """


@models.command("list")
@_json_option
def list_(as_json: bool) -> None:
    """List the models in packages and in the cache."""
    from genreclf.pretrained.catalogue import list_models

    found = [model.to_dict() for model in list_models()]
    if as_json:
        _print_json(found)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    columns = ("name", "from", "size", "genres", "licence", "measured")
    table = Table(*columns, box=None, header_style="bold")
    for about in found:
        table.add_row(
            *map(
                escape,
                (
                    about["name"],
                    about["package"] or about["origin"],
                    _size(about["size"]),
                    str(len(about["labels"])) if "labels" in about else "-",
                    _text(about.get("licence")),
                    _text(about["problem"] or about.get("figures")),
                ),
            )
        )
    Console().print(table)


@models.command()
@_name
@_json_option
def info(name: str, as_json: bool) -> None:
    """Print what is known of a model that is here."""
    from genreclf.pretrained import read_config
    from genreclf.pretrained.catalogue import describe

    folder = _here(name)
    about = {"name": name, "folder": str(folder), **describe(read_config(folder))}
    if as_json:
        _print_json(about)
        return
    facts = about.pop("metadata")
    for key, value in {**about, **facts}.items():
        click.echo(_text(f"{key}: {_text(value)}"))


@models.command()
@_name
@_sha256_option
@_json_option
def download(name: str, sha256: str | None, as_json: bool) -> None:
    """Download a model, if it is not here, and print its folder."""
    from genreclf.pretrained import find_model

    _print_folder(name, find_model(name, sha256=sha256), as_json)


@models.command()
@_name
@_json_option
def path(name: str, as_json: bool) -> None:
    """Print the folder of a model that is here."""
    _print_folder(name, _here(name), as_json)


@models.command()
@_name
@_json_option
def remove(name: str, as_json: bool) -> None:
    """Delete a downloaded model; without a revision, all versions of it."""
    from genreclf.pretrained.catalogue import remove as delete

    removed = delete(name)
    if as_json:
        _print_json({"removed": removed})
        return
    for one in removed:
        click.echo(f"removed {one}")


@models.command()
@_json_option
def verify(as_json: bool) -> None:
    """Read all models again and compare their digests.

    Exits with 1 if one is damaged.
    """
    from genreclf.pretrained.catalogue import verify as check

    found = check()
    if as_json:
        _print_json(found)
    else:
        for name, problems in found.items():
            click.echo(f"{name}: {'; '.join(problems) or 'ok'}")
    sys.exit(1 if any(found.values()) else 0)


def _here(name: str) -> "Path":
    from genreclf.pretrained import find_model

    return find_model(name, local_files_only=True)


def _print_folder(name: str, folder: "Path", as_json: bool) -> None:
    if as_json:
        _print_json({"name": name, "folder": str(folder)})
    else:
        click.echo(folder)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def _size(size: int | None) -> str:
    return "not downloaded" if size is None else f"{size / 1e6:.1f} MB"


def _text(value: Any) -> str:
    """A value on one line, without what would steer a terminal."""
    if isinstance(value, dict):
        value = [f"{key}: {one}" for key, one in value.items()]
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value or "-")
    return "".join(c if c.isprintable() else " " for c in text) or "-"
