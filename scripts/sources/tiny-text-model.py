#!/usr/bin/env python3
"""Trains the small encoder that `gradleak demo text` carries.

    pip install torch transformers tokenizers safetensors
    scripts/sources/tiny-text-model.py             # about a minute
    scripts/sources/tiny-text-model.py --folder F  # elsewhere, for `gradleak text --model F`

A BERT of 3 layers and 48 features is trained to fill in masked words of the sentences in
scripts/sources/tiny-text-corpus.txt; the sentences after `---` are held out. The weights are kept in half
precision. The files are committed in Sources/CBundledFiles/tiny-text-model.
"""

import argparse
import pathlib

import torch
from safetensors.torch import save_file
from tokenizers import (Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)
from transformers import BertConfig, BertForMaskedLM

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / "scripts/sources/tiny-text-corpus.txt"
TARGET = ROOT / "Sources/CBundledFiles/tiny-text-model"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LENGTH = 32


def corpus():
    """The sentences to train on, and those held out."""
    lines = [line for line in CORPUS.read_text().splitlines() if not line.startswith("#")]
    middle = lines.index("---")
    return lines[:middle], lines[middle + 1:]


def wordpiece(sentences):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    # Every letter, digit and common sign is there, so that other texts can be written too.
    alphabet = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    tokenizer.train_from_iterator(sentences, trainers.WordPieceTrainer(
        vocab_size=640, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[
            (name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")])
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def batch(tokenizer, sentences, generator):
    """Padded tokens of which 15 % are masked, and the tokens that were there (-100: not asked)."""
    rows = [tokenizer.encode(sentence).ids for sentence in sentences]
    assert max(map(len, rows)) <= LENGTH
    length = max(map(len, rows))
    pad, mask = tokenizer.token_to_id("[PAD]"), tokenizer.token_to_id("[MASK]")
    tokens = torch.tensor([row + [pad] * (length - len(row)) for row in rows])
    text = tokens >= len(SPECIAL)
    chosen = text & (torch.rand(tokens.shape, generator=generator) < 0.15)
    return tokens.masked_fill(chosen, mask), tokens != pad, tokens.masked_fill(~chosen, -100)


def train(model, tokenizer, sentences, held_out, steps):
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)

    def run(lines):
        tokens, mask, labels = batch(tokenizer, lines, generator)
        output = model(input_ids=tokens, attention_mask=mask, labels=labels)
        asked = labels != -100
        right = (output.logits.argmax(-1)[asked] == labels[asked]).float().mean()
        return output.loss, right

    for step in range(steps):
        model.train()
        order = torch.randint(len(sentences), (32,), generator=generator)
        loss, right = run([sentences[index] for index in order])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 250 == 0:
            model.eval()
            with torch.no_grad():
                held = [run(held_out) for _ in range(20)]
            print(f"{step + 1}: loss {loss.item():.2f}, masked words right {right.item():.0%}; "
                  f"held out {sum(h[0].item() for h in held) / 20:.2f}, "
                  f"{sum(h[1].item() for h in held) / 20:.0%}", flush=True)


def save(model, tokenizer, folder):
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().to(torch.float16).contiguous()
               for name, value in model.named_parameters()}
    save_file(tensors, folder / "model.safetensors")
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    model.config.architectures = ["BertForSequenceClassification"]
    model.config.to_json_file(folder / "config.json", use_diff=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=pathlib.Path, default=TARGET)
    parser.add_argument("--steps", type=int, default=1000)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)  # The matrices are too small for more.
    sentences, held_out = corpus()
    tokenizer = wordpiece(sentences)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=48, num_hidden_layers=3,
        num_attention_heads=2, intermediate_size=96, max_position_embeddings=LENGTH,
        type_vocab_size=2, num_labels=2)
    model = BertForMaskedLM(config)
    print(f"{len(sentences)} sentences, {config.vocab_size} tokens, "
          f"{sum(p.numel() for p in model.parameters())} parameters")
    train(model, tokenizer, sentences, held_out, arguments.steps)
    save(model, tokenizer, arguments.folder)
    (arguments.folder / "private-texts.txt").write_text("\n".join(held_out) + "\n")


if __name__ == "__main__":
    main()
