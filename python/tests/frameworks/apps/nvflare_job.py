"""A job of NVFlare in its simulator, whose filters capture two clients at the server and at themselves."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from clients import Net
from nvflare.app_opt.pt.recipes.fedavg import FedAvgRecipe
from nvflare.client.config import TransferType
from nvflare.recipe import SimEnv

import gradleak.nvflare

torch.onnx.export(
    Net(),
    (torch.zeros(1, 3, 16, 16),),
    "model.onnx",
    dynamo=False,
    input_names=["images"],
    dynamic_axes={"images": {0: "batch"}},
    do_constant_folding=False,
    training=torch.onnx.TrainingMode.PRESERVE,
)
recipe = FedAvgRecipe(
    name="job",
    model=Net(),
    min_clients=2,
    num_rounds=2,
    train_script=str(Path(__file__).with_name("nvflare_client.py")),
    params_transfer_type=TransferType[sys.argv[1]],
)
audit = gradleak.nvflare.AuditFilter(
    model=str(Path("model.onnx").resolve()),
    optimizer="sgd",
    learning_rate=0.1,
    mini_batch=None,
    loss="cross-entropy",
    batch_size={"site-1": 1, "site-2": 1},
    options={"budget": 30},
)
recipe.add_server_output_filter(audit, tasks=["train"])
recipe.add_server_input_filter(audit, tasks=["train"])
recipe.add_client_input_filter(audit, tasks=["train"], clients=None)
recipe.add_client_output_filter(audit, tasks=["train"], clients=None)
recipe.execute(SimEnv(num_clients=2, workspace_root="workspace"))
