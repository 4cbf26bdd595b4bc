import Clients
import TensorGraph

/// What is known of a value inside the model.
struct KnownValue {
  let tensor: Tensor
  /// What each element weighs as an equation, 0 where it is not known.
  let weights: [Double]

  /// - Parameter weights: all of it is known by default.
  init(_ tensor: Tensor, weights: [Double]? = nil) {
    self.tensor = tensor
    self.weights = weights ?? [Double](repeating: 1, count: tensor.shape.elementCount)
  }
}

/// Where layer peeling stands: what is known of one value of the model.
struct PeelingState {
  var value: KnownValue?
  var cotangent: Tensor
  /// The alternative, between an activation that turns and the layer below it.
  var other: OtherBranch?
  /// The input of the layer below, where deciding between the branches found it.
  var found: [Double]?

  /// What value and cotangent are where an element lies on the other side of the turn.
  struct OtherBranch {
    let value: KnownValue
    let cotangent: Tensor
    /// Elements of which it is open on which side they lie; in the others both branches are the same.
    let isOpen: [Bool]
    /// The activation's output, of which value and cotangent are known without doubt.
    let turn: Turn
  }

  /// A node of the model with what is known of it.
  struct Turn {
    let node: NodeID
    let value: KnownValue
    let cotangent: Tensor
  }
}

extension LayerPeeling {
  /// A state before a rearrangement from the one behind it. For a rearrangement the transpose is the
  /// inverse.
  func rearranged(
    _ state: PeelingState, _ output: NodeID, _ input: NodeID
  ) throws(GraphError) -> PeelingState {
    let builder = GraphBuilder()
    let source = builder.input("input", graph[input].shape, .f64)
    let elements = builder.input("output", graph[output].shape, .f64)
    let result = try builder.add(graph[output].op, [source])
    let back = builder.build(outputs: [result.pullback(elements, to: [source])[0]])
    let placeholder = Tensor(source.shape, .f64, repeating: 0)

    func rearranged(_ tensor: Tensor) throws(GraphError) -> Tensor {
      try backend.evaluate(back, [placeholder, tensor])[0]
    }
    func rearranged(_ value: KnownValue) throws(GraphError) -> KnownValue {
      let weights = Tensor(value.tensor.shape, .f64(value.weights))
      return KnownValue(
        try rearranged(value.tensor), weights: try rearranged(weights).doubles)
    }
    return PeelingState(
      value: try state.value.map { value throws(GraphError) in try rearranged(value) },
      cotangent: try rearranged(state.cotangent),
      other: try state.other.map { other throws(GraphError) in
        let isOpen = Tensor(
          other.value.tensor.shape, .f64(other.isOpen.map { $0 ? 1 : 0 }))
        return PeelingState.OtherBranch(
          value: try rearranged(other.value), cotangent: try rearranged(other.cotangent),
          isOpen: try rearranged(isOpen).doubles.map { $0 != 0 }, turn: other.turn)
      })
  }

  /// The state before a stretch of elementwise operations from the one behind it.
  func undone(
    _ state: PeelingState, _ output: NodeID, _ input: NodeID, _ inputs: [Tensor]
  ) throws -> (state: PeelingState, impossibleCount: Int) {
    let inverse = try ElementwiseInverse(
      graph, from: input, to: output, inputs: inputs, backend: backend)
    guard let value = state.value else {
      guard !inverse.needsArgument else {
        throw AttackError(
          "layer peeling needs logits without an activation on top; use the attack auto")
      }
      return (
        PeelingState(
          value: nil, cotangent: try inverse.argumentCotangent(state.cotangent, at: nil)),
        0
      )
    }
    let found = try arguments(of: value.tensor, inverse)
    var undone = PeelingState(
      value: KnownValue(found.argument, weights: zip(value.weights, found.weights).map(min)),
      cotangent: try inverse.argumentCotangent(state.cotangent, at: found.argument))
    if let other = found.other {
      guard state.other == nil else { throw turnsTwice }
      undone.other = PeelingState.OtherBranch(
        value: KnownValue(other.argument, weights: zip(value.weights, other.weights).map(min)),
        cotangent: try inverse.argumentCotangent(state.cotangent, at: other.argument),
        isOpen: other.isOpen,
        turn: PeelingState.Turn(node: output, value: value, cotangent: state.cotangent))
    } else if let other = state.other {
      let branch = try arguments(of: other.value.tensor, inverse)
      undone.other = PeelingState.OtherBranch(
        value: KnownValue(
          branch.argument, weights: zip(other.value.weights, branch.weights).map(min)),
        cotangent: try inverse.argumentCotangent(other.cotangent, at: branch.argument),
        isOpen: other.isOpen, turn: other.turn)
    }
    return (undone, found.impossibleCount)
  }

  private func arguments(
    of values: Tensor, _ inverse: ElementwiseInverse
  ) throws -> ElementwiseInverse.Arguments {
    guard let arguments = try inverse.argument(for: values) else { throw turnsTwice }
    return arguments
  }

  private var turnsTwice: AttackError {
    AttackError(
      "an activation of \(model.name) turns more than once, so layer peeling cannot undo it; use the "
        + "attack auto")
  }
}
