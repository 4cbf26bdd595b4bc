#!/usr/bin/env python3
"""Writes what `transformers` and `rouge-score` compute, for Tests/LeakageTests/Text.

    pip install torch transformers==5.23.0 rouge-score safetensors numpy
    scripts/make-text-goldens.py

Each model is a small random one: its config.json, its weights, a batch, and loss, logits and gradients
in f64 (f32 follows from them).
"""

import json
import pathlib
import random

import torch
from safetensors.torch import save_file
from transformers import (
    BertConfig, BertForMaskedLM, BertForSequenceClassification, DistilBertConfig,
    DistilBertForMaskedLM, DistilBertForSequenceClassification, GPT2Config,
    GPT2ForSequenceClassification, GPT2LMHeadModel)

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/text"


def bert(**options):
    return BertConfig(
        vocab_size=17, hidden_size=12, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=20, max_position_embeddings=8, attn_implementation="eager",
        hidden_dropout_prob=0, attention_probs_dropout_prob=0, **options)


def gpt2(**options):
    return GPT2Config(
        vocab_size=17, n_embd=12, n_layer=2, n_head=3, n_positions=8, attn_implementation="eager",
        resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, bos_token_id=0, eos_token_id=0,
        pad_token_id=0, **options)


def distilbert(**options):
    return DistilBertConfig(
        vocab_size=17, dim=12, n_layers=2, n_heads=3, hidden_dim=20, max_position_embeddings=8,
        attn_implementation="eager", dropout=0, attention_dropout=0, seq_classif_dropout=0, **options)


MODELS = {
    "bert-classification": (BertForSequenceClassification, bert(num_labels=3), "classes"),
    "bert-masked": (BertForMaskedLM, bert(hidden_act="gelu_new", layer_norm_eps=1e-6), "masked"),
    "bert-relu": (BertForSequenceClassification, bert(hidden_act="relu", type_vocab_size=1),
                  "classes"),
    "gpt2-language": (GPT2LMHeadModel, gpt2(), "next"),
    "gpt2-untied": (GPT2LMHeadModel, gpt2(
        tie_word_embeddings=False, activation_function="silu", n_inner=18), "next"),
    "gpt2-classification": (
        GPT2ForSequenceClassification, gpt2(num_labels=2, activation_function="gelu"), "classes"),
    "distilbert-classification": (
        DistilBertForSequenceClassification, distilbert(num_labels=3), "classes"),
    "distilbert-masked": (DistilBertForMaskedLM, distilbert(activation="relu"), "masked"),
    "bert-pair": (BertForSequenceClassification, bert(num_labels=3), "pair"),
    "bert-regression": (BertForSequenceClassification, bert(num_labels=1), "numbers"),
    "gpt2-multi-label": (GPT2ForSequenceClassification, gpt2(
        num_labels=3, problem_type="multi_label_classification"), "numbers"),
    "gpt2-prompt": (GPT2LMHeadModel, gpt2(), "prompt"),
}


def golden(name, kind, config, labels_kind, seed):
    torch.manual_seed(seed)
    model = kind(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
            # Written as f32, so that both programs start from the same numbers.
            parameter.copy_(parameter.float().double())
    lengths = [6, 4]
    tokens = torch.zeros(2, 6, dtype=torch.long)
    mask = torch.zeros(2, 6, dtype=torch.long)
    for row, length in enumerate(lengths):
        tokens[row, :length] = torch.randint(1, 17, (length,))
        mask[row, :length] = 1
    options = {}
    if labels_kind == "pair":
        # Padding that is attended to after the first text, and that is not before the second.
        tokens[0, 5], tokens[1, :2] = 0, 0
        tokens[1, 2:] = torch.randint(1, 17, (4,))
        mask[0, :], mask[1] = 1, torch.tensor([0, 0, 1, 1, 1, 1])
        options["token_type_ids"] = torch.tensor([[0, 0, 0, 1, 1, 0], [0, 0, 0, 1, 1, 1]])
    if labels_kind in ("classes", "pair"):
        labels = torch.tensor([1, 0])
    elif labels_kind == "numbers":
        labels = torch.tensor([[0.25], [-1.5]] if config.num_labels == 1 else [[1, 0, 1], [0, 0, 0.5]])
        labels = labels.double()
    elif labels_kind == "prompt":
        labels = tokens.masked_fill(mask == 0, -100)
        labels[0, :3] = -100
    elif labels_kind == "next":
        labels = tokens.masked_fill(mask == 0, -100)
    else:
        labels = torch.full_like(tokens, -100)
        labels[0, 2], labels[0, 4], labels[1, 1] = 5, 9, 3
    result = model(input_ids=tokens, attention_mask=mask, labels=labels, **options)
    loss = result.loss
    if labels_kind in ("next", "prompt"):
        # The library's own loss rounds the logits to f32.
        loss = torch.nn.functional.cross_entropy(
            result.logits[:, :-1].reshape(-1, 17), labels[:, 1:].reshape(-1), ignore_index=-100)
    loss.backward()
    tensors = {"tokens": tokens.int(), "mask": mask.int(), "labels": labels.int() if labels_kind != "numbers" else labels,
               "loss": loss.detach().reshape(1), "logits": result.logits.detach()}
    for key, value in options.items():
        tensors[key] = value.int()
    for key, parameter in model.named_parameters():
        tensors["parameter:" + key] = parameter.detach().float()
        tensors["gradient:" + key] = parameter.grad
    folder = FIXTURES / name
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in tensors.items()},
              folder / "golden.safetensors")
    config.architectures = [kind.__name__]
    keys = [
        "model_type", "architectures", "vocab_size", "hidden_size", "num_hidden_layers",
        "num_attention_heads", "intermediate_size", "max_position_embeddings", "type_vocab_size",
        "hidden_act", "layer_norm_eps", "n_embd", "n_layer", "n_head", "n_positions", "n_inner",
        "activation_function", "layer_norm_epsilon", "tie_word_embeddings", "id2label",
        "initializer_range", "problem_type", "dim", "n_layers", "n_heads", "hidden_dim", "activation"]
    settings = config.to_dict()
    (folder / "config.json").write_text(json.dumps(
        {key: settings[key] for key in keys if key in settings}, indent=1, sort_keys=True) + "\n")


def rouge():
    from rouge_score import rouge_scorer
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    source = random.Random(0)
    words = "the cat sat on a mat , and it's late: 42 dogs Bark! é naïve e\u0301 x_y".split(" ")
    cases = []
    for _ in range(60):
        left, right = (" ".join(source.choices(words, k=source.randint(0, 9))) for _ in range(2))
        scores = scorer.score(right, left)
        cases.append({"reconstruction": left, "original": right, **{
            name: scores[name].fmeasure for name in ("rouge1", "rouge2", "rougeL")}})
    (FIXTURES / "rouge.json").write_text(json.dumps(cases, indent=0) + "\n")


if __name__ == "__main__":
    for seed, (name, (kind, config, labels)) in enumerate(MODELS.items()):
        golden(name, kind, config, labels, seed)
    rouge()
