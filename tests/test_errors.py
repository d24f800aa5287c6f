"""Errors that cross processes and reach users."""

import pickle

from genreclf.errors import DatasetError, MissingExtraError


def test_errors_survive_the_way_back_from_a_worker_process():
    for error in (DatasetError("no tracks"), MissingExtraError("pictures", "plots")):
        returned = pickle.loads(pickle.dumps(error))
        assert type(returned) is type(error)
        assert str(returned) == str(error)


def test_a_missing_extra_says_how_to_install_it():
    assert "pip install 'genreclf[plots]'" in str(MissingExtraError("pictures", "plots"))
