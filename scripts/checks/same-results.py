#!/usr/bin/env python3
"""Whether a change keeps every result: some 200 experiments over all commands, recorded and compared.

    scripts/checks/same-results.py record FOLDER [--gradleak PATH] [--only TEXT] [--jobs 2]
    scripts/checks/same-results.py compare BEFORE AFTER [--ignore KEY ...]
    scripts/checks/same-results.py list

Record with the build from before a change and with the one after it, then compare. Every experiment runs in
a folder of its own; kept are its output, status and files. Compared are pictures, arrays and tables byte for
byte, records member by member (--ignore leaves out members of that name, such as a new format's "version"),
and what was printed, but for elapsed times. Only on one machine: other processors round otherwise.

Needs Python alone. Takes some minutes.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "Tests/Fixtures"
TIMEOUT = 300
# Wall-clock times, and what is reckoned from them.
VOLATILE_FILES = {"timing.json"}
VOLATILE_MEMBERS = {
    "compileSeconds", "attackSeconds", "evaluationsPerSecond", "seconds", "elapsedSeconds", "elapsed", "start", "end",
}
TIMES = re.compile(r"\d[\d.,:]*(?: ?(?:s|ms|min|h|/s|hours?|minutes?|seconds?)\b)|in \d+:\d\d|\b\d+:\d\d\b")

ATTACKS = ["auto", "lm", "dlg", "idlg"]
PRESETS = [
    "inverting-gradients", "cpl", "see-through-gradients", "tag", "modern", "multi-scale", "data-leakage-in-fedavg",
]
DEFENCES = [
    "gaussian:1e-4", "laplacian:1e-4", "prune:0.5", "top-k:0.2", "random-k:0.2", "dgc:0.3,0.9", "fp16", "bf16",
    "fp8-e4m3", "fp8-e5m2", "int8", "int8-stochastic", "qsgd:64", "terngrad", "signsgd", "clip:0.5",
    "nvflare-percentile", "nvflare-svt", "flower-fixed-clipping:0.5", "flower-local-dp:1,1e-4,10,1e-5",
]
SMALL = "--iterations 12 --trials 1 --snapshots 3"


def experiments():
    """Lines of arguments; each makes its results in `out` or on standard output."""
    lines = []

    def add(text):
        lines.append(text)

    def reconstruct(text):
        add(f"reconstruct {text} --out out")

    # Attacks, on what they are for.
    for attack in ATTACKS + PRESETS:
        reconstruct(f"astronaut --attack {attack} --size 16 {SMALL}")
        reconstruct(f"coffee chelsea --batch-size 2 --attack {attack} --size 16 --seed 3 {SMALL}")
    for precision in ["f32", "f64"]:
        for attack in ["lm", "dlg", "modern"]:
            reconstruct(f"rocket --attack {attack} --size 16 --precision {precision} {SMALL}")
    reconstruct("hubble --model mlp --attack linear")
    reconstruct("hubble coffee --model mlp --attack linear --labels 3,7")
    reconstruct("retina --model convnet --attack peeling --size 16")
    reconstruct("retina --model lenet --activation tanh --attack peeling --size 16")
    reconstruct("retina --model vit --attack april --size 16")
    reconstruct("chelsea coffee rocket --model mlp --activation relu --attack spear --batch-size 3 --size 8 --width 200")
    reconstruct("chelsea --model cnn6 --attack r-gap --size 16")
    reconstruct("astronaut coffee")
    reconstruct("astronaut coffee --batch-size 2 --width 24 --size 16")
    # Models.
    for model in ["lenet", "mlp", "convnet", "cnn6", "resnet20", "vgg11", "vit"]:
        reconstruct(f"coffee --model {model} --attack modern {SMALL} --time-limit 250")
    reconstruct(f"coffee --model resnet20 --mode training --attack modern --batch-size 1 {SMALL}")
    for activation in ["relu", "tanh", "gelu", "silu", "sigmoid"]:
        reconstruct(f"coffee --activation {activation} --size 16 {SMALL}")
    reconstruct(f"coffee --classes 7 --width 6 --size 20 {SMALL}")
    reconstruct(f"coffee --mean 0.5,0.5,0.5 --std 0.25,0.25,0.25 --size 16 {SMALL}")
    # Losses.
    for loss in [
        "--loss mse", "--loss bce", "--reduction sum", "--label-smoothing 0.1", "--loss-scale 0.5",
        "--loss bce --classes 1", "--loss mse --classes 1 --labels 0.5", "--loss bce --labels 0+3",
    ]:
        reconstruct(f"rocket --size 16 {loss} {SMALL}")
    # Clients.
    for client in [
        "--epochs 2 --learning-rate 0.1", "--mini-batch 1 --learning-rate 0.1",
        "--epochs 2 --mini-batch 1 --learning-rate 0.1 --momentum 0.5 --weight-decay 0.01",
        "--local-steps 4 --mini-batch 1 --learning-rate 0.05",
        "--epochs 2 --mini-batch 1 --learning-rate 0.1 --shuffle-epochs",
    ]:
        reconstruct(f"coffee rocket --batch-size 2 --size 16 {client} {SMALL}")
    reconstruct(f"coffee rocket --clients 2 --size 16 {SMALL}")
    reconstruct(f"coffee rocket --clients 2 --size 16 --epochs 2 --learning-rate 0.1 {SMALL}")
    # Attackers.
    for facts in ["labels", "loss-function", "local-training", "labels,similar-image", "batch-norm-statistics"]:
        reconstruct(f"rocket --size 16 --unknown {facts} {SMALL}")
    reconstruct(f"rocket --size 16 --attacker neighbour {SMALL}")
    reconstruct(f"rocket --size 16 --attack modern --set labels=known --labels 4 {SMALL}")
    reconstruct(f"rocket --size 16 --attack modern --set initialization.kind=given --start coffee.png {SMALL}")
    # Defences.
    for defence in DEFENCES:
        reconstruct(f"astronaut --size 16 --defence {defence} {SMALL}")
        reconstruct(f"astronaut --size 16 --defence {defence} --attack modern {SMALL}")
    for defence in [
        "dp-sgd:1,1", "freeze:2", "soteria:0.3", "lora:4", "mixup:2", "instahide:2", "transform:19-1-18",
        "secure-aggregation:2", "precode:8", "clip:1+gaussian:1e-4", "prune:0.3+fp16",
    ]:
        reconstruct(f"astronaut --size 16 --defence {defence} {SMALL}")
    reconstruct(f"astronaut --size 16 --defence prune:0.5 --naive-attack {SMALL}")
    # A client's files.
    gradient = "gradient --input coffee.png --label 3 --size 16 --precision f64 --out g.safetensors --save-weights w.safetensors"
    for rest in ["", "--truth coffee.png", "--truth coffee.png --labels 3", "--labels 3", "--labels 4 --truth coffee.png",
                 "--truth rocket.png --labels 3", "--loss mse", "--batch-size 2"]:
        add(f"{gradient} && reconstruct --weights w.safetensors --update g.safetensors --size 16 --out out {SMALL} {rest}")
    add(f"{gradient} && audit --weights w.safetensors --update g.safetensors --size 16 --out out {SMALL}")
    add(f"{gradient} && audit --weights w.safetensors --update g.safetensors --truth coffee.png --size 16 --out out")
    add(f"{gradient} && audit --weights w.safetensors --update g.safetensors --batch-size 16 --size 16 --iterations 5 --trials 1")
    add(f"{gradient} && inspect g.safetensors --json")
    add(f"{gradient} && check-model w.safetensors --json")
    add(f"{gradient} --save-logits l.safetensors --json")
    onnx = f"{FIXTURES}/onnx/models"
    user = f"{FIXTURES}/user-models"
    for model in ["cnn", "functions", "equal"]:
        add(f"inspect {onnx}/{model}.onnx")
        add(f"inspect {onnx}/{model}.onnx --json")
    for model in sorted(p.name for p in pathlib.Path(user).glob("*.onnx")):
        add(f"inspect {user}/{model}")
        add(f"reconstruct coffee --model {user}/{model} --out out {SMALL} --attack modern")
    local = f"{FIXTURES}/local-update"
    add(f"reconstruct --weights {local}/weights.safetensors --update {local}/difference.safetensors --update-kind difference "
        f"--batch-size 2 --epochs 2 --mini-batch 1 --learning-rate 0.1 --truth {local}/a.png {local}/b.png --size 16 --width 6 --out out {SMALL}")
    # Judging.
    add("audit coffee --size 8 --iterations 20 --trials 1 --budget 250 --out out")
    add("audit coffee chelsea --size 8 --iterations 20 --trials 1 --budget 250 --batch-size 2 --json --fail-above B")
    add("audit coffee --model mlp --attack linear --size 8 --budget 250")
    for plan, rest in [
        ("attacks: [auto, modern]\ndefences: [none, 'prune:0.5']\niterations: 10\ntrials: 1\nsize: 8\nimages: 2\n", ""),
        ("groups:\n  - {defences: [none, 'gaussian:1e-3', 'gaussian:1e-1'], size: 8, seeds: 2, iterations: 10}\n", ""),
        ("attacks: [lm]\nmodel: mlp\nsize: 8\nbatch_sizes: [1, 2]\nseeds: 2\niterations: 5\n", ""),
    ]:
        add(f"write plan.yaml {shlex.quote(plan)} && sweep plan.yaml --csv out.csv --threads 1 && report sweep.sqlite --out page.html")
        add(f"write plan.yaml {shlex.quote(plan)} && sweep plan.yaml --json --threads 1")
    add("sweep --defence none --defence fp16 --attack modern --size 8 --iterations 6 --trials 1 --seeds 2 --threads 1 --csv out.csv")
    add("sweep --preset dlg-paper --dry-run")
    add(f"reconstruct coffee rocket --size 16 --out out {SMALL} && report out --out page.html")
    add(f"reconstruct coffee --size 16 --defence prune:0.5 --out a {SMALL} && reconstruct coffee --size 16 --out b {SMALL} "
        "&& report a b --out page.html")
    add("analyse coffee --size 12 --out out")
    add("analyse coffee chelsea --size 12 --json")
    for model in ["lenet", "mlp", "convnet", "resnet20", "vit"]:
        add(f"rank --model {model} --json")
    add("rank")
    for method in ["robbing-the-fed", "trap-weights", "fishing", "loki"]:
        add(f"malicious --method {method} --images 8 --bins 32 --model mlp --size 16 --out out")
    for name in ["honest", "planted"]:
        add(f"check-model {FIXTURES}/planted/{name}.onnx --json")
    add("bench success --batch-size 1 --runs 1 --trials 1 --iterations 30 --size 16 --json")
    add("bench labels --json --runs 2")
    add("bench encodings --json")
    add("bench planted --seeds 1")
    add("price --rounds 10 --crops 5 --defence fp16 --defence gaussian:1e-3 --json")
    for name in ["attacks", "attacks modern", "attacks dlg --json", "attacks --json", "models", "models --json", "defences",
                 "defences --json", "onnx-operators", "--help", "help reconstruct", "help text", "help audit", "help sweep"]:
        add(name)
    # Texts.
    add("demo text --out out")
    add("demo text --head mlm --json")
    for model in ["gpt2", "bert"]:
        text = f"text --model {model} --out out --seed 2"
        add(f"{text} --text 'the lazy dog'")
        add(f"{text} --text 'the lazy dog' --text 'a quick fox' --batch-size 2 --precision f64")
        add(f"{text} --text 'the lazy dog' --text 'a quick fox' --json")
        add(f"{text} --text 'the lazy dog' --epochs 2 --learning-rate 1e-2 --precision f64")
        add(f"{text} --text 'the lazy dog' --defence gaussian:1e-10")
        add(f"{text} --text 'the lazy dog' --defence prune:0.5")
        add(f"{text} --text 'the lazy dog' --freeze-embeddings --head classification")
        add(f"text --model {model} --text 'the lazy dog' --save-update u.safetensors --head classification "
            f"&& text --model {model} --update u.safetensors --head classification --json")
        add(f"text --model {model} --text 'the lazy dog' --lora 8 --save-adapter peft --save-update u.safetensors --precision f64 "
            f"&& text --model {model} --update u.safetensors --adapter peft --precision f64 --json")
        for attack in ["dlg", "tag", "lamp"]:
            add(f"{text} --text 'the lazy dog' --attack {attack} --iterations 15")
    add("text --model gpt2 --text 'the lazy dog' --attack dager --json")
    # Mistakes.
    for wrong in ["reconstruct", "reconstruct none.png", "reconstruct coffee --attack modren", "reconstruct coffee --defence prun:0.1",
                  "reconstruct coffee --model lenett", "sweep none.yaml", "text --model none", "report none",
                  "reconstruct coffee --set prior.x=1", "reconstruct coffee --labels 99", "inspect coffee.png",
                  "reconstruct coffee --unknown everything", "reconstruct coffee --attack spear", "reconstruct coffee --clients 2"]:
        add(wrong)
    return lines


# MARK: Recording


def safetensors(path, tensors):
    """Writes f32 tensors: name to (shape, numbers)."""
    header, data, start = {}, b"", 0
    for name, (shape, numbers) in tensors.items():
        part = struct.pack(f"<{len(numbers)}f", *numbers)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, start + len(part)]}
        data, start = data + part, start + len(part)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def text_model(folder, kind):
    """A small untrained language model with a real tokenizer."""
    width, layers, inner = 32, 2, 128
    noise = random.Random(7)
    tensors = {}

    def normal(name, *shape):
        count = 1
        for extent in shape:
            count *= extent
        tensors[name] = (list(shape), [noise.gauss(0, 0.2) for _ in range(count)])

    def constant(name, value, *shape):
        tensors[name] = (list(shape), [value] * shape[0])

    folder.mkdir()
    if kind == "gpt2":
        tokenizer, vocabulary = "byte-level", 700
        config = dict(model_type="gpt2", vocab_size=vocabulary, n_embd=width, n_layer=layers, n_head=2, n_positions=24,
                      architectures=["GPT2LMHeadModel"], initializer_range=0.2)
        normal("wte.weight", vocabulary, width)
        normal("wpe.weight", 24, width)
        for i in range(layers):
            for norm in ["ln_1", "ln_2"]:
                constant(f"h.{i}.{norm}.weight", 1.0, width)
                constant(f"h.{i}.{norm}.bias", 0.0, width)
            for part, inputs, outputs in [("attn.c_attn", width, 3 * width), ("attn.c_proj", width, width),
                                          ("mlp.c_fc", width, inner), ("mlp.c_proj", inner, width)]:
                normal(f"h.{i}.{part}.weight", inputs, outputs)
                constant(f"h.{i}.{part}.bias", 0.0, outputs)
        constant("ln_f.weight", 1.0, width)
        constant("ln_f.bias", 0.0, width)
    else:
        tokenizer = "word-piece"
        path = FIXTURES / "tokenizers" / tokenizer / "tokenizer.json"
        vocabulary = max(json.loads(path.read_text())["model"]["vocab"].values()) + 1
        config = dict(model_type="bert", vocab_size=vocabulary, hidden_size=width, num_hidden_layers=layers,
                      num_attention_heads=2, intermediate_size=inner, max_position_embeddings=24, type_vocab_size=2,
                      hidden_act="gelu", architectures=["BertForSequenceClassification"], initializer_range=0.2)
        for name, rows in [("word", vocabulary), ("position", 24), ("token_type", 2)]:
            normal(f"embeddings.{name}_embeddings.weight", rows, width)
        norms = ["embeddings.LayerNorm"]
        for i in range(layers):
            base = f"encoder.layer.{i}"
            for part, inputs, outputs in [
                ("attention.self.query", width, width), ("attention.self.key", width, width),
                ("attention.self.value", width, width), ("attention.output.dense", width, width),
                ("intermediate.dense", width, inner), ("output.dense", inner, width)]:
                normal(f"{base}.{part}.weight", outputs, inputs)
                constant(f"{base}.{part}.bias", 0.0, outputs)
            norms += [f"{base}.attention.output.LayerNorm", f"{base}.output.LayerNorm"]
        for norm in norms:
            constant(f"{norm}.weight", 1.0, width)
            constant(f"{norm}.bias", 0.0, width)
        normal("pooler.dense.weight", width, width)
        constant("pooler.dense.bias", 0.0, width)
    (folder / "config.json").write_text(json.dumps(config))
    shutil.copy(FIXTURES / "tokenizers" / tokenizer / "tokenizer.json", folder / "tokenizer.json")
    safetensors(folder / "model.safetensors", tensors)


def record(options):
    out = pathlib.Path(options.folder).resolve()
    if out.exists():
        sys.exit(f"{out} is there already")
    gradleak = str(pathlib.Path(options.gradleak).resolve())
    materials = out / "materials"
    materials.mkdir(parents=True)
    for kind in ["gpt2", "bert"]:
        text_model(materials / kind, kind)
    run_program(gradleak, ["demo", "--iterations", "1", "--trials", "1", "--quiet", "--out", "demo"], materials)
    for name in ["coffee", "rocket"]:
        shutil.copy(next((materials / "demo").rglob(f"{name}*original.png"), FIXTURES / "images/rgb.png"),
                    materials / f"{name}.png")
    lines = [line for line in experiments() if options.only in line]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda pair: run_line(gradleak, out, materials, *pair), enumerate(lines)))
    (out / "statuses.json").write_text(json.dumps(results, indent=1))
    shutil.rmtree(materials)
    failed = sum(result["status"] not in (0, 1, 2, 3) for result in results)
    print(f"{len(results)} experiments recorded in {out}; {failed} crashed or hung")


def run_line(gradleak, out, materials, index, line):
    folder = out / f"{index:03}"
    folder.mkdir()
    for path in materials.iterdir():
        if path.name != "demo":
            os.symlink(path, folder / path.name)
    outputs, status = [], 0
    for command in line.split(" && "):
        words = shlex.split(command)
        if words[0] == "write":
            (folder / words[1]).write_text(words[2])
            continue
        if words[0] in {"reconstruct", "audit", "text", "bench", "price", "malicious", "demo", "gradient", "analyse"}:
            words += ["--threads", "1"]
        status, printed = run_program(gradleak, words, folder)
        outputs.append(printed)
        if status not in (0, 1, 3):
            break
    (folder / "printed.txt").write_text("\n".join(outputs))
    for path in folder.iterdir():
        if path.is_symlink():
            path.unlink()
    print(f"{index:03} {status} {line[:110]}", flush=True)
    return {"line": line, "status": status}


def run_program(gradleak, words, folder):
    try:
        done = subprocess.run([gradleak, *words], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT,
                              env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1",
                                   # The day that reports bear.
                                   "SOURCE_DATE_EPOCH": "1700000000"})
        return done.returncode, done.stdout + "\n--- errors\n" + done.stderr
    except subprocess.TimeoutExpired:
        return -1, "timed out"


# MARK: Comparing


def compare(options):
    before, after = pathlib.Path(options.before), pathlib.Path(options.after)
    lines = {r["line"]: (i, r["status"]) for i, r in enumerate(json.loads((before / "statuses.json").read_text()))}
    others = {r["line"]: (i, r["status"]) for i, r in enumerate(json.loads((after / "statuses.json").read_text()))}
    ignored = VOLATILE_MEMBERS | set(options.ignore)
    different = 0
    for line, (index, status) in lines.items():
        if line not in others:
            print(f"not recorded afterwards: {line}")
            different += 1
            continue
        other, other_status = others[line]
        notes = [] if status == other_status else [f"status {status} is now {other_status}"]
        notes += differences(before / f"{index:03}", after / f"{other:03}", ignored)
        if notes:
            different += 1
            print(f"{index:03} {line}")
            for note in notes[:6]:
                print(f"      {note}")
    print(f"{len(lines) - different} of {len(lines)} the same")
    sys.exit(different > 0)


def differences(before, after, ignored):
    def files(folder):
        return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.name not in VOLATILE_FILES}

    notes = [f"only before: {name}" for name in sorted(files(before) - files(after))]
    notes += [f"only after: {name}" for name in sorted(files(after) - files(before))]
    for name in sorted(files(before) & files(after)):
        old, new = (before / name).read_bytes(), (after / name).read_bytes()
        if old == new or name.endswith((".sqlite", ".sqlite-wal", ".sqlite-shm")):
            continue
        if name.endswith(".json"):
            paths = list(changes(json.loads(old), json.loads(new), ignored, ""))
            notes += [f"{name}: {path}" for path in paths[:4]]
        elif name.endswith((".txt", ".html", ".csv")):
            notes += text_changes(name, normal(old), normal(new), ignored)
        else:
            notes.append(f"{name}: other bytes")
    return notes


def normal(text):
    return TIMES.sub("TIME", text.decode(errors="replace"))


def text_changes(name, old, new, ignored):
    if old == new:
        return []
    # JSON that was printed.
    try:
        halves = [text.split("\n--- errors\n") for text in (old, new)]
        values = [json.loads(half[0]) for half in halves]
        paths = list(changes(*values, ignored, ""))
        return [f"{name}: {path}" for path in paths[:4]] + (["errors differ"] if halves[0][1:] != halves[1][1:] else [])
    except (ValueError, IndexError):
        pass
    a, b = old.splitlines(), new.splitlines()
    pairs = [(x, y) for x, y in zip(a, b) if x != y][:2]
    return [f"{name}: {len(a)} and {len(b)} lines"] + [f"  - {x[:100]}\n      + {y[:100]}" for x, y in pairs]


def changes(old, new, ignored, path):
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key in ignored:
                continue
            if key not in old or key not in new:
                yield f"{path}.{key} is {'new' if key in new else 'gone'}"
            else:
                yield from changes(old[key], new[key], ignored, f"{path}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new)):
            yield from changes(*pair, ignored, f"{path}[{index}]")
    elif old != new:
        yield f"{path}: {str(old)[:60]} is now {str(new)[:60]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    recording = commands.add_parser("record")
    recording.add_argument("folder")
    recording.add_argument("--gradleak", default=".build/release/gradleak")
    recording.add_argument("--only", default="")
    recording.add_argument("--jobs", type=int, default=2)
    recording.set_defaults(run=record)
    comparing = commands.add_parser("compare")
    comparing.add_argument("before")
    comparing.add_argument("after")
    comparing.add_argument("--ignore", nargs="*", default=[])
    comparing.set_defaults(run=compare)
    commands.add_parser("list").set_defaults(run=lambda _: print("\n".join(experiments())))
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
