"""Options as an experiment's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradleak import BadInputError
from gradleak._experiment import experiment


def client(**options):
    return experiment(Path("m.onnx"), {"update": "g.pt", "batch_size": 8, **options})["client"]


def test_nothing_of_the_training_is_lost():
    assert client(epochs=2, shuffle_epochs=True) == {"epochs": 2, "shufflesEpochs": True}
    assert client(weight_precision="f64") == {"weightPrecision": "f64"}


@pytest.mark.parametrize(
    "options, epochs",
    [
        ({"mini_batch": 4}, 3),
        ({"mini_batch": 4, "accumulate": 2}, 6),
        ({}, 6),
        ({"mini_batch": 3}, 2),
    ],
)
def test_steps_are_counted_as_the_program_counts_them(options, epochs):
    assert client(local_steps=6, **options)["epochs"] == epochs


def test_steps_that_no_epochs_make_are_refused():
    with pytest.raises(BadInputError, match="an epoch of 8 examples has 4"):
        client(local_steps=6, mini_batch=2)
