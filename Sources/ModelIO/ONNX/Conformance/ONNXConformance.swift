import Foundation
import TensorGraph

/// One test of the ONNX standard suite (<https://github.com/onnx/onnx/tree/main/onnx/backend/test>):
/// a folder with `model.onnx` and `test_data_set_N/{input,output}_M.pb`.
public struct ONNXConformanceResult: Hashable, Sendable, Codable {
  public enum Status: String, Hashable, Sendable, Codable {
    case passed
    case failed
    /// The model uses something that gradleak does not implement.
    case excluded
  }

  /// The folder's name.
  public let name: String
  public let status: Status
  /// Why it failed or is excluded; empty when it passed.
  public let reason: String
}

/// Runs tests of the ONNX standard suite at the suite's own tolerance.
public struct ONNXConformance: Sendable {
  /// A result x of an expected y passes when |x - y| is at most `absolute` + `relative` · |y|.
  public static let relativeTolerance = 1e-3
  public static let absoluteTolerance = 1e-7

  private let backend: any Backend

  public init(backend: any Backend) {
    self.backend = backend
  }

  /// The tests in `folder`: itself, or its folders that hold a `model.onnx`, sorted by name.
  public static func tests(in folder: String) -> [String] {
    let files = FileManager.default
    if files.fileExists(atPath: folder + "/model.onnx") { return [folder] }
    let names = (try? files.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().map { folder + "/" + $0 }
      .filter { files.fileExists(atPath: $0 + "/model.onnx") }
  }

  /// Runs the test in `folder` on every set of data that it has.
  public func run(_ folder: String) -> ONNXConformanceResult {
    let name = URL(fileURLWithPath: folder).lastPathComponent
    do {
      let model = try ONNXModel(contentsOf: folder + "/model.onnx")
      let sets = try FileManager.default.contentsOfDirectory(atPath: folder)
        .filter { $0.hasPrefix("test_data_set_") }.sorted()
      guard !sets.isEmpty else { throw ONNXError(.malformed, "the test has no data") }
      for set in sets {
        if let difference = try difference(model, folder + "/" + set) {
          return ONNXConformanceResult(name: name, status: .failed, reason: difference)
        }
      }
      return ONNXConformanceResult(name: name, status: .passed, reason: "")
    } catch let error as ONNXError where error.kind == .unsupported {
      let reason = error.message.replacingOccurrences(of: folder + "/model.onnx: ", with: "")
      return ONNXConformanceResult(name: name, status: .excluded, reason: reason)
    } catch {
      return ONNXConformanceResult(name: name, status: .failed, reason: "\(error)")
    }
  }

  /// What differs on one set of data; nil when nothing does.
  private func difference(_ model: ONNXModel, _ folder: String) throws -> String? {
    let inputs = try tensors(folder, "input")
    let expected = try tensors(folder, "output")
    guard inputs.count <= model.inputs.count, expected.count == model.outputs.count else {
      throw ONNXError(.malformed, "the data does not fit the model's inputs and outputs")
    }
    // The suite gives shapes and axes as inputs, where models have constants. They are tried as
    // data first, then integers are fixed, then everything.
    let kinds: [(HostTensor) -> Bool] = [
      { _ in false }, { !$0.type.isFloatingPoint }, { _ in true },
    ]
    var refusal: ONNXError?
    for isFixed in kinds {
      do throws(ONNXError) {
        return try difference(model, inputs, expected, isFixed)
      } catch {
        guard error.kind == .unsupported else { throw error }
        refusal = error
      }
    }
    if let refusal { throw refusal }
    return nil
  }

  private func difference(
    _ model: ONNXModel, _ inputs: [HostTensor], _ expected: [HostTensor],
    _ isFixed: (HostTensor) -> Bool
  ) throws(ONNXError) -> String? {
    let floating: DType = (inputs + expected).contains { $0.type == .double } ? .f64 : .f32
    var shapes: [String: [Int]] = [:]
    var options = ONNXOptions()
    for (info, tensor) in zip(model.inputs, inputs) {
      shapes[info.name] = tensor.shape.dimensions
      if isFixed(tensor) { options.inputValues[info.name] = tensor.tensor(floating: .f64) }
    }
    let program = try model.specialized(inputShapes: shapes, options: options)
    let graph = try program.graph(mode: .asExported, floating: floating)
    let bound =
      inputs.filter { !isFixed($0) }.map { $0.tensor(floating: floating) }
      + (try program.parameterValues(floating: floating))
      + program.bufferValues(floating: floating)
    let results: [Tensor]
    do throws(GraphError) {
      results = try backend.evaluate(graph, bound)
    } catch {
      throw ONNXError(.malformed, error.message)
    }
    for (index, (result, wanted)) in zip(results, expected).enumerated() {
      let actual = HostTensor(result, program.outputs[index].elementType)
      if let text = ONNXConformance.difference(actual, wanted) {
        return "output \(program.outputs[index].name.quotedForMessage): \(text)"
      }
    }
    return nil
  }

  private func tensors(_ folder: String, _ kind: String) throws -> [HostTensor] {
    var tensors: [HostTensor] = []
    while true {
      let path = "\(folder)/\(kind)_\(tensors.count).pb"
      guard FileManager.default.fileExists(atPath: path) else { return tensors }
      let bytes = try InputFile.bytes(at: path, expected: "a tensor", limit: Int(Int32.max))
      let proto: TensorProto? = try? WireReader.message(
        bytes, limit: ONNXLimits.default.maximumMessages)
      guard let proto, proto.hasDataType else {
        throw ONNXError(.unsupported, "the data holds a sequence or optional value, not a tensor")
      }
      tensors.append(try HostTensor(proto, ExternalData(modelPath: path)))
    }
  }

  /// What differs; nil when the values agree to the tolerance.
  static func difference(_ actual: HostTensor, _ expected: HostTensor) -> String? {
    guard actual.shape == expected.shape else {
      return "shape \(actual.shape) instead of \(expected.shape)"
    }
    guard actual.type == expected.type else {
      return "\(actual.type) instead of \(expected.type)"
    }
    // The graph computes in single precision what leaves it as half.
    let results = actual.doubles.map { rounded($0, to: expected.type) }
    for (index, (result, wanted)) in zip(results, expected.doubles).enumerated() {
      let tolerance =
        expected.type.isFloatingPoint
        ? absoluteTolerance + relativeTolerance * abs(wanted) : 0
      let agrees =
        result == wanted || (result.isNaN && wanted.isNaN) || abs(result - wanted) <= tolerance
      guard agrees else { return "element \(index) is \(result) instead of \(wanted)" }
    }
    return nil
  }

  private static func rounded(_ value: Double, to type: ONNXElementType) -> Double {
    switch type {
    case .float16: Double(float(fromHalf: halfBits(Float(value))))
    case .bfloat16: Double(float(fromBrainFloat: brainFloatBits(Float(value))))
    case .float, .double, .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64:
      value
    }
  }

  /// Rounded to nearest, ties to even.
  private static func halfBits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let magnitude = abs(value)
    if value.isNaN { return sign | 0x7E00 }
    if magnitude >= 65520 { return sign | 0x7C00 }
    if magnitude < 0x1p-14 {
      return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven))
    }
    let rebased = (bits & 0x7FFF_FFFF) - (112 << 23)
    let lower = rebased & 0x1FFF
    var half = rebased >> 13
    if lower > 0x1000 || (lower == 0x1000 && half & 1 == 1) { half += 1 }
    return sign | UInt16(truncatingIfNeeded: half)
  }

  private static func brainFloatBits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }
}
