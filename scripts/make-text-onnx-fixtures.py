#!/usr/bin/env python3
"""Exports a small BERT to ONNX in both ways, for Tests/LeakageTests/Text and Tests/CommandTests.

    pip install torch transformers==5.23.0 onnx onnxscript safetensors
    scripts/make-text-onnx-fixtures.py

The weights are random. Beside each file, gradient.safetensors has what PyTorch computes for one text.
"""

import pathlib

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/text-onnx"
VOCABULARY = 900
TEXT = [2, 90, 110, 7, 90, 55, 3]


class Logits(torch.nn.Module):
    """The model as it is usually exported: tokens and mask in, logits out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def main():
    torch.manual_seed(5)
    model = BertForSequenceClassification(BertConfig(
        vocab_size=VOCABULARY, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=36, max_position_embeddings=20, hidden_dropout_prob=0,
        attention_probs_dropout_prob=0, num_labels=3, initializer_range=0.3,
        attn_implementation="eager")).eval()
    FIXTURES.mkdir(parents=True, exist_ok=True)
    tokens = torch.tensor([TEXT, TEXT[::-1]])
    inputs = (tokens, torch.ones_like(tokens))
    names = {"input_names": ["input_ids", "attention_mask"], "output_names": ["logits"]}
    axes = {0: "batch", 1: "sequence"}
    torch.onnx.export(
        model, inputs, FIXTURES / "torchscript.onnx", dynamo=False, opset_version=17, **names,
        dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "batch"}})
    shapes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence")}
    torch.onnx.export(
        Logits(model), inputs, FIXTURES / "dynamo.onnx", dynamo=True, external_data=False, **names,
        dynamic_shapes=(shapes, shapes))
    model(input_ids=tokens[:1], labels=torch.tensor([2])).loss.backward()
    save_file({name: value.grad for name, value in model.named_parameters()},
              FIXTURES / "gradient.safetensors")


main()
