"""Jobs in NVFlare's simulator, captured by a filter and audited, with nothing in between."""

from __future__ import annotations

import json
import os

import pytest

import gradleak.rounds

pytest.importorskip("nvflare")
numpy = pytest.importorskip("numpy")
APPS = os.path.join(os.path.dirname(__file__), "apps")


@pytest.mark.parametrize("transfer, kind", [("FULL", "weights"), ("DIFF", "difference")])
def test_a_job(python, photos, tmp_path, transfer, kind):
    python(f"{APPS}/nvflare_job.py", transfer)
    job = tmp_path / "workspace" / "job"
    seen_by = {
        "server/simulate_job": ["site-1", "site-2"],
        "site-1/simulate_job": ["site-1"],
        "site-2/simulate_job": ["site-2"],
    }
    for place, clients in seen_by.items():
        folder = job / place / "audit"
        captures = gradleak.rounds.RoundsFolder(folder).captures()
        assert [(c.round, c.client) for c in captures] == [(r, s) for r in (0, 1) for s in clients]
        assert all(c.steps == 1 and c.kind == kind and c.before for c in captures)
        # What all clients got is written once.
        assert len(list((folder / "round-0").glob("global-*"))) == 1
    audits = gradleak.rounds.audits(job / "server/simulate_job/audit")
    assert not audits.errors
    for audit in audits:
        number = int(audit.client.split("-")[1])
        truth = numpy.load(photos / f"photo-{number}.npy")
        error = ((audit.result.images[0].array - truth) ** 2).mean()
        print(transfer, audit.round, number, -10 * numpy.log10(error))
        assert audit.result.diagnosis == "recovered"
        assert -10 * numpy.log10(error) > 100
    experiment = next((job / "server/simulate_job/audit/round-1").glob("*.experiment.json"))
    assert json.loads(experiment.read_text())["data"]["update"]["kind"] == kind
    gradleak.run("run", experiment, "--out", tmp_path / "again", quiet=True)
    assert gradleak.read(tmp_path / "again").diagnosis == "recovered"
