"""The examples in docstrings, run in the package that is installed."""

import doctest
import importlib
import pkgutil

import pytest

import genreclf

# Importing `genreclf.__main__` runs the command.
MODULES = [
    module.name
    for module in pkgutil.walk_packages(genreclf.__path__, "genreclf.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["genreclf", *MODULES])
def test_examples_give_the_results_they_show(name):
    failed, _ = doctest.testmod(importlib.import_module(name), raise_on_error=False)
    assert failed == 0


def test_most_modules_of_the_public_interface_have_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    tests = [finder.find(importlib.import_module(name)) for name in MODULES]
    assert sum(any(test.examples for test in found) for found in tests) >= 20
