"""Two processes of DistributedDataParallel, captured by a communication hook and audited."""

from __future__ import annotations

import os

import pytest

import gradleak.rounds

torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")
APPS = os.path.join(os.path.dirname(__file__), "apps")


def test_a_pair(python, photos, tmp_path):
    printed = python(f"{APPS}/ddp_pair.py")
    for rank in (0, 1):
        audits = gradleak.rounds.audits(tmp_path / "audit" / f"rank-{rank}")
        assert str(audits) in printed
        # The third step is beyond steps=2.
        assert [(a.round, a.client) for a in audits] == [
            (0, f"rank-{rank}"),
            (1, f"rank-{rank}"),
        ]
        for audit in audits:
            truth = numpy.load(photos / f"photo-{rank + 2 * audit.round}.npy")
            error = ((audit.result.images[0].array - truth) ** 2).mean()
            print(rank, audit.round, -10 * numpy.log10(error))
            assert audit.result.diagnosis == "recovered"
            assert audit.result.threat_model.attacker == "neighbour in all-reduce"
            assert -10 * numpy.log10(error) > 100
    # The average is that of no hook.
    for rank in (0, 1):
        hooked, plain = (torch.load(tmp_path / f"{name}-{rank}.pt") for name in ("hook", "plain"))
        assert all(torch.equal(hooked[name], plain[name]) for name in plain)
