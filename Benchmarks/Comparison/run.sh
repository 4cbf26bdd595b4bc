#!/usr/bin/env bash
# Times one evaluation of the DLG objective and its gradient: gradleak beside PyTorch and JAX, in one
# run on this machine. Installs the two into a throwaway environment under .venv-bench.
# Writes Benchmarks/Comparison/results.md and Benchmarks/Comparison/results.json.
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=.venv-bench
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet torch jax numpy
fi
swift build -c release --product EvaluationBenchmark
exec "$venv/bin/python" Benchmarks/Comparison/compare.py "$@"
