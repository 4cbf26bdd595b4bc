"""Runs every row of the benchmark with gradleak, PyTorch and JAX on this machine, one process a row and
engine, interleaved, and writes Benchmarks/Comparison/results.md and Benchmarks/Comparison/results.json.

usage: Benchmarks/Comparison/run.sh [ROW:BATCH ...]        all rows by default
"""
import json
import os
import pathlib
import platform
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
REPEATS = {"lenet:1": 400, "lenet:8": 200, "lenet:64": 40, "resnet18:1": 15, "resnet18:8": 7,
           "encoder:1": 30, "encoder:8": 12, "vit:1": 30, "vit:8": 10,
           "lenet-f64:1": 400, "resnet18-f64:1": 10, "encoder-f64:8": 6, "vit-f64:8": 6,
           "resnet18-224:1": 7, "resnet50-224:1": 5, "vit-b16-224:1": 5}
# At least this many times faster than PyTorch, than JAX, the engine is meant to be.
GOALS = {"lenet:1": (10, 5), "lenet:8": (3, 3), "lenet:64": (3, 3), "resnet18:1": (3, 2),
         "resnet18:8": (2.5, 2), "resnet18-224:1": (3, 3), "resnet50-224:1": (3, 3), "vit-b16-224:1": (3, 3)}
USUAL_GOAL = (2, 2)
THREADS = 2


def run(command, row, environment=None):
    name = f"{row}:{REPEATS[row]}"
    try:
        result = subprocess.run(
            command + [name], capture_output=True, text=True, check=True,
            env={**os.environ, **(environment or {})})
    except subprocess.CalledProcessError as error:
        sys.exit(f"{' '.join(command)} {name} failed:\n{error.stderr}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def measure(row):
    engines = {
        "gradleak": lambda: run([str(HERE / "../../.build/release/EvaluationBenchmark"),
                                 "--threads", str(THREADS)], row),
        "pytorch": lambda: run([sys.executable, str(HERE / "rows_torch.py"),
                                "--threads", str(THREADS)], row),
        "jax": lambda: run([sys.executable, str(HERE / "rows_jax.py")], row),
    }
    # Twice, in turn, keeping the better median of each: a passing load then hurts no one engine.
    results = {}
    for _ in range(2):
        for name, engine in engines.items():
            result = engine()
            if name not in results or result["median_ms"] < results[name]["median_ms"]:
                results[name] = result
        print(row, {name: round(r["median_ms"], 3) for name, r in results.items()}, flush=True)
    return results


def rooflines(rows):
    """How long each row's contractions take at least on this machine."""
    result = subprocess.run(
        [str(HERE / "../../.build/release/EvaluationBenchmark"), "--threads", str(THREADS), "--roofline", *rows],
        capture_output=True, text=True, check=True)
    return {row: json.loads(line) for row, line in zip(rows, result.stdout.splitlines())}


def table(rows, peak, least):
    lines = [
        "# One evaluation of the DLG objective and its gradient", "",
        f"`make bench` on {platform.machine()}, {os.cpu_count()} processors, {THREADS} threads, f32 unless a row "
        "says f64; median ms over the repeats, after warm-up; each engine in its own process, the better of two "
        "alternating runs. JAX takes the threads it finds.", "",
        f"Measured peak of the machine: {peak['gflops']:.0f} GFLOP/s (sgemm), "
        f"{peak['gbytes_per_s']:.1f} GB/s (reading).", "",
        "The roofline is what the contractions of an evaluation take at least, each by its operations at that peak or by "
        "its bytes at that speed (in f64 at the peaks of f64), one after the other; beside it the share that is bound by "
        "bytes.", "",
        "| model | batch | gradleak ms (quartiles) | roofline ms, by bytes | PyTorch ms | JAX ms | vs PyTorch | goal | "
        "vs JAX | goal | GFLOP/s | GB/s of parameters | peak MB: gradleak, PyTorch, JAX "
        "| compile s: gradleak, JAX |",
        "|" + "---|" * 14]
    for row, results in rows.items():
        name, batch = row.split(":")
        own, torch, jax = results["gradleak"], results["pytorch"], results["jax"]
        low, high = own["quartiles_ms"]
        bound, goal = least[row], GOALS.get(row, USUAL_GOAL)
        lines.append(
            f"| {name} | {batch} | {own['median_ms']:.3f} ({low:.3f}-{high:.3f}) "
            f"| {bound['least_ms']:.3g}, {100 * bound['bandwidth_share']:.0f} % "
            f"| {torch['median_ms']:.2f} | {jax['median_ms']:.2f} "
            f"| {torch['median_ms'] / own['median_ms']:.1f}x | {goal[0]}x "
            f"| {jax['median_ms'] / own['median_ms']:.1f}x | {goal[1]}x "
            f"| {own['gflops']:.0f} | {own['gbytes_per_s']:.1f} "
            f"| {own['peak_mb']:.0f}, {torch['peak_mb']:.0f}, {jax['peak_mb']:.0f} "
            f"| {own['compile_s']:.3f}, {jax['compile_s']:.1f} |")
    lines += ["", "Engines: " + ", ".join(
        sorted({r["engine"] for results in rows.values() for r in results.values()})) + "."]
    return "\n".join(lines) + "\n"


def main():
    chosen = sys.argv[1:] or list(REPEATS)
    unknown = [row for row in chosen if row not in REPEATS]
    if unknown:
        sys.exit(f"unknown rows {unknown}; rows are {', '.join(REPEATS)}")
    peak = json.loads(subprocess.run(
        [str(HERE / "../../.build/release/EvaluationBenchmark"), "--peak", "--threads", str(THREADS)],
        capture_output=True, text=True, check=True).stdout)
    rows = {row: measure(row) for row in chosen}
    least = rooflines(chosen)
    (HERE / "results.json").write_text(
        json.dumps({"peak": peak, "rows": rows, "rooflines": least}, indent=1) + "\n")
    (HERE / "results.md").write_text(table(rows, peak, least))
    print(table(rows, peak, least))


if __name__ == "__main__":
    main()
