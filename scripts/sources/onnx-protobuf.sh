#!/usr/bin/env bash
# Regenerates Sources/ONNXProtobuf/onnx.pb.swift from the ONNX project's onnx.proto.
#
# Usage: scripts/sources/onnx-protobuf.sh FOLDER, where FOLDER holds onnx.proto (for example
# .../site-packages/onnx of an installed onnx 1.23.2). Needs protoc, and protoc-gen-swift of
# swift-protobuf 1.39.0 on the PATH or in $PROTOC_GEN_SWIFT.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=${1:?give the folder that holds onnx.proto}
plugin=${PROTOC_GEN_SWIFT:-$(command -v protoc-gen-swift)}
protoc --plugin=protoc-gen-swift="$plugin" --swift_opt=Visibility=Package \
  --swift_out=Sources/ONNXProtobuf -I "$folder" onnx.proto
