import TensorGraph

/// The constants that a graph takes as inputs: found while a program is tried out, looked up when it
/// is emitted.
final class BufferTable {
  private(set) var contents: [HostTensor]
  private(set) var specs: [ONNXTensorSpec]
  private(set) var values: [Value]
  private var indices: [Key: Int] = [:]
  /// Where new buffers are declared; nil when the table is complete.
  private let growing: (builder: GraphBuilder, floating: DType)?

  private enum Key: Hashable {
    case name(String)
    case content(HostTensor)
  }

  /// An empty table that declares inputs as they are asked for.
  init(growingIn builder: GraphBuilder, floating: DType) {
    contents = []
    specs = []
    values = []
    growing = (builder, floating)
  }

  /// A complete table.
  init(contents: [HostTensor], specs: [ONNXTensorSpec], values: [Value]) {
    self.contents = contents
    self.specs = specs
    self.values = values
    growing = nil
    for (index, content) in contents.enumerated() {
      indices[.content(content)] = indices[.content(content)] ?? index
      indices[.name(specs[index].name)] = index
    }
  }

  /// Continues a complete table in another builder, declaring all that it has already.
  convenience init(continuing other: BufferTable, in builder: GraphBuilder, floating: DType) {
    self.init(growingIn: builder, floating: floating)
    for (content, spec) in zip(other.contents, other.specs) {
      append(content, name: spec.name, builder, floating)
    }
  }

  /// The graph's value of `tensor`; `name` is its initialiser's.
  func value(of tensor: HostTensor, name: String?) throws(ONNXError) -> Value {
    let index =
      name.flatMap { indices[.name($0)] } ?? (name == nil ? indices[.content(tensor)] : nil)
    if let index { return values[index] }
    guard let (builder, floating) = growing else {
      throw ONNXError(
        .unsupported, "a constant of shape \(tensor.shape) appears in this mode alone")
    }
    return append(tensor, name: name ?? "constant_\(contents.count)", builder, floating)
  }

  @discardableResult
  private func append(
    _ tensor: HostTensor, name: String, _ builder: GraphBuilder, _ floating: DType
  ) -> Value {
    let spec = ONNXTensorSpec(name: name, shape: tensor.shape, elementType: tensor.type)
    let type = spec.type(floating: floating)
    let value = builder.input(name, type.shape, type.dtype, role: .fixed)
    indices[.content(tensor)] = indices[.content(tensor)] ?? contents.count
    indices[.name(name)] = contents.count
    contents.append(tensor)
    specs.append(spec)
    values.append(value)
    return value
  }
}
