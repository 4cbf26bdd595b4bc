import TensorGraph

/// A value of the model while it is lowered: a constant, or a value of the graph.
struct Operand {
  enum Content {
    /// `name` is that of the initialiser it is, unchanged; nil for what was computed.
    case host(HostTensor, name: String?)
    case graph(Value)
  }

  /// The type in the file; a graph holds all floating-point types as one.
  let type: ONNXElementType
  let content: Content

  init(_ host: HostTensor, name: String? = nil) {
    type = host.type
    content = .host(host, name: name)
  }

  init(_ value: Value, _ type: ONNXElementType) {
    self.type = type
    content = .graph(value)
  }

  init(_ term: Term, _ type: ONNXElementType) {
    self.init(term.value, type)
  }

  var shape: Shape {
    switch content {
    case .host(let tensor, _): tensor.shape
    case .graph(let value): value.shape
    }
  }

  /// The constant; nil for a value of the graph.
  var host: HostTensor? {
    guard case .host(let tensor, _) = content else { return nil }
    return tensor
  }
}
