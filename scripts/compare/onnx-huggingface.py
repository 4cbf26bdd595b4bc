"""Compares gradleak with PyTorch on Hugging Face's transformers: small ones with random weights.

What is measured: see onnx_comparison.py. Token numbers are the pixels of a one-line picture, which
the exported model turns into integers. Needs torch, transformers, onnx, onnxscript and safetensors,
and a built gradleak.

  python scripts/compare/onnx-huggingface.py --exporters torchscript dynamo
"""

import argparse
import contextlib

import onnx_comparison
import torch
import transformers

TOKENS, VOCABULARY = 12, 60
# Of 16 features each: the exporter computes 1 / √16 in f32, whatever the model's precision.
HEADS = 2
softmax = torch.nn.functional.softmax


@contextlib.contextmanager
def softmax_of_any_precision():
    """Hugging Face's eager attention computes its softmax in f32, in f64 models too."""
    torch.nn.functional.softmax = lambda x, dim, dtype=None: softmax(x, dim)
    try:
        yield
    finally:
        torch.nn.functional.softmax = softmax


class OfTokens(torch.nn.Module):
    """Token numbers [N, 1, 1, T] as floating-point numbers in, the logits of one position out."""

    def __init__(self, model, pick):
        super().__init__()
        self.model, self.pick = model, pick

    def forward(self, x):
        tokens = x.flatten(1).long()
        return self.pick(self.model(tokens, attention_mask=torch.ones_like(tokens)).logits)


class OfPictures(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x).logits


def models(attention):
    small = {
        "vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "num_labels": 10,
        "num_attention_heads": HEADS, "intermediate_size": 64, "max_position_embeddings": 40,
        "attn_implementation": attention}
    t = transformers
    whole, last = (lambda z: z), (lambda z: z[:, -1])
    yield "bert", lambda: OfTokens(
        t.BertForSequenceClassification(t.BertConfig(**small)), whole)
    yield "distilbert", lambda: OfTokens(
        t.DistilBertForSequenceClassification(t.DistilBertConfig(
            vocab_size=VOCABULARY, dim=32, n_layers=2, n_heads=HEADS, hidden_dim=64, num_labels=10,
            max_position_embeddings=40, attn_implementation=attention)), whole)
    yield "roberta", lambda: OfTokens(
        t.RobertaForSequenceClassification(t.RobertaConfig(**small)), whole)
    yield "gpt2", lambda: OfTokens(
        t.GPT2LMHeadModel(t.GPT2Config(
            vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=HEADS, n_positions=40,
            use_cache=False, attn_implementation=attention)), last)
    yield "vit", lambda: OfPictures(
        t.ViTForImageClassification(t.ViTConfig(
            image_size=32, patch_size=8, hidden_size=32, num_hidden_layers=2, num_labels=10,
            num_attention_heads=HEADS, intermediate_size=64, attn_implementation=attention)))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    onnx_comparison.add_arguments(parser)
    arguments = parser.parse_args()
    cases = []
    for attention in ["sdpa", "eager"]:
        for name, make in models(attention):
            if not arguments.only or name in arguments.only:
                cases.append(case(f"{name} ({attention})", make, name == "vit"))
    onnx_comparison.run(cases, arguments)


def case(name, make, is_of_pictures):
    def perturbed():
        model = make().eval()
        onnx_comparison.perturb(model)
        return model

    def draw():
        if is_of_pictures:
            return torch.randn(1, 3, 32, 32)
        # Padding tokens, 0 and 1, change what the models attend to.
        return torch.randint(2, VOCABULARY, (1, 1, 1, TOKENS)).float()

    count = sum(p.numel() for p in perturbed().parameters())
    return onnx_comparison.Case(
        name, count, perturbed, draw, exports_double=True, in_double=softmax_of_any_precision,
        # GPT-2's GELU has √(2 / π).
        dynamo_limit=1e-7 if name.startswith("gpt2") else 1e-9)


if __name__ == "__main__":
    main()
