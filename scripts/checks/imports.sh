#!/usr/bin/env bash
# Fails when a target imports one that it must not know, a library names an option of the commands
# (docs/design/0001-architecture.md), or an example imports more than what is public.
set -euo pipefail
cd "$(dirname "$0")/../.."

rooms="TensorGraph CPUBackend CKernels XLABackend CPJRT ModelIO Solvers Clients Defences Attacks Texts Leakage Federation Privacy Audit gradleak CBundledFiles CFiles CGMP CSQLite CYAML CPNG CTurboJPEG CZlib ONNXProtobuf"
allowed() {
  case "$1" in
    TensorGraph) echo "" ;;
    CPUBackend) echo "TensorGraph CKernels" ;;
    XLABackend) echo "TensorGraph CPJRT" ;;
    ModelIO) echo "TensorGraph CFiles CPNG CTurboJPEG CZlib ONNXProtobuf" ;;
    Solvers) echo "TensorGraph" ;;
    Clients) echo "ModelIO Solvers TensorGraph" ;;
    Defences) echo "Clients ModelIO Privacy Solvers TensorGraph" ;;
    Attacks) echo "Clients Defences ModelIO Privacy Solvers TensorGraph" ;;
    Texts) echo "Attacks Clients Defences ModelIO Solvers TensorGraph" ;;
    Leakage) echo "Attacks Clients Defences Solvers Texts" ;;
    Federation) echo "CGMP Clients Defences ModelIO Solvers TensorGraph" ;;
    Audit) echo "CBundledFiles CSQLite CYAML Federation Privacy Texts Attacks Clients Defences ModelIO Solvers TensorGraph" ;;
    gradleak) echo "Audit Federation Privacy Texts Attacks Clients Defences ModelIO Solvers TensorGraph CPUBackend XLABackend" ;;
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

# Messages name a Setting, which the command line calls by its option. Styles of pages have such words too.
options=$(grep -rnE -e '(^|[^-[:alnum:]])--[a-z]' Sources \
  --include="*.swift" --exclude-dir=gradleak | grep -vE '^[^:]*:[0-9]+: *//|^[^:]*/ReportStyle\.swift:' || true)
if [ -n "$options" ]; then
  echo "a library names an option; let its message name a Setting (Sources/ModelIO/Messages):" >&2
  echo "$options" >&2
  status=1
fi
exit $status
