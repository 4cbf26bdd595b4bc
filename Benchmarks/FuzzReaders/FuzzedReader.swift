import Foundation
import ModelIO
import TensorGraph

/// A reader of files from outside.
enum FuzzedReader: String, CaseIterable {
  case safetensors
  case onnx
  case images

  /// Names of the corpus's files that this reader is fed with.
  private var endings: [String] {
    switch self {
    case .safetensors: [".safetensors"]
    case .onnx: [".onnx"]
    case .images: [".png", ".jpg"]
    }
  }

  /// The valid files that inputs are made from: small ones, sorted by path.
  func seeds(in folder: String) -> [[UInt8]] {
    let paths = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return paths.filter { path in endings.contains { path.hasSuffix($0) } }.sorted()
      .compactMap { path in
        FileManager.default.contents(atPath: folder + "/" + path).map { [UInt8]($0) }
      }
      .filter { (1...FuzzedReader.largestSeed).contains($0.count) }
  }

  /// Bytes of a seed at most: mutations of larger ones cost time and find no more.
  private static let largestSeed = 24 << 10

  /// Reads an input as a command would, to the end.
  ///
  /// - Returns: whether the reader took it.
  func read(_ bytes: [UInt8]) -> Bool {
    do {
      switch self {
      case .safetensors:
        let file = try SafetensorsFile(bytes: bytes, path: "input")
        for name in file.names { _ = try file.tensor(named: name) }
      case .onnx:
        let model = try ONNXModel(bytes: bytes, path: "/nonexistent/input.onnx", limits: limits)
        let program = try model.specialized()
        _ = try program.parameterValues()
        _ = program.bufferValues()
        _ = try program.graph(mode: .evaluation)
      case .images:
        _ = try Image(bytes: bytes, path: "input")
      }
      return true
    } catch {
      return false
    }
  }

  private var limits: ONNXLimits { .default }
}
