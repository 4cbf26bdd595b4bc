"""The guides' snippets, run as they stand there."""

from __future__ import annotations

import pytest

from .conftest import blocks


def test_flower(python, tmp_path):
    pytest.importorskip("flwr")
    (tmp_path / "guide.py").write_text(
        "from clients import Net\nfrom flower_clients import simulate\n"
        + blocks("from-flower.md")["flower"]
        + "\nsimulate(app)\n"
    )
    printed = python("guide.py")
    print(printed)
    assert printed.count("F: 1 of 1 in full (recovered)") == 4
    assert (tmp_path / "audit" / "report.html").exists()


def test_nvflare(python, tmp_path):
    pytest.importorskip("nvflare")
    from .conftest import APPS

    found = blocks("from-nvflare.md")
    (tmp_path / "guide.py").write_text(
        "from clients import Net\n"
        "from nvflare.app_opt.pt.recipes.fedavg import FedAvgRecipe\n"
        "from nvflare.recipe import SimEnv\n"
        "recipe = FedAvgRecipe(name='job', model=Net(), min_clients=2, num_rounds=1,\n"
        f"    train_script={str(APPS / 'nvflare_client.py')!r})\n"
        "env = SimEnv(num_clients=2, workspace_root='workspace')\n"
        + found["nvflare"]
        + found["audits"]
    )
    printed = python("guide.py")
    print(printed)
    assert printed.count("F: 1 of 1 in full (recovered)") == 2


def test_opacus(python, tmp_path):
    pytest.importorskip("opacus")
    (tmp_path / "guide.py").write_text(
        "import torch, opacus\nfrom clients import Net, examples\n"
        "model = Net()\n"
        "x, y = (torch.cat(part) for part in zip(*map(examples, range(7))))\n"
        "engine = opacus.PrivacyEngine(accountant='rdp')\n"
        "model, optimizer, loader = engine.make_private(\n"
        "    module=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.05),\n"
        "    data_loader=torch.utils.data.DataLoader(\n"
        "        torch.utils.data.TensorDataset(x, y), batch_size=1),\n"
        "    noise_multiplier=1.1, max_grad_norm=1.0)\n"
        "for images, labels in loader:\n"
        "    optimizer.zero_grad()\n"
        "    torch.nn.functional.cross_entropy(model(images), labels).backward()\n"
        "    optimizer.step()\n" + blocks("from-opacus.md")["opacus"]
    )
    printed = python("guide.py")
    print(printed)
    assert "clipping at 1 and noise multiplier 1.1; epsilon " in printed
    assert "Recovered 0 of 1" in printed


def test_ddp(python, tmp_path):
    (tmp_path / "guide.py").write_text(
        "import os, torch\nfrom clients import Net, examples\n"
        "torch.distributed.init_process_group(\n"
        "    'gloo', store=torch.distributed.HashStore(), rank=0, world_size=1)\n"
        "ddp_model = torch.nn.parallel.DistributedDataParallel(Net())\n"
        "x, y = examples(3)\n"
        "loss_function = torch.nn.CrossEntropyLoss()\n"
        + blocks("from-pytorch.md")["ddp"]
        + "\nloss_function(ddp_model(x), y).backward()\n"
        "print(state.results())\n"
        "torch.distributed.destroy_process_group()\n"
    )
    printed = python("guide.py")
    print(printed)
    assert "F: 1 of 1 in full (recovered)" in printed
