#!/usr/bin/env bash
# Writes the reference of the library products, one DocC archive each, from their public declarations.
#
# usage: scripts/docs/reference.sh SYMBOL_GRAPHS OUT
# SYMBOL_GRAPHS is the folder that `swift package dump-symbol-graph` wrote. Fails on a link that leads nowhere.
set -euo pipefail
cd "$(dirname "$0")/../.."
graphs=$1 out=$2

# docc stands beside the compiler.
PATH=$PATH:$(dirname "$(readlink -f "$(command -v swift)")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
for room in TensorGraph CPUBackend ModelIO Leakage Audit; do
  mkdir "$work/$room"
  cp "$graphs/$room".symbols.json "$graphs/$room"@*.symbols.json "$work/$room" 2>/dev/null || true
  docc convert "Sources/$room/$room.docc" --additional-symbol-graph-dir "$work/$room" \
    --output-dir "$out/$room.doccarchive" --fallback-default-module-kind Library \
    --disable-parameters-and-returns-validation
done
