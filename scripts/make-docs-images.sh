#!/usr/bin/env bash
# Makes the pictures of README.md and docs/guides in docs/images, by the commands printed there.
# usage: make build && scripts/make-docs-images.sh
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gradleak=.build/release/gradleak

$gradleak demo --attack dlg --quiet --out "$work/demo"
cp "$work/demo/contact-sheet.png" docs/images/demo.png
cp "$work/demo/chelsea-snapshots.png" docs/images/chelsea-snapshots.png
cp "$work/demo/chelsea-original.png" "$work/chelsea.png"

for activation in relu softplus; do
  $gradleak demo --attack dlg --activation $activation --quiet --out "$work/$activation"
  cp "$work/$activation/retina-snapshots.png" "docs/images/retina-$activation.png"
done

$gradleak reconstruct "$work/chelsea.png" --model mlp --attack linear --out "$work/linear"
cp "$work/linear/contact-sheet.png" docs/images/linear.png

$gradleak demo --attack peeling --size 64 --quiet --out "$work/peeling64"
$gradleak reconstruct "$work/peeling64/chelsea-original.png" --attack dlg --size 64 --trials 1 \
  --iterations 40000 --quiet --out "$work/dlg64"
cp "$work/dlg64/contact-sheet.png" docs/images/dlg64.png
ls -l docs/images
