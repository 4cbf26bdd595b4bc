"""The server: Flower's own workflows, around a strategy that audits what it is given."""

from __future__ import annotations

from pathlib import Path

from flwr.common import ndarrays_to_parameters
from flwr.server import LegacyContext, ServerConfig
from flwr.server.strategy import FedAvg
from flwr.server.workflow import DefaultWorkflow, SecAggPlusWorkflow
from flwr.serverapp import ServerApp

import gradleak.flower

from .task import INPUT_SHAPE, LEARNING_RATE, Net, weights


def server_app(
    out: Path, *, clients: int, rounds: int, is_secure: bool, max_weight: float
) -> ServerApp:
    """The server's app, which prints at the end what its audits found.

    Args:
        out: a new folder for captures and audits.
        clients: that take part in each round.
        rounds: of training.
        is_secure: whether the server asks for sums by SecAgg+ or for each client's weights.
        max_weight: the largest number of examples of one client, of SecAgg+.
    """
    app = ServerApp()

    @app.main()
    def main(grid, context):
        strategy = gradleak.flower.Auditing(
            FedAvg(
                fraction_evaluate=0.0,
                min_fit_clients=clients,
                min_available_clients=clients,
                initial_parameters=ndarrays_to_parameters(weights(Net())),
            ),
            model=Net(),
            input_shape=INPUT_SHAPE,
            out=out,
            optimizer="sgd",
            learning_rate=LEARNING_RATE,
            epochs=1,
            mini_batch=None,
            loss="cross-entropy",
            budget=10,
        )
        secure = SecAggPlusWorkflow(
            num_shares=1.0, reconstruction_threshold=0.6, max_weight=max_weight
        )
        workflow = DefaultWorkflow(fit_workflow=secure if is_secure else None)
        workflow(grid, LegacyContext(context, ServerConfig(num_rounds=rounds), strategy))
        print(strategy.results())

    return app
