#!/usr/bin/env python3
"""Some five hundred updates that are not what they are said to be, through the commands: none may earn a good
grade or pass a check, and no claim may be made of them that does not hold. Ends with 1 when one does.

    scripts/checks/misfits.py [--gradleak .build/release/gradleak] [--only TEXT] [--jobs 2] [--keep FOLDER]

True updates are computed with `gradleak gradient`, spoilt, and handed to `audit --update --fail-above C`, to
`reconstruct --update` with and without --truth, and those records to `report`. Tests/AuditTests/Verdict/
NoGoodGradeTests.swift does the same within one process. Needs Python alone; takes some minutes.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import json
import math
import os
import pathlib
import random
import re
import shlex
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHORT = "--iterations 20 --trials 1 --time-limit 20 --threads 1 --json --quiet".split()
PICTURES = ["coffee", "chelsea", "rocket", "hubble"]
LABEL = 3
# What is seen as a run that hangs.
TIMEOUT = 120
RECOVERED_DECIBELS = 40


@dataclasses.dataclass
class Model:
    name: str
    options: str
    # Options of another model with the same parameters, where there is one, and of one with others.
    alike: str | None
    other: str
    # Other weights need a seed, or a client's mode.
    is_drawn: bool = True


MODELS = [
    Model("lenet", "--model lenet --size 8 --classes 10", "--activation relu", "--width 8"),
    Model("lenet-relu", "--model lenet --size 16 --classes 10 --activation relu", "--activation tanh", "--width 8"),
    Model("mlp", "--model mlp --size 8 --width 64", "--activation tanh", "--width 32"),
    Model("convnet", "--model convnet --size 12 --width 8", "--mode training", "--width 4"),
    Model("onnx", f"--model {ROOT}/Tests/Fixtures/user-models/five.onnx", None,
          f"--model {ROOT}/Tests/Fixtures/user-models/table.onnx", is_drawn=False),
]


# MARK: - Files

def read_safetensors(path):
    """Names to (shape, numbers)."""
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        kind, size = {"F32": ("f", 4), "F64": ("d", 8)}[entry["dtype"]]
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = (entry["shape"], list(struct.unpack(f"<{(end - start) // size}{kind}", data[start:end])))
    return tensors


def write_safetensors(tensors, path, dtype="F32"):
    header, body = {}, b""
    for name, (shape, numbers) in tensors.items():
        start = len(body)
        if dtype == "BF16":
            body += b"".join(struct.pack("<f", x)[2:] for x in numbers)
        else:
            body += struct.pack(f"<{len(numbers)}{ {'F32': 'f', 'F64': 'd', 'F16': 'e'}[dtype] }", *numbers)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, len(body)]}
    head = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(head)) + head + body)


def each(tensors, change):
    """The same names and shapes; `change` gets a number, or a name and all its numbers."""
    return {name: (shape, change(name, numbers)) for name, (shape, numbers) in tensors.items()}


def scaled(tensors, factor):
    return each(tensors, lambda _, numbers: [x * factor for x in numbers])


def bits(x, count):
    """The number with `count` bits of significand."""
    if x == 0 or not math.isfinite(x):
        return x
    unit = 2.0 ** (math.frexp(x)[1] - count)
    return round(x / unit) * unit


def int8(numbers):
    step = max(map(abs, numbers), default=0) / 127
    return [round(x / step) * step for x in numbers] if step else numbers


# MARK: - Misfits

@dataclasses.dataclass
class Misfit:
    name: str
    tensors: dict
    # What is told beside the file.
    told: str = ""
    batch: int = 1
    dtype: str = "F32"
    # Whether the truth is of use: one picture for each example that is told.
    has_truth: bool = True


class Client:
    """The true updates of one model."""

    def __init__(self, tool, folder, model):
        self.tool, self.model = tool, model
        self.folder = folder / model.name
        self.folder.mkdir()
        self.pictures = [folder / "pictures" / f"{name}-original.png" for name in PICTURES]

    def gradient(self, name, told="", count=1, labels=None):
        """The update of `count` pictures under other options."""
        path = self.folder / f"true-{name}.safetensors"
        labels = labels or ",".join(str((LABEL + i) % 4) for i in range(count))
        command = [str(self.tool), "gradient", *shlex.split(self.model.options), *shlex.split(told), "--input",
                   *map(str, self.pictures[:count]), "--label", labels, "--threads", "1", "--out", str(path)]
        if name == "plain" and self.model.is_drawn:
            command += ["--save-weights", str(self.folder / "weights.safetensors")]
        result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        if result.returncode:
            sys.exit(f"misfits.py: {shlex.join(command)} ended with {result.returncode}:\n{result.stderr}")
        return read_safetensors(path)

    def misfits(self):
        source = random.Random(self.model.name)
        true = self.gradient("plain")
        names = list(true)
        biggest = max(names, key=lambda name: len(true[name][1]))

        for factor in (1e-30, 1e-6, 1e-3, 0.1, 0.5, 0.9, 1.1, 2, 10, 1e3, 1e6, 1e20, -1, -0.1, -10):
            yield Misfit(f"scaled by {factor}", scaled(true, factor))
        for name in (names[0], names[-1], biggest):
            yield Misfit(f"{name} negated", {**true, **scaled({name: true[name]}, -1)})
            yield Misfit(f"{name} doubled", {**true, **scaled({name: true[name]}, 2)})
            yield Misfit(f"{name} zeroed", {**true, **scaled({name: true[name]}, 0)})
        yield Misfit("absolute values", each(true, lambda _, n: [abs(x) for x in n]))
        yield Misfit("squares", each(true, lambda _, n: [x * x for x in n]))
        yield Misfit("signs", each(true, lambda _, n: [math.copysign(1, x) if x else 0 for x in n]))

        yield Misfit("difference told as gradient", scaled(true, -0.1))
        yield Misfit("gradient told as difference", true, "--update-kind difference --learning-rate 0.1")
        yield Misfit("difference of another rate", scaled(true, -0.1),
                     "--update-kind difference --learning-rate 0.01")
        yield Misfit("one step told as four", scaled(true, -0.1),
                     "--update-kind difference --learning-rate 0.1 --local-steps 4")
        if self.model.is_drawn:
            weights = read_safetensors(self.folder / "weights.safetensors")
            weights = {name: weights[name] for name in names}
            yield Misfit("weights told as gradient", weights)
            yield Misfit("weights told as difference", weights,
                         "--update-kind difference --learning-rate 0.1")
            after = {name: (shape, [w - 0.1 * g for w, g in zip(numbers, true[name][1])])
                     for name, (shape, numbers) in weights.items()}
            yield Misfit("weights after told as difference", after,
                         "--update-kind difference --learning-rate 0.1")
            for share in (1e-4, 0.01, 1):
                yield Misfit(f"gradient and {share} of the weights", {
                    name: (shape, [g + share * w for g, w in zip(numbers, weights[name][1])])
                    for name, (shape, numbers) in true.items()})
            yield Misfit("of other weights", self.gradient("weights", "--seed 9"))
        else:
            yield Misfit("noise told as difference", each(true, lambda _, n: [source.gauss(0, 1) for _ in n]),
                         "--update-kind difference --learning-rate 0.1")

        def shuffled(numbers):
            return source.sample(numbers, len(numbers))

        def rows_shuffled(shape, numbers):
            width = len(numbers) // shape[0] if shape and shape[0] else 1
            rows = [numbers[i:i + width] for i in range(0, len(numbers), width)]
            return [x for row in source.sample(rows, len(rows)) for x in row]

        yield Misfit("elements shuffled", each(true, lambda _, n: shuffled(n)))
        for name in (names[0], names[-1], biggest):
            yield Misfit(f"elements of {name} shuffled", {**true, name: (true[name][0], shuffled(true[name][1]))})
            yield Misfit(f"rows of {name} shuffled", {**true, name: (true[name][0], rows_shuffled(*true[name]))})
            yield Misfit(f"{name} reversed", {**true, name: (true[name][0], true[name][1][::-1])})
        yield Misfit("rows shuffled", {name: (tensor[0], rows_shuffled(*tensor)) for name, tensor in true.items()})
        shapes = collections.defaultdict(list)
        for name in names:
            shapes[tuple(true[name][0])].append(name)
        turned = {name: true[group[(i + 1) % len(group)]] for group in shapes.values() for i, name in enumerate(group)}
        if turned != true:
            yield Misfit("tensors of equal shape exchanged", {name: turned[name] for name in names})

        for share in (0.1, 0.5, 0.9, 0.99):
            yield Misfit(f"{share} at random zeroed", each(
                true, lambda _, n: [0.0 if source.random() < share else x for x in n]))
            yield Misfit(f"last {share} zeroed", each(
                true, lambda _, n: [x if i < (1 - share) * len(n) else 0.0 for i, x in enumerate(n)]))
        for count in (1, 2, len(names) - 1):
            yield Misfit(f"last {count} tensors missing", {name: true[name] for name in names[:-count]})
            yield Misfit(f"first {count} tensors missing", {name: true[name] for name in names[count:]})
        yield Misfit("no tensors", {})
        yield Misfit("a tensor flat", {**true, names[0]: ([len(true[names[0]][1])], true[names[0]][1])})

        yield Misfit("fp16", true, dtype="F16")
        yield Misfit("bf16", true, dtype="BF16")
        yield Misfit("fp16 of small numbers", scaled(true, 1e-6), dtype="F16")
        yield Misfit("int8", each(true, lambda _, n: int8(n)))
        for count in (1, 2, 4, 8, 11, 16):
            yield Misfit(f"{count} bits", each(true, lambda _, n: [bits(x, count) for x in n]))

        if self.model.alike:
            yield Misfit("of a model alike", self.gradient("alike", self.model.alike))
        if self.model.is_drawn:
            yield Misfit("of another width", self.gradient("other", self.model.other))
        else:
            yield Misfit("told to another model", true, self.model.other)
        yield Misfit("zeros", scaled(true, 0))
        yield Misfit("negative zeros", each(true, lambda _, n: [-0.0] * len(n)))
        for value in (math.nan, math.inf, -math.inf, 3e38):
            spoilt = list(true[names[-1]][1])
            spoilt[len(spoilt) // 2] = value
            yield Misfit(f"one {value}", {**true, names[-1]: (true[names[-1]][0], spoilt)})
        yield Misfit("all NaN", each(true, lambda _, n: [math.nan] * len(n)))

        two, four = self.gradient("two", count=2), self.gradient("four", count=4)
        yield Misfit("batch of 2 told as 1", two)
        yield Misfit("batch of 4 told as 1", four)
        yield Misfit("batch of 1 told as 2", true, batch=2, has_truth=False)
        yield Misfit("batch of 1 told as 4", true, batch=4, has_truth=False)
        yield Misfit("batch of 4 told as 2", four, batch=2, has_truth=False)
        yield Misfit("batch of 2 told as 5", two, batch=5, has_truth=False)
        yield Misfit("sum of 2 told as mean", self.gradient("sum", "--reduction sum", count=2), batch=2)
        yield Misfit("training told as evaluation", self.gradient("training", "--mode training", count=2), batch=2)
        yield Misfit("evaluation told as training", two, "--mode training", batch=2)

        for loss in ("mse", "bce"):
            other = self.gradient(loss, f"--loss {loss}")
            yield Misfit(f"{loss} told as cross-entropy", other)
            yield Misfit(f"cross-entropy told as {loss}", true, f"--loss {loss}")
        yield Misfit("smoothed labels", self.gradient("smoothed", "--label-smoothing 0.2"))
        yield Misfit("scaled loss", self.gradient("loss-scale", "--loss-scale 0.3"))
        yield Misfit("other labels", true, "--labels 1", has_truth=False)

        for size in (1e-6, 1e-2, 1, 1e4):
            yield Misfit(f"random numbers of {size}", each(true, lambda _, n: [source.gauss(0, size) for _ in n]))
        for share in (1e-3, 1e-2, 0.1, 1):
            def noisy(_, numbers):
                deviation = share * math.sqrt(sum(x * x for x in numbers) / max(len(numbers), 1))
                return [x + source.gauss(0, deviation) for x in numbers]
            yield Misfit(f"noise of {share}", each(true, noisy))
        yield Misfit("ones", each(true, lambda _, n: [1.0] * len(n)))


# MARK: - Runs

@dataclasses.dataclass
class Run:
    words: list
    status: int
    record: object
    errors: list


def run(tool, words):
    """Runs a command; what no input may make it do is among `errors`."""
    errors = []
    try:
        result = subprocess.run([str(tool), *words], capture_output=True, text=True, timeout=TIMEOUT, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return Run(words, -1, None, [f"hangs for {TIMEOUT} s"])
    if result.returncode not in (0, 1, 2, 3):
        errors.append(f"ended with {result.returncode}: {result.stderr[-300:]}")
    if re.search("Fatal error|Crash|Thread 0|Stack dump|Sanitizer", result.stderr):
        errors.append(f"crashed: {result.stderr[-300:]}")
    record = None
    if result.stdout.strip():
        def refused(text):
            raise ValueError(f"{text} in the record")
        try:
            record = json.loads(result.stdout, parse_constant=refused)
        except ValueError as error:
            errors.append(f"prints no JSON: {error}")
    elif result.returncode == 2 and not result.stderr.strip():
        errors.append("refuses without a word")
    elif result.returncode != 2:
        errors.append(f"prints nothing, status {result.returncode}")
    return Run(words, result.returncode, record, errors)


def claims(record, nearest, errors):
    """What a record's diagnosis may not say. `nearest` is the lowest PSNR in dB, where it is known."""
    diagnosis = record.get("diagnosis")
    if not diagnosis:
        return "none"
    verdict, words = diagnosis["verdict"], diagnosis["explanation"]
    certain = re.search(r"only one|no other batch|full rank", words)
    if verdict == "recovered" or certain:
        if nearest is not None and nearest < RECOVERED_DECIBELS:
            errors.append(f"'{verdict}' at {nearest:.1f} dB: {words}")
        if not 0 <= diagnosis.get("impliedError", math.inf) <= 1e-4:
            errors.append(f"'{verdict}' without a measured error: {words}")
    if certain and verdict != "recovered":
        errors.append(f"'{verdict}' says: {words}")
    if verdict == "not determined by this gradient":
        counted = re.search(r"gives (?:at most )?(\d+) (?:independent )?equations for (\d+)", words)
        if not (diagnosis["equationBound"] < diagnosis["unknowns"]
                or counted and int(counted[1]) < int(counted[2])):
            errors.append(f"a rank without evidence: {words}")
    return verdict


def check(tool, client, misfit, number, folder):
    """What is wrong, and what was seen."""
    path = folder / f"{number}.safetensors"
    write_safetensors(misfit.tensors, path, misfit.dtype)
    # Told last, options win.
    model = shlex.split(client.model.options)
    if "--model" in misfit.told:
        model = []
    told = [*model, *shlex.split(misfit.told), "--update", str(path), "--batch-size", str(misfit.batch), *SHORT]
    errors, seen, nearest = [], {}, None

    if misfit.has_truth:
        out = folder / f"{number}-out"
        truth = run(tool, ["reconstruct", *told, "--out", str(out), "--truth",
                           *map(str, client.pictures[:misfit.batch])])
        errors += [f"reconstruct --truth {e}" for e in truth.errors]
        seen["truth"] = f"status {truth.status}"
        if truth.record:
            record = truth.record[0]
            levels = [image.get("psnr", -math.inf) for image in record["images"]]
            nearest = min((math.inf if x == "inf" else float(x) for x in levels), default=None)
            seen["truth"] = claims(record, nearest, errors)
            report = run(tool, ["report", str(out), "--json"])
            errors += [f"report {e}" for e in report.errors]
            grade = (report.record or {}).get("grade")
            seen["report"] = grade
            if grade in ("A", "B", None):
                errors.append(f"report gives the grade {grade}")
    else:
        blind = run(tool, ["reconstruct", *told])
        errors += [f"reconstruct {e}" for e in blind.errors]
        seen["truth"] = claims(blind.record[0], None, errors) if blind.record else f"status {blind.status}"

    audit = run(tool, ["audit", *told, "--fail-above", "C"])
    errors += [f"audit {e}" for e in audit.errors]
    grade = (audit.record or {}).get("grade", "refused")
    seen["audit"] = f"{grade}, status {audit.status}"
    if grade in ("A", "B"):
        errors.append(f"audit gives the grade {grade}")
    if audit.status == 0:
        errors.append(f"audit passes with the grade {grade}")
    for record in (audit.record or {}).get("records", []):
        claims(record, nearest, errors)
    if any(not math.isfinite(x) for _, numbers in misfit.tensors.values() for x in numbers) and audit.status != 2:
        errors.append(f"NaN or infinity is taken, status {audit.status}")
    return errors, seen


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gradleak", type=pathlib.Path, default=ROOT / ".build/release/gradleak")
    parser.add_argument("--only", default="", help="only misfits that have this text in their names")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=pathlib.Path, help="where to leave the files")
    options = parser.parse_args()
    tool = options.gradleak.resolve()
    if not os.access(tool, os.X_OK):
        sys.exit(f"misfits.py: there is no {tool}; run 'make build' first")

    with tempfile.TemporaryDirectory() as temporary, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as workers:
        folder = (options.keep or pathlib.Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([str(tool), "demo", "--attack", "peeling", "--quiet", "--out", str(folder / "pictures")],
                       stdout=subprocess.DEVNULL, check=True)
        jobs = []
        for model in MODELS:
            client = Client(tool, folder, model)
            for number, misfit in enumerate(client.misfits()):
                name = f"{model.name}, {misfit.name}"
                if options.only in name:
                    jobs.append((name, workers.submit(check, tool, client, misfit, number, client.folder)))
        counts, wrong = collections.defaultdict(collections.Counter), 0
        for name, job in jobs:
            errors, seen = job.result()
            for command, what in seen.items():
                counts[command][what] += 1
            if errors:
                wrong += 1
                print(f"WRONG  {name}")
                for error in errors:
                    print(f"         {error}", flush=True)
        for command, title in (("truth", "reconstruct"), ("report", "report"), ("audit", "audit --fail-above C")):
            print(f"{title}: " + ", ".join(f"{count} x {what}" for what, count in counts[command].most_common()))
        print(f"{len(jobs)} misfits, {wrong} wrong")
        sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
