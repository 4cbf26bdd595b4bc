extension Graph: CustomStringConvertible {
  /// One line for each node, `%id: type = operator(operands) attributes`, and one for the outputs.
  /// Attributes that have their usual value (no padding, one group, ...) are left out.
  public var description: String {
    var lines = nodes.enumerated().map { index, node in
      "\(NodeID(index)): \(node.type) = " + line(for: node)
    }
    lines.append("return " + outputs.map(\.description).joined(separator: ", "))
    return lines.joined(separator: "\n")
  }

  private func line(for node: Node) -> String {
    if case .input(let index, _) = node.op {
      let input = inputs[index]
      return "input \(input.name.debugDescription)" + (input.role == .fixed ? " fixed" : "")
    }
    let operands = node.operands.map(\.description).joined(separator: ", ")
    let call = node.operands.isEmpty ? node.op.name : "\(node.op.name)(\(operands))"
    return ([call] + node.op.attributes).joined(separator: " ")
  }
}

extension Op {
  /// Attributes as printed; none for those that the result's type shows.
  fileprivate var attributes: [String] {
    switch self {
    case .input, .elementwise, .indexing: []
    case .constant(let value, _): ["\(value)"]
    case .iota(_, let axis): ["axis=\(axis)"]
    case .reduction(let op): op.attributes
    case .contraction(let op): op.attributes
    case .structural(let op): op.attributes
    }
  }
}

extension ReductionOp {
  fileprivate var attributes: [String] {
    switch self {
    case .reduce(_, let axes):
      ["axes=\(axes)"]
    case .argmax(let axis):
      ["axis=\(axis)"]
    case .windowArgmax(let window):
      ["size=\(window.size)"]
        + windowAttributes(window.strides, window.padding, window.dilations)
    }
  }
}

extension ContractionOp {
  fileprivate var attributes: [String] {
    switch self {
    case .matmul(let transposeA, let transposeB):
      (transposeA ? ["transposeA"] : []) + (transposeB ? ["transposeB"] : [])
    case .convolution(let convolution):
      convolution.attributes
    case .convolutionInputGradient(let convolution, let inputSize):
      convolution.attributes + ["inputSize=\(inputSize)"]
    case .convolutionWeightGradient(let convolution, let kernelSize):
      convolution.attributes + ["kernelSize=\(kernelSize)"]
    }
  }
}

extension StructuralOp {
  fileprivate var attributes: [String] {
    switch self {
    case .reshape:
      []
    case .broadcast(_, let axes):
      ["axes=\(axes)"]
    case .transpose(let permutation):
      ["permutation=\(permutation)"]
    case .slice(let starts, let limits, let strides):
      ["starts=\(starts)", "limits=\(limits)"]
        + (strides.allSatisfy { $0 == 1 } ? [] : ["strides=\(strides)"])
    case .pad(let low, let high, let interior):
      ["low=\(low)", "high=\(high)"]
        + (interior.allSatisfy { $0 == 0 } ? [] : ["interior=\(interior)"])
    case .concatenate(let axis):
      ["axis=\(axis)"]
    }
  }
}

extension Convolution {
  fileprivate var attributes: [String] {
    windowAttributes(strides, padding, dilations) + (groups == 1 ? [] : ["groups=\(groups)"])
  }
}

private func windowAttributes(
  _ strides: Size2D, _ padding: Padding2D, _ dilations: Size2D
) -> [String] {
  let one = Size2D(1, 1)
  return (strides == one ? [] : ["strides=\(strides)"])
    + (padding == Padding2D(0) ? [] : ["padding=\(padding)"])
    + (dilations == one ? [] : ["dilations=\(dilations)"])
}
