#!/usr/bin/env python3
"""Masked-language-model gradients from PyTorch, with the masking of Hugging Face's data collator, and what
gradleak reads off them.

    python scripts/compare/masked-texts.py FOLDER [--gradleak PATH] [--count 40] [--batch-size 1]
        [--probability 0.15]
        needs: torch transformers safetensors; FOLDER holds a BERT-type model and its tokenizer

The texts are pairs of sentences of scripts/sources/tiny-text-corpus.txt. Of the tokens that the loss asks for, 80 %
are masked, 10 % replaced by random ones, and 10 % left as they are. A batch in which a text has no such
token is drawn again, since that text leaves no trace. An untrained last layer is drawn with seed 0.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

import torch
import transformers
from safetensors.torch import save_file

CORPUS = pathlib.Path(__file__).resolve().parents[1] / "sources/tiny-text-corpus.txt"


def pairs():
    lines = [line.strip() for line in CORPUS.read_text().splitlines()]
    lines = [line for line in lines if line and not line.startswith(("#", "---"))]
    return [f"{first}, and {second}" for first, second in zip(lines[::2], lines[1::2])]


def masked(collator, tokenizer, texts, seed):
    """A batch as the collator masks it, and how many tokens are masked, replaced and kept."""
    for attempt in range(1000):
        torch.manual_seed(1000 * seed + attempt)
        batch = collator([tokenizer(text) for text in texts])
        asked = batch["labels"] >= 0
        if asked.any(dim=1).all():
            is_mask = batch["input_ids"] == tokenizer.mask_token_id
            is_kept = batch["input_ids"] == batch["labels"]
            return batch, [
                int((asked & kind).sum()) for kind in (is_mask, ~is_mask & ~is_kept, is_kept)]
    raise SystemExit("every attempt left a text without a token to guess; raise --probability")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--gradleak", default=".build/release/gradleak")
    parser.add_argument("--count", type=int, default=40, help="batches")
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--probability", type=float, default=0.15)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    torch.manual_seed(0)
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.folder)
    model = transformers.AutoModelForMaskedLM.from_pretrained(options.folder).eval()
    collator = transformers.DataCollatorForLanguageModeling(
        tokenizer, mlm=True, mlm_probability=options.probability)
    texts, kinds, exact, certain = pairs(), [0, 0, 0], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model.save_pretrained(folder / "model")
        tokenizer.save_pretrained(folder / "model")
        for number in range(options.count):
            start = number * options.batch_size
            private = [texts[(start + i) % len(texts)] for i in range(options.batch_size)]
            batch, counts = masked(collator, tokenizer, private, number)
            kinds = [a + b for a, b in zip(kinds, counts)]
            model.zero_grad()
            model(**batch).loss.backward()
            save_file(
                {name: p.grad.contiguous().clone() for name, p in model.named_parameters()
                 if p.grad is not None}, folder / "update.safetensors")
            run = subprocess.run(
                [options.gradleak, "text", "--model", folder / "model", "--head", "mlm", "--update",
                 folder / "update.safetensors", "--batch-size", str(options.batch_size), "--json",
                 "--quiet"], capture_output=True, text=True, check=True)
            record = json.loads(run.stdout)
            record = record[0] if isinstance(record, list) else record
            found = [text["recovered"] for text in record["texts"]]
            exact += sum(text in found for text in private)
            certain += record["isCertain"]
    print(
        f"{exact} of {options.count * options.batch_size} texts exact, {certain} of {options.count} "
        f"batches certain; of the tokens to guess {kinds[0]} were masked, {kinds[1]} replaced, "
        f"{kinds[2]} kept")


main()
