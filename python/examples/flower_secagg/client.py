"""A client: it trains on its photographs and sends its weights, masked where the run is secure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from flwr.client import NumPyClient
from flwr.client.mod import secaggplus_mod
from flwr.clientapp import ClientApp

from .task import Net, pixels, train, weights

torch.set_num_threads(1)


class Client(NumPyClient):
    """Holds photographs that its server is not to see.

    Args:
        photographs: files, with a label each.
    """

    def __init__(self, photographs: Sequence[tuple[Path, int]]) -> None:
        self.x = torch.stack([torch.from_numpy(pixels(file)) for file, _ in photographs])
        self.y = torch.tensor([label for _, label in photographs])

    def fit(self, parameters, config):
        net = Net()
        named = zip(net.state_dict(), parameters)
        net.load_state_dict({name: torch.tensor(value) for name, value in named})
        train(net, self.x, self.y)
        return weights(net), len(self.x), {}


def client_app(shares: Sequence[Sequence[tuple[Path, int]]], *, is_secure: bool) -> ClientApp:
    """The clients' app.

    Args:
        shares: photographs of each client.
        is_secure: whether clients mask what they send, which is theirs to say and not the server's.
    """

    def client(context):
        return Client(shares[int(context.node_config["partition-id"])]).to_client()

    return ClientApp(client_fn=client, mods=[secaggplus_mod] if is_secure else [])
