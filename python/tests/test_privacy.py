"""Claims of differential privacy, and filters that are functions of Python."""

from __future__ import annotations

import sys

import pytest

import gradleak

pytest.importorskip("safetensors")

FILTER = """
import numpy
import gradleak

def share(update):
    size = numpy.sqrt(sum(float((value.astype("f8") ** 2).sum()) for value in update.values()))
    scale = min(1.0, {clip} / max(size, 1e-12))
    source = numpy.random.default_rng({seed})
    return {{name: value * scale + source.normal(0, {noise}, value.shape) for name, value in update.items()}}

gradleak.filter_main(share)
"""


def command(folder, *, clip=1.0, noise=1.0, seed="None"):
    path = folder / "my_filter.py"
    path.write_text(FILTER.format(clip=clip, noise=noise, seed=seed))
    return f"{sys.executable} {path}"


def test_a_claim_is_checked():
    check = gradleak.check_privacy(clip=1, noise=0.484, claimed_epsilon=10)
    assert check.verdict == "fails" and not check.passed
    assert check.epsilon == pytest.approx(10.4, abs=0.05)
    assert "classical-formula" in [pitfall.name for pitfall in check.pitfalls]
    assert check.success[100] > 0.3
    assert "does not hold" in str(check)
    sampled = gradleak.check_privacy(
        clip=1, noise_multiplier=1.1, batch_size=256, records=60000, rounds=14062, claimed_epsilon=3
    )
    assert sampled.passed and sampled.epsilon == pytest.approx(2.38, abs=0.01)
    assert gradleak.check_privacy(noise=0, flaw=["batch-norm"]).epsilon == float("inf")


def test_mistakes_are_sentences():
    with pytest.raises(gradleak.BadInputError, match="delta= is 2"):
        gradleak.check_privacy(clip=1, noise=1, delta=2.0)
    with pytest.raises(gradleak.BadInputError, match="noise_multiplier="):
        gradleak.check_privacy(clip=1)


def test_a_function_is_audited(tmp_path):
    record = tmp_path / "audit.json"
    right = gradleak.audit_mechanism(
        command(tmp_path), clip=1.0, claimed_epsilon=4.4, runs=30, out=record
    )
    assert right.verdict == "not refuted" and not right.faults
    assert record.exists() and right.record["response"] == pytest.approx(1, abs=2)
    wrong = gradleak.audit_mechanism(command(tmp_path, noise=1e-4), claimed_epsilon=4.4, runs=30)
    assert wrong.verdict in ("refuted", "doubtful")
    seeded = gradleak.audit_mechanism(command(tmp_path, seed=7), claimed_epsilon=4.4)
    assert seeded.verdict == "refuted" and "repeated-noise" in seeded.faults
    with pytest.raises(gradleak.BadInputError, match="the filter ended with status"):
        gradleak.audit_mechanism(f"{sys.executable} {tmp_path / 'missing.py'}")
