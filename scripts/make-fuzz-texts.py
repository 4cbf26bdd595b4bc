#!/usr/bin/env python3
"""Writes the corpus of text formats for `make fuzz`, and inputs that readers must refuse.

    python scripts/make-fuzz-texts.py        needs nothing

Seeds go to Tests/Fixtures/fuzz (*.plan.json, *.sweep.yaml, */vocab.txt), inputs to be refused to
Tests/Fixtures/fuzz/findings, named after their reader.
"""
import json
import pathlib
import shutil
import struct
import zlib

HERE = pathlib.Path(__file__).resolve().parent.parent
FUZZ = HERE / "Tests" / "Fixtures" / "fuzz"
FINDINGS = FUZZ / "findings"


def seeds():
    for preset in sorted((HERE / "Sources/Leakage/Plans/Presets").glob("*.json")):
        shutil.copyfile(preset, FUZZ / f"{preset.stem}.plan.json")
    sweeps = {
        "one": "model: lenet\ndefences: [none, fp16, 'prune:0.7']\nattacks: [auto]\nseeds: 2\n",
        "ranges": "model: mlp\nactivation: relu\nclasses: 10\ndefences:\n  - none\n  - gaussian:0.01\n"
                  "attacks:\n  - dlg\n  - lm\nbatch-sizes: [1, 2, 4]\nsizes: [16, 32]\nfirst-seed: 3\npictures: 2\n",
        "groups": "images: pictures\ntrials: 2\niterations: 50\ngroups:\n  - model: lenet\n    defences: [none]\n"
                  "  - model: convnet\n    seeds: 3\n",
        "anchors": "common: &c [none, fp16]\n",
        "flow": "{model: lenet, defences: [none, int8], seeds: 1}\n",
    }
    del sweeps["anchors"]
    sweeps["aliases"] = "defences: &d [none, fp16]\ngroups:\n  - defences: *d\n  - {defences: *d, seeds: 2}\n"
    for name, text in sweeps.items():
        (FUZZ / f"{name}.sweep.yaml").write_text(text)
    words = {
        "words": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "##s", "a", "##b", "!"],
        "letters": ["[UNK]"] + [chr(c) for c in range(97, 123)] + ["##" + chr(c) for c in range(97, 123)],
        "scripts": ["[PAD]", "[UNK]", "北", "京", "é", "##é", "ß", "\U0001F600", "नम"],
    }
    for name, tokens in words.items():
        (FUZZ / name).mkdir(exist_ok=True)
        (FUZZ / name / "vocab.txt").write_text("\n".join(tokens) + "\n")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def findings():
    FINDINGS.mkdir(exist_ok=True)
    deep = 10_000
    header = json.dumps({"a": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 8]}}).encode()
    huge = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 16, 6, 0, 0, 0))
    config = json.loads((HERE / "Tests/Fixtures/text/bert-masked/config.json").read_text())
    inputs = {
        "safetensors-length.bin": struct.pack("<Q", 2**63) + b"{}",
        "safetensors-shape.bin": struct.pack("<Q", len(header)) + header + bytes(8),
        "safetensors-nested.bin": struct.pack("<Q", deep) + b"[" * deep,
        # Messages within messages, and a length beyond the end.
        "onnx-length.bin": b"\x08\x0a\x3a\xff\xff\xff\xff\x0f\x0a\x02",
        "onnx-groups.bin": b"\x3b" * deep,
        "images-extents.bin": huge + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""),
        "images-jpeg.bin": b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03" + bytes(9) + b"\xff\xd9",
        "tokenizer-nested.bin": b'{"model":' + b"[" * deep,
        "tokenizer-sequence.bin": b'{"normalizer":' + b'{"type":"Sequence","normalizers":[' * 2000
        + b"null" + b"]}" * 2000 + b',"model":{"type":"BPE","vocab":{},"merges":[]}}',
        "tokenizer-ids.bin": b'{"model":{"type":"WordPiece","unk_token":"a","vocab":{"a":9223372036854775807}}}',
        "vocabulary-nothing.bin": b"\n" * deep,
        "vocabulary-bytes.bin": b"[UNK]\n\xff\xfe\n",
        "configuration-nested.bin": b"[" * deep,
        "configuration-sizes.bin": json.dumps(
            {**config, "vocab_size": 2**62, "hidden_size": 2**62, "num_attention_heads": -1}).encode(),
        "plan-nested.bin": b'{"prior":' * 3000,
        "plan-numbers.bin": b'{"prior":{"totalVariation":1e999},"iterations":-9223372036854775808}',
        "sweep-nested.bin": b"[" * 20_000,
        # A list as a key, which the YAML reader trapped on.
        "sweep-keys.bin": b"model: mlp\n?   - gaussian:0.01\n",
        # An alias of aliases as a key, behind what looks like a comment.
        "sweep-bomb.bin": ("a0: &a0 [x, y]\n" + "".join(
            f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 31)) + "b: {'x #': 1, *a30 : 2}\n").encode(),
        # A long name, which took a time that grew with its square.
        "sweep-name.bin": b"defences: [" + b"1e308" * 10_000 + b"]\n",
        "sweep-signs.bin": b"defences: [prune:" + b"1e+" * 10_000 + b"]\n",
        "npy-shape.bin": b"\x93NUMPY\x01\x00\x76\x00" + (
            b"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296), }").ljust(117) + b"\n",
        "npy-length.bin": b"\x93NUMPY\x03\x00\xff\xff\xff\xff{'descr': '<f4'",
        "npy-objects.bin": b"\x93NUMPY\x01\x00\x76\x00" + (
            b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }").ljust(117) + b"\ncos\nsystem\n",
        "npy-nested.bin": b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65_535,
        "sweep-seeds.bin": b"seeds: 99999999999999999999\n",
    }
    for name, data in inputs.items():
        (FINDINGS / name).write_bytes(data)


if __name__ == "__main__":
    seeds()
    findings()
