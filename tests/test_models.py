"""Names, cards, and what is known of the models on this machine."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner

import genreclf
from genreclf import GenreClassifier
from genreclf.cli import main
from genreclf.errors import ConfigError, ModelNotFoundError
from genreclf.plugins import Registry, builtin, hookimpl
from genreclf.pretrained import DEFAULT_MODEL, resolve_model
from genreclf.pretrained.cache import Cache
from genreclf.pretrained.card import model_card
from genreclf.pretrained.folder import required_packages
from test_downloads import zipped

BUNDLED = Path(genreclf.__file__).parent / "pretrained" / "weights"


@pytest.fixture
def models(model_folder):
    """The models that a plugin of another package registers, for tests to change."""
    return {"theirs": model_folder}


@pytest.fixture
def plugin(models):
    """Replace the registry by one of the built-in plugin and one of another package."""

    class Plugin:
        @hookimpl
        def genreclf_models(self):
            return models

        @hookimpl
        def genreclf_architectures(self):
            return {"theirs": "genreclf.architectures.dong2018:Dong2018"}

    with ExitStack() as stack:

        def register():
            loaded = Registry()
            loaded.register(Plugin(), "their-plugin", "their-package 1.0")
            loaded.register(builtin, "builtin", "genreclf 0")
            stack.enter_context(loaded.active())

        yield register


def run(*arguments):
    return CliRunner().invoke(main, ["models", *map(str, arguments)])


def run_json(*arguments):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def listed():
    return {about["name"]: about for about in run_json("list")}


def test_names_are_resolved_in_order(plugin, models, model_folder, tmp_path, monkeypatch, cache):
    models["dong2018"] = tmp_path / "somebody else's"
    plugin()
    assert resolve_model("theirs") == model_folder
    assert resolve_model("dong2018") == BUNDLED / "dong2018"
    assert resolve_model() == BUNDLED / DEFAULT_MODEL
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs").mkdir()
    assert resolve_model("theirs") == model_folder, "an empty folder stands in the way"
    (tmp_path / "theirs" / "config.json").write_text("{}")
    assert resolve_model("theirs").resolve() == tmp_path / "theirs"
    assert resolve_model(model_folder) == model_folder
    assert not cache.exists()


def test_a_plugin_may_register_an_address(plugin, models, server, cache, model_folder):
    models["remote"] = server.put("/model.zip", zipped(model_folder))
    plugin()
    with pytest.raises(ModelNotFoundError, match="not in the cache"):
        resolve_model("remote", local_files_only=True)
    assert listed()["remote"]["folder"] is None
    assert "not downloaded" in run("list").stdout
    assert GenreClassifier.from_pretrained("remote").labels


def test_unknown_names(cache):
    with pytest.raises(ModelNotFoundError, match=r"did you mean 'dong2018'.*models list"):
        resolve_model("dong-2018")
    with pytest.raises(ModelNotFoundError, match="hf://owner/repository"):
        resolve_model("owner/repository")
    with pytest.raises(ConfigError, match="sha256"):
        resolve_model("dong2018", sha256="0" * 64)


def test_saving_writes_what_is_said_of_a_model(classifier, tmp_path):
    folder = classifier.save_pretrained(
        tmp_path / "said",
        description="For tests.",
        data="Noise | more\nnoise",
        split="none",
        recipe="no training",
        license="CC-BY-4.0",
        citation="Nobody, 2026.",
        figures={"right": 0.3},
    )
    metadata = json.loads((folder / "config.json").read_text())["metadata"]
    assert metadata["split"] == "none"
    assert metadata["genreclf"]
    card = (folder / "README.md").read_text()
    header = card.split("---")[1]
    assert 'license: "cc-by-4.0"' in header
    assert 'library_name: "genreclf"' in header
    for line in (
        "For tests.", "| Data | Noise \\| more noise |", "| Split | none |",
        "| Recipe | no training |", "| right | 0.3 |", "Nobody, 2026.", "| Genreclf | ",
    ):  # fmt: skip
        assert line in card
    assert "data" not in classifier.config.metadata
    assert GenreClassifier.from_pretrained(folder).config.metadata == metadata


def test_without_a_word_the_paper_is_cited(small_config):
    assert "1802.09697" in model_card(small_config, "any", onnx="none")


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_metadata_that_json_cannot_hold(classifier, tmp_path, value):
    with pytest.raises(ConfigError, match="JSON"):
        classifier.save_pretrained(tmp_path / "bad", data=value)
    assert not (tmp_path / "bad" / "config.json").exists()


def test_a_model_names_the_packages_it_needs(plugin, classifier, small_config):
    assert required_packages(small_config) == ()
    plugin()
    theirs = type(small_config.architecture)("theirs")
    config = type(small_config)(theirs, small_config.features, small_config.labels)
    assert required_packages(config) == ("their-package",)


def test_the_list_has_what_is_here(cache, server, model_folder):
    address = server.put("/model.zip", zipped(model_folder))
    folder = resolve_model(address)
    bundled, cached = listed()["dong2018"], listed()[address]
    assert bundled["license"] == "MIT"
    assert bundled["size"] > 100_000
    assert cached["folder"] == str(folder)
    assert cached["labels"] == ["blues", "jazz", "metal"]
    table = run("list")
    assert table.exit_code == 0
    assert "dong2018" in table.stdout
    (folder / "config.json").write_text("{")
    assert "not valid JSON" in listed()[address]["problem"]
    assert run("list").exit_code == 0


def test_download_path_info_and_remove(cache, server, model_folder):
    address = server.put("/model.zip", zipped(model_folder))
    url, digest = address.split("#sha256=")
    assert "not in the cache" in run("path", address).stderr
    folder = run_json("download", url, "--sha256", digest)["folder"]
    assert run("path", address).stdout.strip() == folder
    about = run_json("info", address)
    assert about["architecture"] == "dong2018"
    assert "labels: blues, jazz, metal" in run("info", address).stdout
    assert run_json("remove", address) == {"removed": [address]}
    assert run("path", address).exit_code == 2
    assert "not in the cache" in run("remove", address).stderr
    assert server.served["/model.zip"] == 1


def test_what_came_with_a_package_is_not_removed(cache):
    result = run("remove", "dong2018")
    assert result.exit_code == 2
    assert "comes with the package" in result.stderr
    assert (BUNDLED / "dong2018").is_dir()


def test_all_versions_of_a_repository_are_removed(cache):
    def download(partial, folder):
        (folder / "config.json").write_text("{}")

    for commit in ("a" * 40, "b" * 40):
        Cache().add(f"hf--me--small--{commit}", f"hf://me/small@{commit}", download)
    Cache().add("hf--me--other", f"hf://me/other@{'a' * 40}", download)
    assert len(run_json("remove", f"hf://me/small@{'a' * 40}")["removed"]) == 1
    assert len(run_json("remove", "hf://me/small")["removed"]) == 1
    assert [model.source for model in Cache().models()] == [f"hf://me/other@{'a' * 40}"]


def test_control_characters_do_not_reach_the_terminal(cache, classifier, tmp_path):
    folder = classifier.save_pretrained(tmp_path / "loud", data="\x1b[31mred")
    assert "\x1b" not in run("info", folder).stdout


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "model.safetensors").write_bytes(b"x"), "changed"),
        (lambda f: (f / "README.md").unlink(), "missing"),
        (lambda f: (f / "config.json").write_text("{"), "not valid JSON"),
        (lambda f: (f / "source.json").write_text("{"), "record"),
    ],
)
def test_verify_finds_damage(cache, server, model_folder, damage, message):
    folder = resolve_model(server.put("/model.zip", zipped(model_folder)))
    good = run("verify")
    assert good.exit_code == 0
    assert all(line.endswith(": ok") for line in good.stdout.splitlines())
    assert len(good.stdout.splitlines()) > 1
    damage(folder)
    bad = run("verify", "--json")
    assert bad.exit_code == 1
    assert any(message in "".join(problems) for problems in json.loads(bad.stdout).values())


def test_verify_checks_weights_outside_the_cache(plugin, models, cache, classifier, tmp_path):
    models["theirs"] = classifier.save_pretrained(tmp_path / "theirs")
    (tmp_path / "theirs" / "model.safetensors").write_bytes(b"x")
    plugin()
    assert "changed" in run("verify").stdout


def test_other_commands_take_every_source(cache, server, model_folder, tmp_path):
    address = server.put("/model.zip", zipped(model_folder))
    picture = tmp_path / "filters.png"
    result = CliRunner().invoke(
        main, ["plot", "filters", "--model", address, "--output", str(picture)]
    )
    assert result.exit_code == 0, result.output
    assert picture.stat().st_size
