"""Captures what each process of DistributedDataParallel shares, as its neighbours see it::

state = gradleak.ddp.State(
    ddp_model, out="audit/", input_shape=(3, 32, 32), batch_size=8, loss="cross-entropy")
ddp_model.register_comm_hook(state, gradleak.ddp.hook)
...  # train
print(state.results())
"""

# Without "from __future__ import annotations": DistributedDataParallel looks at the hook's annotations.

from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

from ._state import State

if TYPE_CHECKING:
    Bucket = Any
else:
    Bucket = dist.GradBucket

__all__ = ["State", "hook"]


def hook(state: State, bucket: Bucket) -> torch.futures.Future[torch.Tensor]:
    """A communication hook that captures a bucket and then averages it as if there were no hook.

    Args:
        state: of this process.
        bucket: of its gradients.
    """
    state.see(bucket)
    group: Any = state.process_group or dist.group.WORLD
    return allreduce_hook(group, bucket)
