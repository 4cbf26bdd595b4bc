#!/usr/bin/env bash
# The wheel as a new user meets it: installed into an empty virtual environment, run in a bare folder with an empty PATH
# and nothing of the caller's environment, through the README's session. Prints how long the first picture takes.
#
#   scripts/checks/wheel.sh WHEEL
set -euo pipefail
wheel=$(realpath "$1")
python=$(command -v "${PYTHON:-python3}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$python" -m venv venv
mkdir bare
cd bare

began=$(date +%s.%N)
../venv/bin/pip install --quiet --no-index --disable-pip-version-check "$wheel"
gradleak() { env -i PATH= "$folder/venv/bin/gradleak" "$@"; }
gradleak reconstruct chelsea --out out/cat --quiet >cat.txt
ended=$(date +%s.%N)
"$python" -c "print(f'pip install to the first picture: {$ended - $began:.1f} s')"

fail() { echo "wheel: $*" >&2; exit 1; }
grep -q 'Recovered 1 of 1' cat.txt || fail "chelsea did not come back: $(cat cat.txt)"
[ -s out/cat/contact-sheet.png ] || fail "there is no picture"
gradleak demo --out out/demo --quiet | grep -q 'Recovered 7 of 7' || fail "the demo is not the README's"
gradleak demo text --quiet >/dev/null || fail "demo text"
status=0
gradleak audit chelsea --defences none --budget 60 --fail-above C --out out/audit --quiet \
  --junit junit.xml --sarif leakage.sarif >audit.txt 2>&1 || status=$?
[ "$status" = 1 ] || fail "audit ended with $status: $(cat audit.txt)"
[ -s out/audit/report.html ] && [ -s junit.xml ] && [ -s leakage.sarif ] || fail "audit wrote too little"
env -i ../venv/bin/python -c "
import gradleak, sys
assert 'torch' not in sys.modules and 'numpy' not in sys.modules
assert gradleak.run('--version', quiet=True).stdout.strip() == gradleak.__version__
" || fail "the Python package"
env -i ../venv/bin/python -m gradleak --version >/dev/null || fail "python -m gradleak"
../venv/bin/pip uninstall --quiet --yes gradleak
[ ! -e ../venv/bin/gradleak ] || fail "pip uninstall left the program"
echo "wheel: all of the session ran"
