import OperatorTable
import Testing

@testable import TensorGraph

@Suite struct VerifierTests {
  @Test(arguments: operatorTable)
  func builtGraphsAreValid(row: OperatorRow) throws {
    for order in 0...Swift.min(row.highestOrder, 2) {
      let graph = row.program(order: order, .f32).graph
      try graph.verify()
      try graph.simplified().verify()
    }
  }

  private static let type = TensorType([2], .f32)
  private static let x = Node(op: .input(index: 0, type), operands: [], type: type)
  private static let exp = Node(op: .elementwise(.unary(.exp)), operands: [NodeID(0)], type: type)

  /// Graphs with one fault each, and a part of what is said about it.
  private static let faults: [(nodes: [Node], outputs: [Int], message: String)] = [
    (
      [x, Node(op: .elementwise(.unary(.exp)), operands: [NodeID(1)], type: type)], [1],
      "not an earlier node"
    ),
    (
      [Node(op: .elementwise(.unary(.exp)), operands: [NodeID(1)], type: type), x], [0],
      "not an earlier node"
    ),
    (
      [x, Node(op: .elementwise(.unary(.exp)), operands: [NodeID(-1)], type: type)], [1],
      "not an earlier node"
    ),
    (
      [x, Node(op: .elementwise(.unary(.exp)), operands: [], type: type)], [1],
      "takes 1 operands, not 0"
    ),
    (
      [
        x, Node(op: .elementwise(.unary(.exp)), operands: [NodeID(0)], type: TensorType([3], .f32)),
      ], [1],
      "gives f32[2], but is recorded as f32[3]"
    ),
    (
      [x, Node(op: .elementwise(.unary(.not)), operands: [NodeID(0)], type: type)], [1],
      "not defined on f32"
    ),
    ([Node(op: .input(index: 1, type), operands: [], type: type)], [0], "not declared"),
    ([Node(op: .input(index: -1, type), operands: [], type: type)], [0], "not declared"),
    (
      [
        Node(
          op: .input(index: 0, TensorType([2], .f64)), operands: [], type: TensorType([2], .f64))
      ], [0], "not declared"
    ),
    ([x, exp], [2], "output 0 is %2, which is not a node"),
    ([x, exp], [1, -1], "output 1 is %-1, which is not a node"),
  ]

  @Test(arguments: faults.indices)
  func faultsAreNamed(index: Int) {
    let fault = Self.faults[index]
    let graph = Graph(
      nodes: fault.nodes, inputs: [Graph.Input(name: "x", type: Self.type, role: .varying)],
      outputs: fault.outputs.map { NodeID($0) })
    let error = #expect(throws: GraphError.self) { try graph.verify() }
    #expect(error?.message.contains(fault.message) == true, "\(error?.message ?? "no error")")
  }

  @Test func backendsRefuseInvalidGraphs() {
    let graph = Graph(nodes: [Self.x], inputs: [], outputs: [NodeID(0)])
    #expect(throws: GraphError.self) { try ReferenceInterpreter().compile(graph) }
  }
}
