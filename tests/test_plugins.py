"""How plugins are found, and what happens to bad ones."""

import sys
from importlib.metadata import EntryPoint

import pytest
from click.testing import CliRunner

from genreclf.cli import main
from genreclf.errors import ConfigError, PluginError
from genreclf.features import LogMel
from genreclf.plugins import Registry, hookimpl, registry
from genreclf.training import Recipe


class Good:
    @hookimpl
    def genreclf_extractors(self):
        return {"tiny": lambda: LogMel(n_mels=8), "far": "no_such_module_of_mine:thing"}


class SameName:
    @hookimpl
    def genreclf_extractors(self):
        return {"tiny": LogMel}


@pytest.fixture
def module(monkeypatch):
    """Put an object where an entry point can find it."""

    def put(name, plugin):
        monkeypatch.setitem(sys.modules, name, plugin)
        return EntryPoint(name=name, value=name, group="genreclf")

    return put


def test_builtin_parts_come_through_entry_points():
    found = {(r.kind, r.name): r for r in registry().registrations()}
    assert {
        ("extractors", "logmel-dong2018"),
        ("extractors", "logmel-13fps"),
        ("architectures", "dong2018"),
        ("architectures", "short-chunk"),
        ("models", "dong2018"),
        ("models", "short-chunk"),
        ("recipes", "dong2018"),
        ("recipes", "dong2018-13fps"),
        ("recipes", "short-chunk"),
    } <= found.keys()
    assert found["architectures", "dong2018"].plugin == "builtin-architectures"
    assert found["architectures", "dong2018"].package.startswith("genreclf ")
    assert found["recipes", "short-chunk"].plugin == "builtin-recipes"


def test_a_recipe_of_a_plugin_is_found_by_name(tmp_path, monkeypatch):
    class Theirs:
        @hookimpl
        def genreclf_recipes(self):
            return {"theirs": tmp_path / "theirs.toml", "gone": tmp_path / "gone.toml"}

    (tmp_path / "theirs.toml").write_text('description = "of a plugin"\n')
    loaded = Registry()
    loaded.register(Theirs(), "theirs")
    monkeypatch.setattr("genreclf.training.recipe.registry", lambda: loaded)
    assert Recipe.load("theirs").description == "of a plugin"
    with pytest.raises(ConfigError, match=r"gone\.toml' cannot be read"):
        Recipe.load("gone")


def test_a_plugin_registers_by_its_hooks(module):
    loaded = Registry()
    loaded.load_entry_points([module("good_plugin", Good())])
    assert loaded.names("extractors") == ["far", "tiny"]
    assert loaded.build("extractors", "tiny").frame_bins == 8


def test_an_address_is_imported_only_when_used(module):
    loaded = Registry()
    loaded.load_entry_points([module("good_plugin", Good())])
    with pytest.raises(PluginError, match=r"'far' of plugin 'good_plugin'.*no_such_module_of_mine"):
        loaded.load("extractors", "far")


def test_a_plugin_that_fails_is_reported_and_the_others_work(module):
    loaded = Registry()
    gone = EntryPoint(name="gone_plugin", value="not_there_at_all", group="genreclf")
    with pytest.warns(RuntimeWarning, match="gone_plugin"):
        loaded.load_entry_points([gone, module("good_plugin", Good())])
    assert "tiny" in loaded.names("extractors")
    assert [broken.plugin for broken in loaded.broken] == ["gone_plugin"]
    with pytest.raises(PluginError, match=r"Not loaded: .*gone_plugin"):
        loaded.find("extractors", "theirs")


@pytest.mark.parametrize("result", [RuntimeError("boom"), None, "text"])
def test_a_hook_that_fails_is_reported(module, result):
    class Bad:
        @hookimpl
        def genreclf_models(self):
            if isinstance(result, Exception):
                raise result
            return result

    loaded = Registry()
    with pytest.warns(RuntimeWarning, match="bad_plugin"):
        loaded.load_entry_points([module("bad_plugin", Bad())])
    assert loaded.registrations() == []
    assert [broken.plugin for broken in loaded.broken] == ["bad_plugin"]


def test_a_plugin_without_hooks_is_reported(module):
    loaded = Registry()
    with pytest.warns(RuntimeWarning, match="implements no hook"):
        loaded.load_entry_points([module("empty_plugin", object())])


def test_two_plugins_with_one_name_are_both_named(module):
    loaded = Registry()
    loaded.register(Good(), "first", "first-package 1.0")
    loaded.register(SameName(), "second", "second-package 2.0")
    with pytest.raises(PluginError, match=r"first-package 1\.0.*second-package 2\.0"):
        loaded.load("extractors", "tiny")


def test_an_unknown_name_suggests_near_ones():
    with pytest.raises(PluginError, match="did you mean 'dong2018'"):
        registry().find("architectures", "dong2081")


def test_the_command_lists_what_is_registered():
    result = CliRunner().invoke(main, ["plugins"])
    assert result.exit_code == 0
    for name in ("logmel-13fps", "dong2018", "builtin-models", "builtin-recipes"):
        assert name in result.output
