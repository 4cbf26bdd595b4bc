"""Writes the small valid ONNX models that the fuzzer mutates: Tests/Fixtures/fuzz/*.onnx.

Run with a Python that has torch, onnx and onnxscript: python scripts/make-fuzz-corpus.py
"""

import os
import warnings

import onnx
import torch
import torch.nn as nn

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
        return self.fc(x.flatten(1)).softmax(1)


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
    ("small", Small(), (1, 1, 8, 8)),
    ("attention", Attention(), (1, 1, 4, 4)),
]:
    for exporter, dynamo in [("torchscript", False), ("dynamo", True)]:
        path = f"Tests/Fixtures/fuzz/{name}-{exporter}.onnx"
        torch.onnx.export(model.eval(), (torch.randn(shape),), path, dynamo=dynamo)
        loaded = onnx.load(path)
        for node in loaded.graph.node:  # where PyTorch's source lies says nothing
            del node.metadata_props[:]
            node.doc_string = ""
        onnx.save(loaded, path)
        if os.path.exists(path + ".data"):
            os.remove(path + ".data")
        print(path, os.path.getsize(path))
