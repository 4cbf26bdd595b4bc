#!/usr/bin/env bash
# Makes the pictures of docs/attacks.md in docs/images/attacks, by the commands printed there.
# usage: make build && scripts/docs/attack-images.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gradleak=${GRADLEAK:-.build/release/gradleak}

$gradleak demo --attack auto --quiet --out "$work/demo" > /dev/null
cp "$work/demo/chelsea-original.png" "$work/chelsea.png"

# picture NAME OPTIONS...: docs/images/attacks/NAME.png, the contact sheet of a run.
picture() {
  local name=$1
  shift
  $gradleak reconstruct "$work/chelsea.png" --quiet --out "$work/$name" "$@" | sed -n 3p
  cp "$work/$name/contact-sheet.png" "docs/images/attacks/$name.png"
}

picture dlg --attack dlg
picture idlg --attack idlg
picture cpl --attack cpl --iterations 3000
picture tag --attack tag
for attack in inverting-gradients modern multi-scale see-through-gradients; do
  picture $attack --attack $attack --model resnet20 --iterations 2000 --trials 1
done
picture residual-peeling --attack residual-peeling --model resnet20
ls -l docs/images/attacks
