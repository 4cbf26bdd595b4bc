"""What NVFlare's filters at their defaults leave of a DenseNet-121's weight difference after three steps of Adam: the
cosine with the difference, and the share of numbers that are not 0, of all tensors that a job sends and of the trained
parameters alone. Needs torch, torchvision and nvflare:

    python scripts/compare/filters-after-adam.py
"""

import logging

import numpy as np
import torch
import torchvision
from nvflare.apis.dxo import DXO, DataKind, MetaKey
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import Shareable
from nvflare.app_common.filters.percentile_privacy import PercentilePrivacy
from nvflare.app_common.filters.svt_privacy import SVTPrivacy

logging.disable(logging.CRITICAL)
STEPS = 3


def difference(learning_rate):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = torchvision.models.densenet121(weights=None, num_classes=2).train()
    before = {name: value.detach().clone() for name, value in net.state_dict().items()}
    optimizer = torch.optim.Adam(net.parameters(), lr=learning_rate)
    for _ in range(STEPS):
        pictures, labels = torch.rand(8, 3, 64, 64), torch.randint(0, 2, (8,))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(pictures), labels).backward()
        optimizer.step()
    after = net.state_dict()
    floating = {n: (after[n] - v).numpy() for n, v in before.items() if v.is_floating_point()}
    trained = {name for name, _ in net.named_parameters()}
    return floating, {name: value for name, value in floating.items() if name in trained}


def flat(arrays):
    return np.concatenate([np.asarray(value, np.float64).ravel() for value in arrays.values()])


print("learning rate  sent                   filter             cosine  not 0")
for learning_rate in (1e-3, 1e-4):
    floating, trained = difference(learning_rate)
    for sent, arrays in (("weights and buffers", floating), ("weights alone", trained)):
        for made in (PercentilePrivacy(), SVTPrivacy()):
            np.random.seed(0)
            dxo = DXO(DataKind.WEIGHT_DIFF, data={n: v.copy() for n, v in arrays.items()})
            dxo.set_meta_prop(MetaKey.NUM_STEPS_CURRENT_ROUND, STEPS)
            result = made.process_dxo(dxo, Shareable(), FLContext()).data
            plain, left = flat(arrays), flat({name: result[name] for name in arrays})
            cosine = plain @ left / np.linalg.norm(plain) / np.linalg.norm(left)
            print(
                f"{learning_rate:<13g}  {sent:<21}  {type(made).__name__:<17}  {cosine:+.4f}  "
                f"{np.mean(left != 0):.1%}"
            )
