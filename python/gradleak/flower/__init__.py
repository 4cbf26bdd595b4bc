"""Audits of a Flower federation while it trains: what its server could read of each client's data::

strategy = gradleak.flower.Auditing(
    FedAvg(), model=Net(), input_shape=(3, 32, 32), out="audit/",
    optimizer="sgd", learning_rate=0.1, epochs=1, mini_batch=32, loss="cross-entropy")
strategy.start(grid=grid, initial_arrays=arrays, num_rounds=3)
print(strategy.results())

and what its differential privacy guarantees::

print(gradleak.flower.check_privacy(dp_strategy, rounds=100, clients=1000, claimed_epsilon=8))
"""

from __future__ import annotations

from ._auditing import Auditing
from ._privacy import check_privacy

__all__ = ["Auditing", "check_privacy"]
