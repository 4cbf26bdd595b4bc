"""A federation's clients of Flower, each with one photograph, and its simulation."""

from __future__ import annotations

from clients import Net, train
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.simulation import run_simulation

client = ClientApp()


@client.train()
def fit(message, context):
    net = Net()
    net.load_state_dict(message.content["arrays"].to_torch_state_dict())
    number = int(context.node_config["partition-id"])
    examples = train(net, number)
    content = {
        "arrays": ArrayRecord(net.state_dict()),
        # Which photograph it was, for tests to look it up.
        "metrics": MetricRecord({"num-examples": examples, "photo": number}),
    }
    return Message(RecordDict(content), reply_to=message)


def simulate(server, clients=4):
    run_simulation(
        server_app=server,
        client_app=client,
        num_supernodes=clients,
        backend_config={
            "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
            "init_args": {"num_cpus": 1, "include_dashboard": False},
        },
    )
