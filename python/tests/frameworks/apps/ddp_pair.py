"""Two processes of DistributedDataParallel over gloo, each with a photograph of its own in each step."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist
from clients import Net, examples
from torch import nn

import gradleak.ddp


def work(rank, store, hook):
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    # Buckets so small that there are several, which are put together anew after the first step.
    model = nn.parallel.DistributedDataParallel(Net(), bucket_cap_mb=0.001)
    if hook:
        state = gradleak.ddp.State(
            model,
            out="audit/",
            input_shape=(3, 16, 16),
            batch_size=1,
            loss=nn.CrossEntropyLoss(),
            steps=2,
        )
        model.register_comm_hook(state, gradleak.ddp.hook)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(3):
        x, y = examples(rank + 2 * step)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    torch.save(model.module.state_dict(), f"{'hook' if hook else 'plain'}-{rank}.pt")
    dist.destroy_process_group()
    if hook:
        print(state.results())


if __name__ == "__main__":
    for hook in (True, False):
        store = os.path.abspath(f"store-{hook}")
        torch.multiprocessing.spawn(work, (store, hook), nprocs=2)
