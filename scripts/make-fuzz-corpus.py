"""Writes small ONNX models, for the fuzzer to mutate and for tests of the import, with PyTorch's logits
and gradients for one image: Tests/Fixtures/fuzz/*.onnx and *.safetensors.

Run with a Python that has torch, onnx and onnxscript: python scripts/make-fuzz-corpus.py
"""

import os
import warnings

import onnx
import torch
import torch.nn as nn
from safetensors.torch import save_file

warnings.filterwarnings("ignore")
torch.manual_seed(0)


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.fc = nn.Linear(12, 4)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        x = nn.functional.max_pool2d(x, 2)
        return self.fc(x.flatten(1))


class WithSoftmax(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x).softmax(1)


def perturb(model):
    # Equal tensors, such as fresh scales, would become one initialiser.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(4, 8)
        self.norm = nn.LayerNorm(8)
        self.qkv = nn.Linear(8, 24)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = self.embed(x.flatten(1).reshape(x.shape[0], 4, 4))
        q, k, v = self.qkv(self.norm(x)).chunk(3, dim=-1)
        x = x + torch.softmax(q @ k.transpose(1, 2) / 8**0.5, dim=-1) @ v
        return self.head(nn.functional.gelu(x).mean(1))


os.makedirs("Tests/Fixtures/fuzz", exist_ok=True)
for name, model, shape in [
    ("small", perturb(Small()), (1, 1, 8, 8)),
    ("attention", perturb(Attention()), (1, 1, 4, 4)),
]:
    for exporter, dynamo in [("torchscript", False), ("dynamo", True)]:
        path = f"Tests/Fixtures/fuzz/{name}-{exporter}.onnx"
        model.float().eval()
        exported = WithSoftmax(model) if name == "small" else model
        options = {} if dynamo else {
            "do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE}
        torch.onnx.export(exported, (torch.randn(shape),), path, dynamo=dynamo, **options)
        loaded = onnx.load(path)
        for node in loaded.graph.node:  # where PyTorch's source lies says nothing
            del node.metadata_props[:]
            node.doc_string = ""
        onnx.save(loaded, path)
        if os.path.exists(path + ".data"):
            os.remove(path + ".data")
        image = torch.rand(shape, dtype=torch.float64)
        model.double().zero_grad()
        logits = model(image)
        nn.functional.cross_entropy(logits, torch.tensor([1])).backward()
        golden = {n: p.grad.clone() for n, p in model.named_parameters()}
        save_file(
            {**golden, "image": image, "logits": logits.detach()}, path[:-5] + ".safetensors")
        print(path, os.path.getsize(path))
