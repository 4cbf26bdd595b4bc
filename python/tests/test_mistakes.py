"""What people give by mistake, and the sentence that they get."""

import pytest
import torch
from torch import nn

import gradleak

X, Y = torch.rand(2, 1, 8, 8), torch.tensor([1, 2])
LOADER = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=2)


@pytest.mark.parametrize(
    ("batch", "options", "words"),
    [
        (
            (torch.rand(2, 3, 8, 8), Y),
            {},
            r"cannot compute inputs of shape \[2, 3, 8, 8\]",
        ),
        (X, {}, r"no labels; give \(x, y\)"),
        ((X, Y[:1]), {}, "1 labels for 2 examples"),
        ((X, Y + 7), {}, "class numbers from 0 to 4"),
        ((X, torch.rand(2, 5)), {}, "soft labels"),
        ((X, torch.tensor([0.5, 1.5])), {}, 'loss="mse"'),
        (((X * 255).long(), Y), {}, "int64"),
        ((torch.ones(2, 9).long(), Y), {}, "text="),
        ((X * float("nan"), Y), {}, "not finite"),
        ((X.to("meta"), Y), {}, "no data"),
        ((X[0, 0, 0], 1), {}, "shape"),
        ({"x": X, "y": Y}, {}, r"keys 'x', 'y'; give \(x, y\)"),
        (LOADER, {}, r"next\(iter\(loader\)\)"),
        ([X[0], X[1][:, :4]], {"labels": [1, 2]}, "stack"),
        (3, {}, "The batch is a int"),
        (None, {"labels": [1]}, "no batch"),
        ((X, Y), {"loss": nn.KLDivLoss()}, "KLDivLoss"),
        ((X, Y), {"loss": nn.CrossEntropyLoss(reduction="none")}, "reduction"),
        ((X, Y), {"loss": "hinge"}, "cross-entropy"),
        ((X, Y), {"epoch": 3}, "'epochs='"),
        ((X, Y), {"mean": [0.5, 0.5]}, "2 numbers for 1 channels"),
        ((X, Y), {"fail_above": "Z"}, "Z"),
        ((X, Y), {"defences": ["gausian"]}, "did you mean gaussian"),
        (
            ["missing.png"],
            {"input_shape": (1, 8, 8)},
            "missing.png: there is no such file",
        ),
    ],
)
def test_audits(net, batch, options, words):
    with pytest.raises(gradleak.BadInputError, match=words) as caught:
        gradleak.audit(net, batch, **options)
    assert "\n" not in str(caught.value)
    assert "/tmp" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "There is no update"),
        ({"update": X}, "dictionary of tensors"),
        ({"update": 3}, "update= is a int"),
        ({"update": {}}, "no tensors"),
        ({"update": ["a"]}, "a str among its tensors"),
        (
            {"update": {"a": X}},
            r"named like a parameter of model.onnx.*rename=\"OLD=NEW\"",
        ),
        ({"update": "no-such.pt"}, "no-such.pt"),
        ({"before": {"a": X}}, "before= and after= go together"),
        ({"update": {"a": X}, "after": {"a": X}}, "give one of them"),
    ],
)
def test_updates(net, arguments, words):
    with pytest.raises(gradleak.BadInputError, match=words):
        gradleak.reconstruct(net, input_shape=(1, 8, 8), **arguments)


def test_more_of_updates(net, batch):
    with pytest.raises(gradleak.BadInputError, match=r"input_shape=\(C, H, W\)"):
        gradleak.reconstruct(net, update={"a": X})
    with pytest.raises(gradleak.BadInputError, match=r"loss.backward\(\) first"):
        gradleak.reconstruct(net, update=net, input_shape=(1, 8, 8))
    with pytest.raises(gradleak.BadInputError, match="with learning_rate="):
        gradleak.reconstruct(net, after=net.state_dict(), input_shape=(1, 8, 8))
    with pytest.raises(gradleak.BadInputError, match="a batch and an update"):
        gradleak.reconstruct(net, batch, update={"a": X})
    with pytest.raises(gradleak.BadInputError, match="did you mean lenet"):
        gradleak.audit("lenett")
    with pytest.raises(gradleak.BadInputError, match="model= is a int"):
        gradleak.audit(3)
    with pytest.raises(gradleak.BadInputError, match="has no parameters"):
        gradleak.audit(nn.Flatten(), batch)
    with pytest.raises(TypeError, match="under .record"):
        gradleak.audit(net, batch, json=True)
    with pytest.raises(gradleak.BadInputError, match="holds no results"):
        gradleak.read("nowhere")


def test_an_update_that_does_not_fit(net, batch, gradients):
    wrong = {name: torch.randn_like(g) for name, g in gradients.items()}
    refused = pytest.raises(gradleak.BadInputError, match="does not fit the model")
    with refused, pytest.warns(gradleak.GradleakWarning):
        gradleak.audit_update(net, wrong, input_shape=(1, 8, 8), budget=10)


def test_dropout_and_odd_normalisation_are_warned_of(batch):
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 8), nn.Sigmoid(), nn.Dropout(0.5), nn.Linear(8, 5)
    )
    with pytest.warns(gradleak.GradleakWarning, match="dropout"):
        gradleak.reconstruct(net, batch)
    with pytest.warns(gradleak.GradleakWarning, match="pixels run from"):
        gradleak.reconstruct(net.eval(), batch, mean=[0.5], std=[4.0])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"learning_rate": 0.1}, ["--learning-rate=0.1"]),
        ({"nesterov": True, "amsgrad": False, "seed": None}, ["--nesterov"]),
        (
            {"mean": [0.1, 0.2], "input_shape": (3, 8, 8)},
            ["--mean=0.1,0.2", "--input-shape=3x8x8"],
        ),
        ({"defence": ["prune:0.3", "fp16"]}, ["--defence=prune:0.3", "--defence=fp16"]),
        ({"set": {"prior.totalVariation": 0.01}}, ["--set=prior.totalVariation=0.01"]),
        (
            {"budget": torch.tensor(3.5), "mean": torch.tensor([0.5])},
            ["--budget=3.5", "--mean=0.5"],
        ),
    ],
)
def test_keywords_are_options(options, words):
    from gradleak._options import flags

    assert flags(options) == words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("use --learning-rate 0.02.", "use learning_rate=0.02."),
        ("give --after, or --rename arr_3=fc.weight.", 'give after=, or rename="arr_3=fc.weight".'),
        ("--clip-norm goes with --update here", "clip_norm= goes with update= here"),
        ("'gradleak price --defence' tells", "'gradleak price --defence' tells"),
    ],
)
def test_sentences_name_keywords(said, words):
    from gradleak._options import in_python

    assert in_python(said) == words


def test_extras_are_named(monkeypatch, batch):
    import sys

    result = gradleak.reconstruct("lenet", "coffee", size=16)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r'pip install "gradleak\[notebook\]"'):
        result.to_frame()
