import TensorGraph

/// Computes nodes whose inputs are all constants, shapes above all: the node is lowered into a small
/// graph of its own, which the reference interpreter runs in `Double` and 64-bit integers.
final class ConstantFolding {
  private let limits: ONNXLimits
  private var remainingElements: Int
  /// Bound on the interpreter's steps for one node; larger work is left to the backend.
  private let maximumWork: Int

  init(limits: ONNXLimits) {
    self.limits = limits
    remainingElements = limits.maximumConstantElements
    maximumWork = min(1 << 25, 4 * limits.maximumConstantElements)
  }

  /// The node's results as constants; nil when an input is no constant, or the work is large.
  func fold(_ call: OperatorCall, _ entry: OperatorEntry) throws(ONNXError) -> [Operand]? {
    guard call.operands.allSatisfy({ $0 == nil || $0?.host != nil }) else { return nil }
    let builder = GraphBuilder()
    let table = BufferTable(growingIn: builder, floating: .f64)
    let elements = min(remainingElements, maximumWork)
    let scratch = Emission(
      builder: builder, floating: .f64, mode: call.emission.mode, buffers: table, limits: limits,
      maximumTotalElements: elements, maximumWork: maximumWork)
    let rounded = call.operands.map { operand in
      operand.map { entry.roundsToInteger ? $0.roundedToItsType : $0 }
    }
    let results: [Operand]
    do throws(ONNXError) {
      results = try entry.handler(call.moved(to: scratch, operands: rounded))
    } catch {
      if error.kind == .tooLarge { return nil }
      throw error
    }
    return try evaluated(results, builder, table)
  }

  private func evaluated(
    _ results: [Operand], _ builder: GraphBuilder, _ table: BufferTable
  ) throws(ONNXError) -> [Operand] {
    let values = results.compactMap { operand -> Value? in
      guard case .graph(let value) = operand.content else { return nil }
      return value
    }
    let count = results.reduce(0) { $0 + $1.shape.elementCount }
    guard count <= remainingElements else {
      throw ONNXError(
        .tooLarge,
        "constants of more than \(limits.maximumConstantElements) elements would be computed")
    }
    remainingElements -= count
    guard !values.isEmpty else { return results }
    let graph = builder.build(outputs: values)
    var tensors: [Tensor]
    do throws(GraphError) {
      tensors = try ReferenceInterpreter().evaluate(
        graph, table.contents.map { $0.tensor(floating: .f64) })
    } catch {
      throw ONNXError(.malformed, error.message)
    }
    tensors.reverse()
    return results.map { operand in
      if operand.host != nil { return operand }
      return Operand(HostTensor(tensors.removeLast(), operand.type))
    }
  }
}

extension OperatorEntry {
  /// Whether a result jumps where the last bit of an input changes.
  fileprivate var roundsToInteger: Bool {
    ["Floor", "Ceil", "Round", "Cast", "Equal", "Less", "Greater", "Mod"].contains(name)
  }
}

extension Operand {
  /// A single-precision constant as single precision would have it: sizes of images are computed in
  /// it, and 10 · 0.7 must not fall below 7.
  fileprivate var roundedToItsType: Operand {
    guard case .host(let tensor, let name) = content, tensor.type == .float,
      case .floats(let elements) = tensor.storage
    else { return self }
    return Operand(
      HostTensor(tensor.shape, .float, .floats(elements.map { Double(Float($0)) })), name: name)
  }
}
