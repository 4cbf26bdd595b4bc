"""Trainings with Opacus, whose clipping and noise are read off and attacked."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest

import gradleak

torch = pytest.importorskip("torch")
opacus = pytest.importorskip("opacus")
numpy = pytest.importorskip("numpy")
nn = torch.nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 5, stride=2, padding=2)
        self.fc = nn.Linear(12 * 8 * 8, 10)

    def forward(self, x):
        return self.fc(torch.sigmoid(self.conv(x)).flatten(1))


@pytest.fixture
def data(photos):
    x = torch.stack([torch.from_numpy(numpy.load(photos / f"photo-{i}.npy")) for i in range(7)])
    return x, torch.arange(7) % 10


def private(data, *, noise, clip, batch_size=1, **settings):
    """An engine, its model and optimiser, and its loader of batches."""
    torch.manual_seed(0)
    engine = opacus.PrivacyEngine(accountant="rdp")
    model = Net()
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(*data), batch_size=batch_size
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, optimizer, *_, loader = engine.make_private(
            module=model,
            optimizer=torch.optim.SGD(model.parameters(), lr=0.05),
            data_loader=loader,
            noise_multiplier=noise,
            max_grad_norm=clip,
            **settings,
        )
    return engine, model, optimizer, loader


def auditor(engine, optimizer, **settings):
    import gradleak.opacus

    return gradleak.opacus.GradLeakAuditor(engine, optimizer, **settings)


def test_clipping_and_noise_are_the_engines(data):
    engine, model, optimizer, loader = private(data, noise=1.1, clip=1.0)
    privacy = auditor(engine, optimizer)
    x, y = data[0][:1], data[1][:1]
    before = privacy.audit(model, (x, y), loss="cross-entropy", quiet=True, time_limit=20)
    assert before.spent is None and "no step yet" in str(before)
    for inputs, labels in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimizer.step()
    audit = privacy.audit(model, (x, y), loss="cross-entropy", quiet=True, time_limit=20)
    assert audit.defence == "dp-sgd:1.0,1.1"
    assert audit.result.runs[0].defence == "dp-sgd:1,1.1"
    assert audit.spent.epsilon == engine.get_epsilon(1e-5)
    assert audit.spent.steps == len(loader)
    assert "epsilon" in str(audit)
    print(audit)
    assert not audit.recovered
    # Next to no noise, and a bound that nothing reaches: as no defence.
    optimizer.noise_multiplier, optimizer.max_grad_norm = 1e-9, 1e3
    bare = privacy.audit(model, (x, y), loss="cross-entropy", quiet=True)
    print(bare.result.psnr)
    assert bare.recovered == 1


@pytest.mark.parametrize("size, clip", [(1, 1.0), (4, 9.0)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_programs_dp_sgd_is_that_of_opacus(data, size, clip, reduction):
    x, y = data[0][:size], data[1][:size]
    engine, model, optimizer, _ = private(
        (x, y),
        noise=0.0,
        clip=clip,
        batch_size=size,
        poisson_sampling=False,
        loss_reduction=reduction,
    )
    privacy = auditor(engine, optimizer)
    for noise, tolerance in ((0.0, 1e-4), (2.0, 0.05)):
        optimizer.noise_multiplier = noise
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y, reduction=reduction).backward()
        optimizer.pre_step()
        expected = float(torch.cat([p.grad.flatten() for p in model.parameters()]).norm())
        audit = privacy.audit(
            model,
            (x, y),
            loss="cross-entropy",
            quiet=True,
            attack="dlg",
            iterations=1,
            trials=1,
        )
        assert audit.result.runs[0].record["update"]["norm"] == pytest.approx(
            expected, rel=tolerance
        )


@pytest.mark.parametrize(
    "settings, how, sentence",
    [
        ({"clipping": "per_layer", "clip": [1.0] * 4}, {}, "clips each layer by itself"),
        ({"clip": 1.0}, {"delta": 1.0}, "delta= is 1.0"),
        (None, {}, "optimizer= is a SGD"),
    ],
)
def test_what_is_not_modelled_is_refused(data, settings, how, sentence):
    if settings is None:
        engine, optimizer = None, torch.optim.SGD(Net().parameters(), lr=0.1)
    else:
        engine, _, optimizer, _ = private(data, noise=1.0, **settings)
    with pytest.raises(gradleak.BadInputError, match=sentence):
        auditor(engine, optimizer, **how)


def test_ghost_clipping(data):
    engine, model, optimizer, _ = private(data, noise=1e-9, clip=1e3, grad_sample_mode="ghost")
    audit = auditor(engine, optimizer).audit(
        model, (data[0][:1], data[1][:1]), loss="cross-entropy", quiet=True
    )
    assert audit.recovered == 1


def test_a_missing_opacus_is_said():
    code = (
        "import sys; sys.modules['opacus'] = None\n"
        "import gradleak.opacus; gradleak.opacus.GradLeakAuditor(None, None)"
    )
    failed = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert 'pip install "gradleak[opacus]"' in failed.stderr


def test_the_engines_claim_is_checked(data):
    engine, model, optimizer, loader = private(data, noise=1.1, clip=1.0)
    privacy = auditor(engine, optimizer)
    with pytest.raises(gradleak.BadInputError, match="no step was made"):
        privacy.check()
    for inputs, labels in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimizer.step()
    check = privacy.check()
    assert check.passed and 0 < check.epsilon <= privacy.spent.epsilon
    assert not privacy.check(claimed_epsilon=check.epsilon / 2).passed
    assert privacy.check(sampling="shuffled").epsilon > check.epsilon
