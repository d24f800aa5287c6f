"""How plugins are found, and what happens to bad ones."""

import re
import sys
from importlib.metadata import EntryPoint

import click
import pytest
from click.testing import CliRunner

from genreclf.cli import main
from genreclf.errors import ConfigError, PluginError
from genreclf.features import LogMel
from genreclf.plugins import Command, Registry, builtin, hookimpl, registry
from genreclf.recipe import Recipe


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


def test_builtin_parts_come_through_the_hooks():
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
        ("commands", "predict"),
        ("commands", "train"),
    } <= found.keys()
    assert found["architectures", "dong2018"].plugin == "builtin"
    assert found["architectures", "dong2018"].package.startswith("genreclf ")
    assert found["recipes", "short-chunk"].is_builtin


def test_a_recipe_of_a_plugin_is_found_by_name(tmp_path):
    class Theirs:
        @hookimpl
        def genreclf_recipes(self):
            return {"theirs": tmp_path / "theirs.toml", "gone": tmp_path / "gone.toml"}

    (tmp_path / "theirs.toml").write_text('description = "of a plugin"\n')
    loaded = Registry()
    loaded.register(Theirs(), "theirs")
    with loaded.active():
        assert registry() is loaded
        assert Recipe.load("theirs").description == "of a plugin"
        with pytest.raises(ConfigError, match=r"gone\.toml' cannot be read"):
            Recipe.load("gone")
    assert registry() is not loaded


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


def test_no_plugin_takes_a_builtin_name():
    class Taker:
        @hookimpl
        def genreclf_extractors(self):
            return {"logmel-13fps": "somewhere:else"}

    loaded = Registry()
    loaded.register(Taker(), "taker", "a-package 1.0")
    loaded.register(builtin, "builtin", "genreclf 0")
    assert loaded.find("extractors", "logmel-13fps").is_builtin


def test_an_unknown_name_suggests_near_ones():
    with pytest.raises(PluginError, match="did you mean 'dong2018'"):
        registry().find("architectures", "dong2081")


def test_the_command_lists_what_is_registered():
    result = CliRunner().invoke(main, ["plugins"])
    assert result.exit_code == 0
    for name in ("logmel-13fps", "dong2018", "recipes", "commands", "predict", "builtin"):
        assert name in result.output


@click.command()
@click.argument("name")
def hello(name):
    """Greet somebody.

    At length.
    """
    click.echo(f"hello {name}")


class Hello:
    @hookimpl
    def genreclf_commands(self):
        return {
            "hello": hello,
            "later": Command("test_plugins:hello", "Greet when called."),
            "address": "test_plugins:hello",
            "broken": Command("no_such_module_of_mine:command", "Always fail."),
            "other": Command("test_plugins:Hello", "Be no command."),
        }


@pytest.fixture
def commands():
    """Add the commands of a plugin to the built-in ones; gives the registry."""
    loaded = Registry()
    loaded.register(builtin, "builtin", "genreclf 0")
    loaded.register(Hello(), "hello-plugin", "hello-package 1.0")
    with loaded.active():
        yield loaded


def run(*arguments):
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output.strip()


def test_a_command_of_a_plugin_is_listed_with_its_short_help(commands):
    code, output = run("--help")
    lines = {line.split()[0]: line.split()[1:] for line in output.splitlines() if line.split()}
    assert code == 0
    assert lines["hello"] == ["Greet", "somebody."]
    assert lines["later"] == ["Greet", "when", "called."]
    assert lines["address"] == []
    assert lines["predict"] == ["Classify", "files", "and", "folders", "of", "music."]


@pytest.mark.parametrize("name", ["hello", "later", "address"])
def test_a_command_of_a_plugin_is_called(commands, name):
    assert run(name, "world") == (0, "hello world")
    assert "At length." in run(name, "--help")[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", r"Error: 'broken' of plugin 'hello-plugin' .*no_such_module_of_mine"),
        ("other", r"Error: 'other' of plugin 'hello-plugin' .* not a click command"),
    ],
)
def test_a_broken_command_is_an_error_of_one_line(commands, name, message):
    code, output = run(name)
    assert code == 2
    assert re.fullmatch(message + ".*", output)
    assert run("hello", "world") == (0, "hello world")


def test_two_plugins_with_one_command(commands):
    class Second:
        @hookimpl
        def genreclf_commands(self):
            return {"hello": hello, "predict": hello}

    commands.register(Second(), "second", "second-package 2.0")
    code, output = run("hello", "world")
    assert code == 2
    assert re.fullmatch(r"Error: two plugins register 'hello' .*hello-package.*second-p.*", output)
    code, output = run("--help")
    assert code == 0
    assert "two plugins register 'hello'" in output
    assert "Classify files" in output
