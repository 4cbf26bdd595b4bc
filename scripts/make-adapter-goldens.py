#!/usr/bin/env python3
"""Writes what PEFT saves and shares for LoRA adapters, for Tests/LeakageTests/Text.

    pip install torch transformers==5.23.0 peft==0.21.2 safetensors
    scripts/make-adapter-goldens.py

Each model is a small random one with adapters that have been trained already (B is not 0): the model, the
adapters as save_pretrained writes them, and the gradients of one text under their names in memory.
"""

import pathlib

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import (
    BertConfig, BertForSequenceClassification, GPT2Config, GPT2ForSequenceClassification)

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/text-adapters"
TEXT = [2, 9, 11, 7, 9, 5, 3]

MODELS = {
    "bert": (BertForSequenceClassification, BertConfig(
        vocab_size=30, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=32, max_position_embeddings=10, hidden_dropout_prob=0,
        attention_probs_dropout_prob=0, num_labels=3, initializer_range=0.3),
        ["query", "value"], False),
    "gpt2": (GPT2ForSequenceClassification, GPT2Config(
        vocab_size=30, n_embd=24, n_layer=2, n_head=3, n_positions=10, resid_pdrop=0, embd_pdrop=0,
        attn_pdrop=0, bos_token_id=0, eos_token_id=0, pad_token_id=0, num_labels=2,
        initializer_range=0.3), ["c_attn"], True),
}


def golden(name, kind, config, targets, is_transposed):
    torch.manual_seed(11)
    model = kind(config).eval()
    folder = FIXTURES / name
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    adapted = get_peft_model(model, LoraConfig(
        r=9, lora_alpha=12, target_modules=targets, task_type="SEQ_CLS",
        fan_in_fan_out=is_transposed, lora_dropout=0)).eval()
    with torch.no_grad():
        for parameter_name, parameter in adapted.named_parameters():
            if "lora_B" in parameter_name:
                parameter.normal_(std=0.1)
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink()
    adapted = adapted.double()
    adapted(input_ids=torch.tensor([TEXT]), labels=torch.tensor([1])).loss.backward()
    save_file({key: value.grad.contiguous() for key, value in adapted.named_parameters()
               if value.grad is not None}, folder / "gradients.safetensors")


for name, arguments in MODELS.items():
    golden(name, *arguments)
