import TensorGraph

/// An audited filter, with what goes in and comes out as one vector for each tensor.
struct FilteredUpdates {
  /// The tensors of an update, by name.
  let layout: [(name: String, count: Int)]
  private let shapes: [String: Shape]
  private let filter: any UpdateFilter

  init(_ filter: any UpdateFilter, shapes: [String: Shape]) {
    self.filter = filter
    self.shapes = shapes
    layout = shapes.keys.sorted().map { ($0, shapes[$0]?.elementCount ?? 0) }
  }

  /// A number of one tensor.
  struct Place: Hashable, Sendable {
    let tensor: Int
    let index: Int
  }

  /// What becomes of an update that is zero but for some numbers.
  ///
  /// - Throws: what the filter throws, and ``MechanismAuditError`` where it gives back something else than such an update.
  func output(_ canaries: [Place: Double]) throws -> [[Double]] {
    var values = layout.map { [Double](repeating: 0, count: $0.count) }
    for (place, value) in canaries { values[place.tensor][place.index] = value }
    return try outputs([values], isStacked: false)
  }

  /// What becomes of many updates in one call, one below the other along a first axis, of which the filter makes one.
  func stackedOutput(_ updates: [[Place: Double]]) throws -> [[Double]] {
    let values = updates.map { canaries in
      var values = layout.map { [Double](repeating: 0, count: $0.count) }
      for (place, value) in canaries { values[place.tensor][place.index] = value }
      return values
    }
    return try outputs(values, isStacked: true)
  }

  private func outputs(_ updates: [[[Double]]], isStacked: Bool) throws -> [[Double]] {
    var input: [String: Tensor] = [:]
    for (place, tensor) in layout.enumerated() {
      let own = shapes[tensor.name] ?? Shape([])
      let shape = isStacked ? Shape([updates.count] + own.dimensions) : own
      input[tensor.name] = Tensor(shape, .f32, updates.flatMap { $0[place] })
    }
    let output = try filter.apply(input)
    return try layout.map { tensor in
      guard let own = output[tensor.name] else {
        throw MechanismAuditError(
          "the filter gives back no \(tensor.name.quotedForMessage), which it got")
      }
      guard own.shape == shapes[tensor.name] else {
        throw MechanismAuditError(
          "the filter gives back \(tensor.name.quotedForMessage) as \(own.shape), and got \(shapes[tensor.name] ?? own.shape)"
            + (isStacked ? " of each example; it must give back one update of all" : ""))
      }
      let values = own.doubles
      guard values.allSatisfy(\.isFinite) else {
        throw MechanismAuditError(
          "the filter gives back numbers in \(tensor.name.quotedForMessage) that are not finite")
      }
      return values
    }
  }
}
