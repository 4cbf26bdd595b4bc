import TensorGraph

/// Where the elements of a graph's nodes come from, as far as it moves data and parameters and multiplies one by the other.
struct MovedElements {
  /// An element of a parameter.
  struct Place: Hashable {
    let parameter: Int
    let element: Int
  }

  /// An input times an element of a parameter.
  struct Term {
    let input: Int
    let weight: Place
  }

  private let graph: Graph
  private let parameterCount: Int
  /// For each element of a node that holds data, or sums of products, the number of its ``sums`` from 1; 0 for anything else.
  private var known: [NodeID: [Double]] = [:]
  private var sums: [Sum] = []

  private enum Sum {
    case input(Int)
    case terms([Term])
  }

  /// Elements of a node, or of a product, beyond which it is passed over.
  private static let elementLimit = 1 << 22

  /// - Parameters:
  ///   - graph: of one example, with `parameterCount` parameters as its first inputs.
  ///   - data: its input of examples.
  init(_ graph: Graph, data: NodeID, parameterCount: Int) {
    (self.graph, self.parameterCount) = (graph, parameterCount)
    let count = graph[data].shape.elementCount
    guard count <= Self.elementLimit else { return }
    sums = (0..<count).map { .input($0) }
    known[data] = (0..<count).map { Double($0 + 1) }
    for (index, node) in graph.nodes.enumerated()
    where node.operands.contains(where: { known[$0] != nil })
      && node.shape.elementCount <= Self.elementLimit
    {
      switch node.op {
      case .structural(let op):
        known[NodeID(index)] = op.moving(
          node.operands.map { id in
            (
              graph[id].type,
              known[id] ?? [Double](repeating: 0, count: graph[id].shape.elementCount)
            )
          }, to: node.type)
      case .elementwise(.binary(.multiply)): multiply(NodeID(index), node)
      case .contraction(.matmul(transposeA: false, transposeB: let isTransposed)):
        multiply(NodeID(index), node, isTransposed: isTransposed)
      case .input, .constant, .iota, .elementwise, .reduction, .contraction, .indexing: continue
      }
    }
  }

  /// Sums of products of inputs and weights to which an element of a parameter is added.
  func biasedSums() -> [(terms: [Term], bias: Place)] {
    var result: [(terms: [Term], bias: Place)] = []
    for node in graph.nodes where node.op == .elementwise(.binary(.add)) {
      guard let (numbers, biases) = operands(node) else { continue }
      for (number, bias) in zip(numbers, biases) {
        guard number > 0, let bias, case .terms(let terms) = sums[Int(number) - 1] else { continue }
        result.append((terms, bias))
      }
    }
    return result
  }

  /// Elementwise operands of which one is known and the other holds elements of parameters.
  private func operands(_ node: Node) -> (numbers: [Double], places: [Place?])? {
    guard node.operands.count == 2 else { return nil }
    for (own, other) in [(0, 1), (1, 0)] {
      if let numbers = known[node.operands[own]], known[node.operands[other]] == nil,
        let places = places(of: node.operands[other])
      {
        return (numbers, places)
      }
    }
    return nil
  }

  private mutating func multiply(_ id: NodeID, _ node: Node) {
    guard let (numbers, places) = operands(node) else { return }
    known[id] = zip(numbers, places).map { number, place in
      guard number > 0, let place, case .input(let input) = sums[Int(number) - 1] else { return 0 }
      sums.append(.terms([Term(input: input, weight: place)]))
      return Double(sums.count)
    }
  }

  /// The product of one row and a matrix.
  private mutating func multiply(_ id: NodeID, _ node: Node, isTransposed: Bool) {
    let shape = graph[node.operands[1]].shape
    guard let numbers = known[node.operands[0]], shape.rank == 2, node.shape.dimensions.first == 1,
      shape.elementCount <= Self.elementLimit, let places = places(of: node.operands[1])
    else { return }
    let width = node.shape[1]
    var result = [Double](repeating: 0, count: width)
    for column in 0..<width {
      var terms: [Term] = []
      for (row, number) in numbers.enumerated() {
        let place = places[isTransposed ? column * numbers.count + row : row * width + column]
        guard number > 0, let place, case .input(let input) = sums[Int(number) - 1] else {
          terms = []
          break
        }
        terms.append(Term(input: input, weight: place))
      }
      guard !terms.isEmpty else { continue }
      sums.append(.terms(terms))
      result[column] = Double(sums.count)
    }
    known[id] = result
  }

  // MARK: - Parameters

  /// The elements of parameters that a node holds, nil for others of its own; nil where it computes anything.
  private func places(of id: NodeID) -> [Place?]? {
    var parameters: [Int] = []
    guard graph[id].shape.elementCount <= Self.elementLimit,
      let numbers = numbers(of: id, &parameters), !parameters.isEmpty
    else { return nil }
    return numbers.map { number in
      guard number > 0 else { return nil }
      let (parameter, element) = (Int(number) - 1).quotientAndRemainder(
        dividingBy: Self.elementLimit)
      return Place(parameter: parameter, element: element)
    }
  }

  /// Numbers that stand for elements of parameters, from 1; 0 for constants.
  private func numbers(of id: NodeID, _ parameters: inout [Int]) -> [Double]? {
    let node = graph[id]
    switch node.op {
    case .constant: return [0]
    case .input(let input, let type):
      guard input < parameterCount, type.shape.elementCount <= Self.elementLimit else { return nil }
      parameters.append(input)
      return (0..<type.shape.elementCount).map { Double(input * Self.elementLimit + $0 + 1) }
    case .structural(let op):
      var operands: [(type: TensorType, numbers: [Double])] = []
      for operand in node.operands {
        guard let numbers = numbers(of: operand, &parameters) else { return nil }
        operands.append((graph[operand].type, numbers))
      }
      return op.moving(operands, to: node.type)
    case .iota, .elementwise, .reduction, .contraction, .indexing: return nil
    }
  }
}
