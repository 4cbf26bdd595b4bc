#!/usr/bin/env bash
# What needs PyTorch, Flower, NVFlare, Opacus, TenSEAL, tokenizers, a plugin of XLA or a browser: installs them into a
# throwaway environment and runs the Python package's tests, the guides' snippets and the comparisons with them. Run by
# `make test-integrations`.
#
#   scripts/checks/integrations.sh GRADLEAK WHEEL [swift test options]
#
# PIP_INSTALL changes how packages are installed (say "pip install --index-url https://..."); PYTHON which
# Python the environment is made of.
set -euo pipefail
cd "$(dirname "$0")/../.."
gradleak=$(realpath "$1") wheel=$(realpath "$2")
shift 2

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
export PATH="$folder/venv/bin:$PATH" PYTHON="$folder/venv/bin/python" GRADLEAK_INTEGRATIONS=1
${PIP_INSTALL:-pip install} --quiet torch torchvision numpy pillow safetensors onnx onnxscript tokenizers \
  "flwr[simulation]" nvflare opacus pytest

step() { printf '\n== %s\n' "$*"; }

step "the wheel in an empty environment"
scripts/checks/wheel.sh "$wheel"
step "the GitHub Action's steps"
${PIP_INSTALL:-pip install} --quiet pyyaml
"$PYTHON" scripts/checks/action.py "$wheel"
# What follows uses the package and the program as users have them.
pip install --quiet "$wheel"

step "guide: PyTorch"
swift test --skip-build "$@" --filter CommandTests.GuideTests

step "the Python package: its types and its tests"
${PIP_INSTALL:-pip install} --quiet pytest pandas pandas-stubs ipykernel nbclient nbformat mypy ruff
(
  cd python
  "$PYTHON" -m ruff check .
  "$PYTHON" -m ruff format --check .
  "$PYTHON" -m mypy gradleak
  "$PYTHON" -m pytest -q -p no:cacheprovider --ignore tests/frameworks tests
)

step "the package in Flower, NVFlare, Opacus and distributed data parallel, and their guides"
"$PYTHON" -m pytest -q -W ignore python/tests/frameworks

step "filters of NVFlare and mods of Flower beside the defences that say they are these"
mkdir "$folder/filters"
"$PYTHON" scripts/fixtures/defences-filters.py "$folder/filters" 23
GRADLEAK_FILTERS="$folder/filters" swift test --skip-build "$@" --filter FilterGoldenTests

step "tokenizers over all of Unicode"
GRADLEAK_UNICODE_DUMP="$folder/unicode.json" swift test --skip-build "$@" --filter UnicodeAgreement
"$PYTHON" scripts/compare/tokenizer-unicode.py compare "$folder/unicode.json"

step "Paillier's encryption and CKKS beside python-paillier and TenSEAL"
${PIP_INSTALL:-pip install} --quiet phe tenseal
"$PYTHON" scripts/compare/encryption.py ask "$folder/encryption"
GRADLEAK_ENCRYPTION_EXCHANGE="$folder/encryption" swift test --skip-build "$@" --filter EncryptionAgreement
"$PYTHON" scripts/compare/encryption.py compare "$folder/encryption"

step "ResNet-18 through both of PyTorch's exporters"
"$PYTHON" scripts/compare/onnx-zoo.py --gradleak "$gradleak" --only resnet18 \
  --exporters torchscript dynamo --out "$folder/zoo.csv"

step "a sweep as an array job of Slurm"
status=0
scripts/checks/slurm-sweep.sh "$gradleak" || status=$?
case $status in
  0) ;;
  77) echo "NOT CHECKED: no Slurm here" ;;
  *) exit "$status" ;;
esac

step "a plugin of XLA beside the interpreter, and attacks on it beside the processor's engine"
${PIP_INSTALL:-pip install} --quiet xla-cpu-pjrt
"$(swift build --show-bin-path "$@")/XLACheck" xla-cpu
"$PYTHON" scripts/checks/devices.py "$gradleak" xla-cpu

step "the report in a browser"
"$gradleak" audit coffee chelsea --budget 60 --quiet --out "$folder/audit" >"$folder/audit.txt" || [ $? -le 3 ]
"$gradleak" report "$folder/audit" --out "$folder/report.html"
status=0
scripts/checks/report.py "$folder/report.html" || status=$?
case $status in
  0) swift test --skip-build "$@" --filter ReportCommandTests.pagesAreGoodInABrowser ;;
  77) echo "NOT CHECKED: no Chromium here (apt-get install chromium)" ;;
  *) exit "$status" ;;
esac
