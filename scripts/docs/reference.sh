#!/usr/bin/env bash
# Writes the reference of the library products, one DocC archive each, from their public declarations.
#
# usage: scripts/docs/reference.sh SYMBOL_GRAPHS OUT
# SYMBOL_GRAPHS is the folder that `swift package dump-symbol-graph` wrote. Fails where a link leads
# nowhere: what stands in another library is named in `code`, not linked.
set -euo pipefail
cd "$(dirname "$0")/../.."
graphs=$1 out=$2

# docc stands beside the compiler.
PATH=$PATH:$(dirname "$(readlink -f "$(command -v swift)")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

# Leakage is several targets under one name, and documented as one.
rooms() {
  case "$1" in
    Leakage) echo Solvers Clients Defences Attacks Texts ;;
    *) echo "$1" ;;
  esac
}

for product in TensorGraph CPUBackend XLABackend ModelIO Leakage Audit; do
  mkdir "$work/$product"
  for room in $(rooms "$product"); do
    # A room's own symbols, and what it adds to types of others (Room@Other).
    for graph in "$graphs/$room".symbols.json "$graphs/$room"@*.symbols.json; do
      [ -f "$graph" ] || continue
      name=$(basename "$graph")
      other=${name#*@} other=${other%%.*}
      grep -qw "$other" <<<"$(rooms "$product")" && name=${name/@/-}
      sed "s/\"module\":{\"name\":\"$room\"/\"module\":{\"name\":\"$product\"/" \
        "$graph" > "$work/$product/$name"
    done
  done
  docc convert "Sources/$product/$product.docc" --additional-symbol-graph-dir "$work/$product" \
    --output-dir "$out/$product.doccarchive" --fallback-default-module-kind Library --warnings-as-errors \
    --disable-parameters-and-returns-validation
done
