#!/usr/bin/env bash
# Makes the tables of docs/guides/choosing-a-defence.md: the paper's defence section as a sweep, and
# the price of the defences. Goes on where it was when it is started again. Takes about half an hour
# of a quiet machine with two cores.
#
# Usage: scripts/docs/defence-tables.sh [FOLDER]     (out/defences by default)
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-out/defences}
tool=${GRADLEAK:-.build/release/gradleak}
[ -x "$tool" ] || { echo "defence-tables.sh: there is no $tool; run 'make build' first" >&2; exit 1; }
mkdir -p "$folder"

"$tool" sweep --preset dlg-paper --results "$folder/dlg-paper.sqlite" \
  --csv "$folder/dlg-paper.csv" >"$folder/dlg-paper.txt.new"
mv "$folder/dlg-paper.txt.new" "$folder/dlg-paper.txt"
[ -s "$folder/price.json" ] || {
  "$tool" price --json >"$folder/price.json.new"
  mv "$folder/price.json.new" "$folder/price.json"
}

python3 - "$folder" <<'PYTHON'
import csv, json, sys

folder = sys.argv[1]
with open(f"{folder}/dlg-paper.csv", newline="") as file:
    cells = list(csv.DictReader(file))
with open(f"{folder}/tables.md", "w") as out:
    print("| defence | batch | size | attack | n | leaked | 95 % interval | median PSNR | p90 |", file=out)
    print("| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |", file=out)
    for cell in cells:
        percent = [f"{100 * float(cell[key]):.0f}" for key in ("rate", "interval_low", "interval_high")]
        print(
            f"| {cell['defence']} | {cell['batch_size']} | {cell['size']} | {cell['attack']} "
            f"| {cell['runs']} | {percent[0]} % | {percent[1]}-{percent[2]} % "
            f"| {float(cell['median_psnr_db']):.1f} dB | {float(cell['p90_psnr_db']):.1f} dB |",
            file=out)
    print(file=out)
    price = json.load(open(f"{folder}/price.json"))
    print("| defence | accuracy | 95 % interval | bytes of plain | epsilon |", file=out)
    print("| --- | ---: | ---: | ---: | ---: |", file=out)
    for row in price["rows"]:
        low, high = row["interval"]
        share = row["result"]["wireByteCount"] / row["result"]["plainByteCount"]
        epsilon = row.get("epsilon")
        print(
            f"| {row['defence']} | {100 * row['accuracy']:.0f} % | {100 * low:.0f}-{100 * high:.0f} % "
            f"| {100 * share:.1f} % | {'' if epsilon is None else f'{float(epsilon):.2f}'} |", file=out)
PYTHON
echo "Wrote $folder/tables.md, dlg-paper.txt, dlg-paper.csv, dlg-paper.sqlite and price.json."
