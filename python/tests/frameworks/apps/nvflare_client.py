"""A client of NVFlare's Client API with one photograph."""

from __future__ import annotations

import nvflare.client as flare
import torch
from clients import Net, train

flare.init()
number = int(flare.get_site_name().split("-")[1])
while flare.is_running():
    model = flare.receive()
    net = Net()
    net.load_state_dict({name: torch.as_tensor(value) for name, value in model.params.items()})
    train(net, number)
    flare.send(flare.FLModel(params=net.state_dict(), meta={"NUM_STEPS_CURRENT_ROUND": 1}))
