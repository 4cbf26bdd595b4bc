"""A simulation of Flower with four clients, whose strategy audits them."""

from __future__ import annotations

import json
import os
import sys

from clients import Net
from flower_clients import simulate
from flwr.app import ArrayRecord
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg

import gradleak.flower

server = ServerApp()
settings = json.loads(sys.argv[1])


class Counting(FedAvg):
    """Notes which client has which photograph."""

    def aggregate_train(self, server_round, replies):
        replies = list(replies)
        photos = {str(m.metadata.src_node_id): m.content["metrics"]["photo"] for m in replies}
        with open("photos.json", "w") as file:
            json.dump(photos, file)
        return super().aggregate_train(server_round, replies)


@server.main()
def main(grid, context):
    strategy = gradleak.flower.Auditing(
        Counting(min_train_nodes=4, min_available_nodes=4, fraction_evaluate=0.0),
        model=Net(),
        input_shape=(3, 16, 16),
        mini_batch=8,
        loss="cross-entropy",
        **settings,
    )
    result = strategy.start(grid=grid, initial_arrays=ArrayRecord(Net().state_dict()), num_rounds=1)
    assert len(result.arrays) == 4
    print(strategy.results())
    print(os.path.relpath(strategy.report))


simulate(server)
