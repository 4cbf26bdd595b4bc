"""Simulations of Flower, captured by the strategy and audited, with nothing in between."""

from __future__ import annotations

import json
import os
import stat

import pytest

import gradleak
import gradleak.rounds

pytest.importorskip("flwr")
numpy = pytest.importorskip("numpy")
APPS = os.path.join(os.path.dirname(__file__), "apps")


def psnr(result, truth):
    """Of what came back, in dB, neither clamped nor rounded."""
    return float(-10 * numpy.log10(((result.images[0].array - truth) ** 2).mean()))


def simulate(python, photos, tmp_path, **settings):
    printed = python(f"{APPS}/flower_run.py", json.dumps(settings), OPTIMIZER=settings["optimizer"])
    audits = gradleak.rounds.audits(tmp_path / "audit")
    of = json.loads((tmp_path / "photos.json").read_text())
    truths = [numpy.load(photos / f"photo-{of[a.client]}.npy") for a in audits]
    return printed, audits, truths, [of[a.client] for a in audits]


def test_one_step_of_sgd_comes_back(python, photos, tmp_path):
    printed, audits, truths, numbers = simulate(
        python, photos, tmp_path, optimizer="sgd", learning_rate=0.1, epochs=1
    )
    assert len(audits) == 4 and not audits.errors
    for audit, truth, number in zip(audits, truths, numbers):
        assert audit.examples == 1
        assert audit.result.diagnosis == "recovered"
        assert audit.result.images[0].recovered_label == number
        print(number, psnr(audit.result, truth))
        assert psnr(audit.result, truth) > 100
    assert len(audits.leaked) == 4
    assert str(audits) in printed and "audit/report.html" in printed
    assert audits.report.exists()


def test_files_are_private_and_run_by_the_program(python, photos, tmp_path):
    _, audits, truths, _ = simulate(
        python,
        photos,
        tmp_path,
        optimizer="sgd",
        learning_rate=0.1,
        epochs=1,
        clients=1,
    )
    assert len(audits) == 1
    for path in (tmp_path / "audit").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    experiment = next((tmp_path / "audit").rglob("*.experiment.json"))
    gradleak.run("run", experiment, "--out", tmp_path / "again", quiet=True)
    assert psnr(gradleak.read(tmp_path / "again"), truths[0]) > 100


def test_adam_for_two_epochs(python, photos, tmp_path):
    _, audits, truths, numbers = simulate(
        python,
        photos,
        tmp_path,
        optimizer="adam",
        learning_rate=1e-3,
        epochs=2,
        budget=40,
        background=True,
    )
    assert len(audits) == 4 and not audits.errors
    for audit, truth, number in zip(audits, truths, numbers):
        # What came back is a search's; the label is certain.
        assert audit.result.images[0].recovered_label == number
        print(number, audit.result.diagnosis, psnr(audit.result, truth))
