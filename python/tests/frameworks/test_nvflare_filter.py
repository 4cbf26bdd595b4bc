"""The filter of NVFlare on tasks that are only played: what may go wrong, and must not."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

import gradleak.rounds

pytest.importorskip("nvflare")
torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")

from nvflare.apis.dxo import DXO, DataKind, MetaKey
from nvflare.apis.filter import FilterChainType, FilterContextKey
from nvflare.apis.fl_constant import FLContextKey
from nvflare.apis.fl_context import FLContext

import gradleak.nvflare

HOW = {
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "mini_batch": None,
    "loss": "cross-entropy",
    "batch_size": 1,
}


def audit_filter(chain, folder, **settings):
    made = gradleak.nvflare.AuditFilter(**{"out": str(folder), **HOW, **settings})
    made.set_prop(FilterContextKey.CHAIN_TYPE, chain)
    return made


def context(direction, name, peer):
    own, other = FLContext(), FLContext()
    for made, identity in ((own, name), (other, peer)):
        made.put("__identity_name__", identity, private=False, sticky=False)
    own.set_prop(FLContextKey.FILTER_DIRECTION, direction, private=True, sticky=False)
    own.set_peer_context(other)
    return own


def pass_round(folder, before, after, kind=DataKind.WEIGHTS, round=0, meta=None, **settings):
    """A task's data and its result through filters of the server."""
    data = audit_filter(FilterChainType.TASK_DATA_CHAIN, folder, **settings)
    result = audit_filter(FilterChainType.TASK_RESULT_CHAIN, folder, **settings)
    for made, direction, content, of in (
        (data, "out", before, DataKind.WEIGHTS),
        (result, "in", after, kind),
    ):
        dxo = DXO(of, data=content, meta=meta or {MetaKey.NUM_STEPS_CURRENT_ROUND: 1})
        shareable = dxo.to_shareable()
        if round is not None:
            shareable.set_header("current_round", round)
        passed = made.process(shareable, context(direction, "server", "site-1"))
        # Unchanged.
        assert passed["DXO"]["data"] is content


@pytest.fixture
def weights(net, batch):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    torch.nn.functional.cross_entropy(net(batch[0]), batch[1]).backward()
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    return before, {name: value.detach() for name, value in net.state_dict().items()}


def arrays(tensors):
    return {name: value.numpy() for name, value in tensors.items()}


@pytest.mark.parametrize("form", [arrays, dict])
def test_arrays_and_tensors_of_torch(net, batch, weights, tmp_path, form):
    pass_round(tmp_path / "audit", *map(form, weights))
    audits = gradleak.rounds.audits(tmp_path / "audit", model=net, input_shape=(1, 8, 8))
    assert [(a.round, a.client, a.examples) for a in audits] == [(0, "site-1", 1)]
    error = ((audits[0].result.images[0].array - batch[0][0].numpy()) ** 2).mean()
    assert -10 * numpy.log10(error) > 90


def test_weights_in_bfloat16_are_kept_as_they_are(net, weights, tmp_path):
    halves = [{n: v.to(torch.bfloat16) for n, v in part.items()} for part in weights]
    pass_round(tmp_path / "audit", *halves)
    capture = gradleak.rounds.RoundsFolder(tmp_path / "audit").captures()[0]
    kept = torch.load(capture.after)
    assert all(torch.equal(kept[name], halves[1][name]) for name in kept)


def test_only_chosen_rounds(weights, tmp_path):
    for number in range(3):
        pass_round(tmp_path / "audit", *map(arrays, weights), round=number, every=2)
    captures = gradleak.rounds.RoundsFolder(tmp_path / "audit").captures()
    assert [c.round for c in captures] == [0, 2]


@pytest.mark.parametrize(
    "after, settings, sentence",
    [
        ({"a": b"encrypted"}, {}, "holds a bytes"),
        (
            {"conv.weight": object(), "fc.weight": object()},
            {"meta": {MetaKey.PROCESSED_ALGORITHM: "CKKS"}},
            "its tensors are encrypted or packed (CKKS); put this filter where",
        ),
        (
            # As HEModelEncryptor(encrypt_layers=["conv.weight"]): what is left is weighed and flat.
            {"conv.weight": object(), "fc.weight": numpy.zeros(2)},
            {
                "meta": {
                    MetaKey.PROCESSED_ALGORITHM: "CKKS",
                    MetaKey.PROCESSED_KEYS: {"conv.weight": True, "fc.weight": False},
                }
            },
            "(CKKS), but for fc.weight, which anybody can read; put",
        ),
        (
            {"a": numpy.zeros(2, "uint8")},
            {"meta": {MetaKey.PROCESSED_ALGORITHM: "blockwise8"}},
            "encrypted or packed (blockwise8);",
        ),
        ({"a": numpy.zeros(2)}, {"round": None}, "it has no current_round"),
    ],
)
def test_what_cannot_be_captured_passes_and_is_said(
    weights, tmp_path, caplog, after, settings, sentence
):
    with caplog.at_level(logging.WARNING, "gradleak"):
        pass_round(tmp_path / "audit", arrays(weights[0]), after, **settings)
    assert sentence in caplog.text


def test_a_folder_that_cannot_be_made_stops_nothing(weights, tmp_path, caplog):
    (tmp_path / "audit").write_text("a file is in the way")
    pass_round(tmp_path / "audit", *map(arrays, weights))
    assert "was not captured" in caplog.text


def test_steps_must_be_known(net, weights, tmp_path):
    pass_round(tmp_path / "audit", *map(arrays, weights), meta={"other": 1})
    folder = tmp_path / "audit"
    audits = gradleak.rounds.audits(folder, model=net, input_shape=(1, 8, 8))
    assert "say it with epochs=" in audits.errors[0]
    told = {"model": net, "input_shape": (1, 8, 8), "epochs": 1}
    assert not gradleak.rounds.audits(folder, again=True, **told).errors


def test_arguments_are_written_into_the_job(tmp_path):
    from nvflare.job_config.api import FedJob, FilterType

    job = FedJob("job")
    made = gradleak.nvflare.AuditFilter(**HOW, options={"momentum": 0.9})
    job.to_server(made, filter_type=FilterType.TASK_RESULT, tasks=["train"])
    job.export_job(str(tmp_path))
    config = next(tmp_path.rglob("config_fed_server.json"))
    entry = json.loads(config.read_text())["task_result_filters"][0]["filters"][0]
    assert entry["path"] == "gradleak.nvflare.AuditFilter"
    assert entry["args"] == {**HOW, "options": {"momentum": 0.9}}
    if "site-packages" in gradleak.__file__:
        # NVFlare leaves it to the sites to have what is installed.
        return
    # What NVFlare copies into the job is enough where gradleak is not installed.
    code = (
        "import sys, nvflare; sys.path = [p for p in sys.path if 'python' not in p.split('/')[-1:]]\n"
        f"sys.path.insert(0, {str(config.parents[1] / 'custom')!r})\n"
        "import gradleak.nvflare as made; print(made.__file__)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={},
    )
    assert "custom" in printed.stdout


def test_what_is_not_told_is_asked_for():
    with pytest.raises(TypeError, match="'mini_batch'"):
        gradleak.nvflare.AuditFilter(optimizer="sgd", learning_rate=0.1)
    with pytest.raises(gradleak.BadInputError, match="every= is 0"):
        gradleak.nvflare.AuditFilter(**HOW, every=0)


def test_a_missing_nvflare_is_said():
    code = "import sys; sys.modules['nvflare'] = None\nimport gradleak.nvflare"
    failed = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert 'pip install "gradleak[nvflare]"' in failed.stderr
