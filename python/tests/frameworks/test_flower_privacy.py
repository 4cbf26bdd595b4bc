"""What Flower's strategies and mods with differential privacy guarantee."""

from __future__ import annotations

import pytest

import gradleak
import gradleak.flower

strategies = pytest.importorskip("flwr.serverapp.strategy")
mods = pytest.importorskip("flwr.clientapp.mod")


def central(**numbers):
    return strategies.DifferentialPrivacyServerSideFixedClipping(
        strategies.FedAvg(),
        **{"noise_multiplier": 1.0, "clipping_norm": 0.5, "num_sampled_clients": 10, **numbers},
    )


def test_central_noise_is_read_off_the_strategy():
    check = gradleak.flower.check_privacy(central(), rounds=1)
    # The Gaussian mechanism with one standard deviation, at delta 1e-5.
    assert check.epsilon == pytest.approx(4.377, abs=0.005)
    ten = gradleak.flower.check_privacy(central(), rounds=10, claimed_epsilon=4.38)
    assert ten.verdict == "fails" and ten.epsilon > 15
    assert (
        gradleak.flower.check_privacy(
            central(), rounds=10, clients=1000, adjacency="replace-one"
        ).epsilon
        < ten.epsilon
    )


def test_unequal_weights_cost_privacy():
    """FedAvg weighs clients by their examples, and the noise is that of equal weights."""
    check = gradleak.flower.check_privacy(
        central(), rounds=1, largest_weight=0.4, claimed_epsilon=4.38
    )
    assert check.verdict == "fails"
    # A client moves the mean by four times what the noise was chosen for.
    assert check.epsilon == pytest.approx(24.4, abs=0.3)


def test_local_noise_is_read_off_the_mod():
    mod = mods.LocalDpMod(1.0, 1e-4, 10.0, 1e-5)
    check = gradleak.flower.check_privacy(mod, rounds=1, claimed_epsilon=10)
    assert check.verdict == "fails" and check.epsilon > 1e8


def test_what_cannot_be_read_is_refused():
    with pytest.raises(gradleak.BadInputError, match="FedAvg is no strategy"):
        gradleak.flower.check_privacy(strategies.FedAvg(), rounds=1)
    with pytest.raises(gradleak.BadInputError, match="10 are sampled"):
        gradleak.flower.check_privacy(central(), rounds=1, clients=5)
    with pytest.raises(gradleak.BadInputError, match="largest_weight"):
        gradleak.flower.check_privacy(central(), rounds=1, largest_weight=0.01)
