import Foundation
import ONNXProtobuf
import TensorGraph

/// One node while it is lowered: what a handler of the operator table sees.
struct OperatorCall {
  let node: Onnx_NodeProto
  /// Version of the operator set that the node belongs to.
  let opset: Int
  /// Nil where an optional input is left out.
  let operands: [Operand?]
  let emission: Emission
  /// Reads constants in attributes.
  let externalData: ExternalData
  /// A batch size that differs from the exporter's.
  let batchOverride: ONNXPlan.BatchOverride?

  /// The same call in another graph, with these operands.
  func moved(to emission: Emission, operands: [Operand?]) -> OperatorCall {
    OperatorCall(
      node: node, opset: opset, operands: operands, emission: emission, externalData: externalData,
      batchOverride: batchOverride)
  }

  // MARK: Inputs

  func operand(_ index: Int) throws(ONNXError) -> Operand {
    guard let operand = optionalOperand(index) else {
      throw ONNXError(.malformed, "its input \(index) is missing")
    }
    return operand
  }

  func optionalOperand(_ index: Int) -> Operand? {
    index < operands.count ? operands[index] : nil
  }

  func term(_ index: Int) throws(ONNXError) -> Term { try emission.term(operand(index)) }

  func optionalTerm(_ index: Int) throws(ONNXError) -> Term? {
    guard let operand = optionalOperand(index) else { return nil }
    return try emission.term(operand)
  }

  /// All inputs, none of which may be left out.
  func terms() throws(ONNXError) -> [Term] {
    var terms: [Term] = []
    for index in operands.indices { terms.append(try term(index)) }
    return terms
  }

  /// An input that must be known before the graph runs.
  func host(_ index: Int, _ what: String) throws(ONNXError) -> HostTensor {
    guard let host = try operand(index).host else {
      throw ONNXError(
        .unsupported, "its \(what) depends on the data, which graphs of fixed shapes cannot have")
    }
    return host
  }

  func optionalHost(_ index: Int, _ what: String) throws(ONNXError) -> HostTensor? {
    optionalOperand(index) == nil ? nil : try host(index, what)
  }

  /// A constant vector (or scalar) of integers.
  func hostIntegers(_ index: Int, _ what: String) throws(ONNXError) -> [Int] {
    let tensor = try host(index, what)
    guard let integers = tensor.integers, tensor.shape.rank <= 1 else {
      throw ONNXError(.malformed, "its \(what) is \(tensor.type)\(tensor.shape), no integers")
    }
    return integers
  }

  func optionalHostIntegers(_ index: Int, _ what: String) throws(ONNXError) -> [Int]? {
    optionalOperand(index) == nil ? nil : try hostIntegers(index, what)
  }

  // MARK: Attributes

  private func attribute(_ name: String) -> Onnx_AttributeProto? {
    node.attribute.first { $0.name == name }
  }

  func has(_ name: String) -> Bool { attribute(name) != nil }

  func integer(_ name: String) -> Int? { attribute(name).map { Int($0.i) } }
  func integer(_ name: String, default value: Int) -> Int { integer(name) ?? value }
  func flag(_ name: String, default value: Bool = false) -> Bool {
    integer(name).map { $0 != 0 } ?? value
  }
  func integers(_ name: String) -> [Int]? { attribute(name).map { $0.ints.map { Int($0) } } }
  func number(_ name: String) -> Double? { attribute(name).map { decimal($0.f) } }
  func number(_ name: String, default value: Double) -> Double { number(name) ?? value }
  func numbers(_ name: String) -> [Double]? { attribute(name).map { $0.floats.map(decimal) } }
  func string(_ name: String) -> String? {
    attribute(name).map { String(decoding: $0.s, as: UTF8.self) }
  }
  func string(_ name: String, default value: String) -> String { string(name) ?? value }
  func strings(_ name: String) -> [String]? {
    attribute(name).map { $0.strings.map { String(decoding: $0, as: UTF8.self) } }
  }
  func tensor(_ name: String) throws(ONNXError) -> HostTensor? {
    guard let attribute = attribute(name) else { return nil }
    return try HostTensor(attribute.t, externalData)
  }

  /// An attribute's number: exact in `f32`; in `f64` the shortest decimal that the exporter rounded,
  /// so that an epsilon of 1e-5 is what the training code says.
  private func decimal(_ value: Float) -> Double {
    guard emission.floating == .f64, value.isFinite else { return Double(value) }
    // The 1/6 of a hard sigmoid is no short decimal either.
    for denominator in [3.0, 6.0] {
      let numerator = (Double(value) * denominator).rounded()
      if abs(numerator) < denominator, numerator != 0, Float(numerator / denominator) == value {
        return numerator / denominator
      }
    }
    return Double(value.description) ?? Double(value)
  }

  // MARK: Axes

  /// An axis of a value of `rank` axes, negative ones counted from the end.
  func axis(_ axis: Int, rank: Int) throws(ONNXError) -> Int {
    guard (-rank..<Swift.max(rank, 1)).contains(axis), rank > 0 else {
      throw ONNXError(.malformed, "its axis \(axis) is outside a value of \(rank) axes")
    }
    return axis < 0 ? axis + rank : axis
  }

  /// Distinct axes in ascending order.
  func axes(_ axes: [Int], rank: Int) throws(ONNXError) -> [Int] {
    var result: [Int] = []
    for axis in axes { result.append(try self.axis(axis, rank: rank)) }
    guard Set(result).count == result.count else {
      throw ONNXError(.malformed, "its axes \(axes) repeat")
    }
    return result.sorted()
  }

  // MARK: Results

  /// A result of the first input's element type.
  func result(_ term: Term) throws(ONNXError) -> [Operand] {
    [Operand(term, try operand(0).type)]
  }
}
