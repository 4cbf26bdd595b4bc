import ONNXProtobuf
import SwiftProtobuf
import TensorGraph

/// Undoes what PyTorch's exporter does to the weights of recurrent layers: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0` and
/// `bias_hh_l0` of `torch.nn.LSTM`, `GRU` and `RNN` have their gates put into another order and are folded into constants
/// without names (`onnx::LSTM_117`). What clients share are gradients of the former, so that these become initialisers again,
/// from which nodes make what the layer reads.
struct RecurrentParameters {
  /// Elements that may be added.
  private var remainingElements: Int
  private let external: ExternalData
  /// Behind the names of values that are added.
  private var count = 0

  init(_ limits: ONNXLimits, _ external: ExternalData) {
    remainingElements = limits.maximumConstantElements
    self.external = external
  }

  /// A constant of a layer that is to be taken apart.
  private struct Folded {
    let name: String
    let value: HostTensor
    /// For PyTorch's names, such as `weight_ih`: one of each direction; two of the biases.
    let kinds: [String]
  }

  /// The operator sets whose `Split`, `Unsqueeze` and `Constant` are written here.
  private static let opsets = 13...

  /// Takes the constants of all such layers apart; those that are not PyTorch's, or are used elsewhere too, stay.
  mutating func separate(in graph: inout Onnx_GraphProto, opset: Int) {
    guard RecurrentParameters.opsets.contains(opset),
      graph.node.contains(where: { RecurrentCell(rawValue: $0.opType) != nil })
    else { return }
    var uses: [String: Int] = [:]
    for name in graph.node.lazy.flatMap(\.input) { uses[name, default: 0] += 1 }
    var nodes: [Onnx_NodeProto] = []
    for (index, node) in graph.node.enumerated() {
      if let cell = RecurrentCell(rawValue: node.opType), node.domain.isEmpty,
        let folded = folded(of: node, cell, graph, uses),
        folded.reduce(0, { $0 + $1.value.count }) <= remainingElements
      {
        remainingElements -= folded.reduce(0) { $0 + $1.value.count }
        let place = RecurrentParameters.place(behind: index, of: graph)
        var added: [Onnx_TensorProto] = []
        for tensor in folded { nodes += unfold(tensor, node, cell, opset, into: &added) }
        let names = Set(folded.map(\.name))
        graph.initializer.insert(
          contentsOf: RecurrentParameters.inOrder(added), at: place)
        graph.initializer.removeAll { names.contains($0.name) }
      }
      nodes.append(node)
    }
    graph.node = nodes
  }

  /// The constants of a layer; nil where one is missing, named by the training code, or used twice.
  private func folded(
    of node: Onnx_NodeProto, _ cell: RecurrentCell, _ graph: Onnx_GraphProto, _ uses: [String: Int]
  ) -> [Folded]? {
    var result: [Folded] = []
    for (position, kinds) in [(1, ["weight_ih"]), (2, ["weight_hh"]), (3, ["bias_ih", "bias_hh"])] {
      let name = position < node.input.count ? node.input[position] : ""
      if name.isEmpty, position == 3 { continue }
      guard name.contains("::"), uses[name] == 1,
        let tensor = graph.initializer.first(where: { $0.name == name }),
        let value = try? HostTensor(tensor, external), value.type.isFloatingPoint,
        (1...2).contains(value.shape.dimensions.first ?? 0),
        value.shape.rank == (position == 3 ? 2 : 3),
        value.shape[1] % (cell.gateCount * kinds.count) == 0
      else { return nil }
      result.append(Folded(name: name, value: value, kinds: kinds))
    }
    return RecurrentParameters.layer(of: node) == nil ? nil : result
  }

  /// The module and the number of its layer, of a node's name such as `/encoder/rnn/LSTM_1`.
  private static func layer(of node: Onnx_NodeProto) -> (path: String, number: Int)? {
    let parts = node.name.split(separator: "/")
    guard node.name.hasPrefix("/"), let last = parts.last, last.hasPrefix(node.opType) else {
      return nil
    }
    let suffix = last.dropFirst(node.opType.count)
    guard suffix.isEmpty || suffix.hasPrefix("_"),
      let number = suffix.isEmpty ? 0 : Int(suffix.dropFirst())
    else { return nil }
    return (parts.dropLast().joined(separator: "."), number)
  }

  /// Before the first initialiser that a later node reads: training code makes layers in the order of their use.
  private static func place(behind index: Int, of graph: Onnx_GraphProto) -> Int {
    let earlier = Set(graph.node[...index].flatMap(\.input))
    let later = Set(graph.node[(index + 1)...].flatMap(\.input))
    return graph.initializer.firstIndex { later.contains($0.name) && !earlier.contains($0.name) }
      ?? graph.initializer.count
  }

  /// As `named_parameters()` has them: direction by direction, weights before biases.
  private static func inOrder(_ tensors: [Onnx_TensorProto]) -> [Onnx_TensorProto] {
    tensors.enumerated().sorted { first, second in
      let (isReverse, isOtherReverse) = (
        first.element.name.hasSuffix("_reverse"), second.element.name.hasSuffix("_reverse")
      )
      return isReverse == isOtherReverse ? first.offset < second.offset : isOtherReverse
    }.map(\.element)
  }

  /// PyTorch's parameters of a constant, and the nodes that make the constant of them.
  private mutating func unfold(
    _ tensor: Folded, _ node: Onnx_NodeProto, _ cell: RecurrentCell, _ opset: Int,
    into parameters: inout [Onnx_TensorProto]
  ) -> [Onnx_NodeProto] {
    guard let layer = RecurrentParameters.layer(of: node) else { return [] }
    let values = tensor.value.doubles
    let directions = tensor.value.shape[0]
    let rows = tensor.value.shape[1] / tensor.kinds.count
    let columns = tensor.value.shape.rank == 3 ? tensor.value.shape[2] : 1
    var nodes: [Onnx_NodeProto] = []
    var whole: [String] = []
    for direction in 0..<directions {
      var parts: [String] = []
      for (index, kind) in tensor.kinds.enumerated() {
        let start = (direction * tensor.kinds.count + index) * rows * columns
        let block = rows / cell.gateCount * columns
        var parameter = Onnx_TensorProto()
        parameter.name =
          (layer.path.isEmpty ? "" : layer.path + ".")
          + "\(kind)_l\(layer.number)" + (direction == 1 ? "_reverse" : "")
        parameter.dims =
          tensor.value.shape.rank == 3 ? [Int64(rows), Int64(columns)] : [Int64(rows)]
        parameter.dataType = Int32(tensor.value.type.rawValue)
        let ordered = cell.placesOfPyTorchsGates.flatMap { place in
          values[(start + place * block)..<(start + (place + 1) * block)]
        }
        RecurrentParameters.store(ordered, in: &parameter)
        parameters.append(parameter)
        let gates = (0..<cell.gateCount).map { _ in made() }
        nodes.append(
          RecurrentParameters.node("Split", [parameter.name], gates) { split in
            split.set("axis", 0)
            if opset >= 18 { split.set("num_outputs", gates.count) }
          })
        let places = cell.placesOfPyTorchsGates
        parts += (0..<cell.gateCount).compactMap { place in
          places.firstIndex(of: place).map { gates[$0] }
        }
      }
      let (joined, axes, wide) = (made(), made(), made())
      nodes += [
        RecurrentParameters.node("Concat", parts, [joined]) { $0.set("axis", 0) },
        RecurrentParameters.node("Constant", [], [axes]) { $0.set("value_ints", [0]) },
        RecurrentParameters.node("Unsqueeze", [joined, axes], [wide]) { _ in },
      ]
      whole.append(wide)
    }
    nodes.append(
      RecurrentParameters.node("Concat", whole, [tensor.name]) { $0.set("axis", 0) })
    return nodes
  }

  private mutating func made() -> String {
    count += 1
    return "/recurrent parameters/\(count)"
  }

  private static func store(_ values: [Double], in tensor: inout Onnx_TensorProto) {
    if tensor.dataType == Int32(ONNXElementType.double.rawValue) {
      tensor.doubleData = values
    } else {
      tensor.dataType = Int32(ONNXElementType.float.rawValue)
      tensor.floatData = values.map { Float($0) }
    }
  }

  private static func node(
    _ type: String, _ inputs: [String], _ outputs: [String],
    _ change: (inout Onnx_NodeProto) -> Void
  ) -> Onnx_NodeProto {
    var node = Onnx_NodeProto()
    (node.opType, node.input, node.output) = (type, inputs, outputs)
    change(&node)
    return node
  }
}

extension Onnx_NodeProto {
  fileprivate mutating func set(_ name: String, _ value: Int) {
    var attribute = Onnx_AttributeProto()
    (attribute.name, attribute.type, attribute.i) = (name, .int, Int64(value))
    self.attribute.append(attribute)
  }

  fileprivate mutating func set(_ name: String, _ values: [Int]) {
    var attribute = Onnx_AttributeProto()
    (attribute.name, attribute.type, attribute.ints) = (name, .ints, values.map { Int64($0) })
    self.attribute.append(attribute)
  }
}
