#!/usr/bin/env bash
# Fails when a target imports one that it must not know (docs/design/0001-architecture.md), or an example more
# than what is public.
set -euo pipefail
cd "$(dirname "$0")/../.."

rooms="TensorGraph CPUBackend CKernels ModelIO Leakage Audit gradleak CBundledFiles CFiles CSQLite CPNG CTurboJPEG ONNXProtobuf"
allowed() {
  case "$1" in
    TensorGraph) echo "" ;;
    CPUBackend) echo "TensorGraph CKernels" ;;
    ModelIO) echo "TensorGraph CFiles CPNG CTurboJPEG ONNXProtobuf" ;;
    Leakage) echo "TensorGraph ModelIO" ;;
    Audit) echo "CBundledFiles CSQLite Leakage ModelIO TensorGraph" ;;
    gradleak) echo "Audit Leakage ModelIO TensorGraph CPUBackend" ;;
    *) echo "" ;;
  esac
}

status=0
for folder in Sources/*/; do
  room=$(basename "$folder")
  while IFS=: read -r file line import; do
    target=$(sed -E 's/.*import ([A-Za-z]+).*/\1/' <<<"$import")
    grep -qw "$target" <<<"$rooms" || continue
    if ! grep -qw "$target" <<<"$(allowed "$room")"; then
      echo "$file:$line: $room must not import $target" >&2
      status=1
    fi
  done < <(grep -rnE '^ *(@[a-z_]+ )*((public|package|internal|private) )?import ' "$folder" --include='*.swift' || true)
done
if grep -rnE '@[_a-z]+(\(.*\))? +import ' Examples --include='*.swift' >&2; then
  echo "Examples see what other packages see: import without attributes" >&2
  status=1
fi
exit $status
