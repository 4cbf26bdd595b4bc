#!/usr/bin/env bash
# Makes the pictures of README.md and docs/guides in docs/images, by the commands printed there.
# usage: make build && scripts/docs/images.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gradleak=.build/release/gradleak

$gradleak demo --quiet --out "$work/demo"
cp "$work/demo/contact-sheet.png" docs/images/demo.png
cp "$work/demo/chelsea-snapshots.png" docs/images/chelsea-snapshots.png
cp "$work/demo/chelsea-original.png" "$work/chelsea.png"

for activation in relu softplus; do
  $gradleak demo --activation $activation --quiet --out "$work/$activation"
  cp "$work/$activation/retina-snapshots.png" "docs/images/retina-$activation.png"
done

$gradleak reconstruct "$work/chelsea.png" --model mlp --attack linear --out "$work/linear"
cp "$work/linear/contact-sheet.png" docs/images/linear.png

$gradleak reconstruct "$work/demo/astronaut-original.png" "$work/demo/chelsea-original.png" \
  --batch-size 2 --quiet --out "$work/batch"
cp "$work/batch/contact-sheet.png" docs/images/batch.png

$gradleak analyse chelsea --quiet --out "$work/analysis-1"
cp "$work/analysis-1/spectrum.png" docs/images/batch-1-spectrum.png
$gradleak analyse astronaut chelsea --quiet --out "$work/analysis-2"
cp "$work/analysis-2/spectrum.png" docs/images/batch-2-spectrum.png
cp "$work/analysis-2/astronaut-determinacy.png" docs/images/batch-2-determinacy.png

# Needs Debian's dataset-fashion-mnist.
$gradleak federation gan --runs 5 --quiet --out "$work/boots"
cp "$work/boots/gan-run-1.png" docs/images/gan.png
$gradleak federation gan --fakes 0 --runs 5 --quiet --out "$work/onlooker"
cp "$work/onlooker/gan-run-1.png" docs/images/gan-onlooker.png

$gradleak report "$work/demo" --out "$work/report.html"
scripts/checks/report.py "$work/report.html" --widths 1100 --clip 1180 --screenshots "$work"
cp "$work/report-1100-light.png" docs/images/report.png
ls -l docs/images

# Pictures of docs/attacks.md.
mkdir -p docs/images/attacks
$gradleak demo --model cnn6 --attack r-gap --quiet --out "$work/r-gap"
$gradleak demo --model vit-april --attack april --quiet --out "$work/april"
$gradleak reconstruct "$work"/demo/{astronaut,rocket,hubble,chelsea,coffee,retina}-original.png \
  --model mlp --width 400 --batch-size 6 --attack spear --quiet --out "$work/spear"
$gradleak malicious --method robbing-the-fed --quiet --out "$work/robbing-the-fed"
$gradleak malicious --method trap-weights --model mlp --images 20 --quiet --out "$work/trap-weights"
$gradleak malicious --method fishing --images 64 --rounds 4 --quiet --out "$work/fishing"
for name in r-gap april spear robbing-the-fed trap-weights fishing; do
  cp "$work/$name/contact-sheet.png" "docs/images/attacks/$name.png"
done
