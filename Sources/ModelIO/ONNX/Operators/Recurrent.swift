import TensorGraph

/// Recurrent layers, unrolled over the length of their sequences.
let recurrentOperators: [OperatorEntry] = RecurrentCell.allCases.map { cell in
  OperatorEntry(
    cell.rawValue, since: 7,
    restrictions:
      "all sequences as long as their tensor, of at most \(RecurrentLayer.longestSequence) steps"
  ) { call throws(ONNXError) in
    try RecurrentLayer(call, cell).results()
  }
}

/// What one step of a recurrent layer computes.
enum RecurrentCell: String, CaseIterable, Sendable {
  case rnn = "RNN"
  case gru = "GRU"
  case lstm = "LSTM"

  /// Blocks of rows in the weights.
  var gateCount: Int {
    switch self {
    case .rnn: 1
    case .gru: 3
    case .lstm: 4
    }
  }

  /// For each of PyTorch's blocks of rows (LSTM: i, f, g, o; GRU: r, z, n) the place of the same in ONNX
  /// (LSTM: i, o, f, c; GRU: z, r, h).
  var placesOfPyTorchsGates: [Int] {
    switch self {
    case .rnn: [0]
    case .gru: [1, 0, 2]
    case .lstm: [0, 2, 3, 1]
    }
  }

  fileprivate var usualActivations: [String] {
    switch self {
    case .rnn: ["Tanh"]
    case .gru: ["Sigmoid", "Tanh"]
    case .lstm: ["Sigmoid", "Tanh", "Tanh"]
    }
  }
}

/// One node of a recurrent layer (<https://onnx.ai/onnx/operators/onnx__LSTM.html>, `onnx__GRU`, `onnx__RNN`).
struct RecurrentLayer {
  /// Steps that are unrolled at most.
  static let longestSequence = 4096

  private let call: OperatorCall
  private let cell: RecurrentCell
  /// [T, N, I].
  private let input: Term
  /// H.
  private let hiddenSize: Int
  /// For each direction whether it starts at the sequence's end.
  private let directions: [Bool]
  private let functions: [RecurrentActivation]
  /// Whether the batch comes before the time.
  private let isBatchFirst: Bool

  init(_ call: OperatorCall, _ cell: RecurrentCell) throws(ONNXError) {
    self.call = call
    self.cell = cell
    isBatchFirst = call.flag("layout")
    let input = try call.term(0).checkedFloating()
    guard input.rank == 3 else {
      throw ONNXError(.malformed, "its input \(input.shape) is no batch of sequences")
    }
    self.input = isBatchFirst ? try input.transpose([1, 0, 2]) : input
    directions = try RecurrentLayer.directions(call)
    hiddenSize = try call.term(2).shape.dimensions.last ?? 0
    functions = try RecurrentActivation.all(call, cell, directions.count)
    guard call.integer("hidden_size", default: hiddenSize) == hiddenSize, hiddenSize > 0 else {
      throw ONNXError(.malformed, "its hidden_size is not that of its weights")
    }
    guard (1...RecurrentLayer.longestSequence).contains(self.input.shape[0]) else {
      throw ONNXError(
        .unsupported,
        "its sequences have \(self.input.shape[0]) steps, and 1 to \(RecurrentLayer.longestSequence) are unrolled"
      )
    }
    if let lengths = try call.optionalHostIntegers(4, "sequence_lens"),
      lengths.contains(where: { $0 != self.input.shape[0] })
    {
      throw ONNXError(
        .unsupported,
        "its sequence_lens differ from the \(self.input.shape[0]) steps of its input; cut the sequences to one length"
      )
    }
  }

  private static func directions(_ call: OperatorCall) throws(ONNXError) -> [Bool] {
    switch call.string("direction", default: "forward") {
    case "forward": [false]
    case "reverse": [true]
    case "bidirectional": [false, true]
    case let other:
      throw ONNXError(.malformed, "its direction is \(other.quotedForMessage)")
    }
  }

  /// Y, Y_h and, of an LSTM, Y_c.
  func results() throws(ONNXError) -> [Operand] {
    var (sequences, states, cells): ([Term], [Term], [Term]) = ([], [], [])
    for direction in directions.indices {
      let found = try run(direction)
      sequences.append(found.sequence)
      states.append(found.state)
      cells += [found.cell].compactMap(\.self)
    }
    // [T, D, N, H] and [D, N, H].
    var results = [try Term.concatenate(sequences, axis: 1)]
    results.append(try Term.concatenate(states, axis: 0))
    if !cells.isEmpty { results.append(try Term.concatenate(cells, axis: 0)) }
    if isBatchFirst {
      results[0] = try results[0].transpose([2, 0, 1, 3])
      for index in results.indices.dropFirst() {
        results[index] = try results[index].transpose([1, 0, 2])
      }
    }
    let type = try call.operand(0).type
    return results.map { Operand($0, type) }
  }

  private func run(
    _ direction: Int
  ) throws(ONNXError) -> (sequence: Term, state: Term, cell: Term?) {
    let (length, batch) = (input.shape[0], input.shape[1])
    let weights = try RecurrentWeights(
      call, cell, direction, of: directions.count, inputSize: input.shape[2], hiddenSize: hiddenSize
    )
    let step = RecurrentStep(
      cell: cell, weights: weights, functions: Array(functions[(direction * functionCount)...]),
      clip: call.number("clip"), isCoupled: call.flag("input_forget"),
      isLinearBeforeReset: call.flag("linear_before_reset"))
    // One product for all steps.
    var projected = try input.matmul(weights.input, transposeB: true)
    if let bias = weights.inputBias { projected = try projected + bias }
    var state = try initialState(5, direction, batch)
    var memory = cell == .lstm ? try initialState(6, direction, batch) : nil
    var outputs = [Term?](repeating: nil, count: length)
    for time in directions[direction] ? Array((0..<length).reversed()) : Array(0..<length) {
      let now = try projected.slice(axis: 0, time..<time + 1)
        .reshape([batch, cell.gateCount * hiddenSize])
      (state, memory) = try step.next(now, state, memory)
      outputs[time] = try state.reshape([1, 1, batch, hiddenSize])
    }
    let whole = [1, batch, hiddenSize]
    return (
      try Term.concatenate(outputs.compactMap(\.self), axis: 0), try state.reshape(whole),
      try memory.map { (value) throws(ONNXError) in try value.reshape(whole) }
    )
  }

  private var functionCount: Int { functions.count / directions.count }

  /// [N, H]; zeros where none is given. One state serves all sequences of a batch that the exporter did not know.
  private func initialState(
    _ index: Int, _ direction: Int, _ batch: Int
  ) throws(ONNXError) -> Term {
    let wanted = try Shape(checking: [batch, hiddenSize])
    guard let given = try call.optionalTerm(index) else {
      return try call.emission.constant(0, wanted, input.dtype)
    }
    let all = isBatchFirst ? try given.transpose([1, 0, 2]) : given
    guard all.rank == 3, all.shape[0] == directions.count, all.shape[2] == hiddenSize,
      all.shape[1] == batch || all.shape[1] == 1
    else {
      throw ONNXError(
        .malformed,
        "its initial state \(given.shape) is not [\(directions.count), \(batch), \(hiddenSize)]")
    }
    return try all.slice(axis: 0, direction..<direction + 1)
      .reshape([all.shape[1], hiddenSize]).broadcast(to: wanted)
  }
}

/// The weights of one direction of a recurrent layer of G gates.
private struct RecurrentWeights {
  /// [G · H, I].
  let input: Term
  /// [G · H, H].
  let state: Term
  /// [G · H], what can be added for all steps at once: both biases, but for a GRU.
  let inputBias: Term?
  /// [G · H], of a GRU, whose reset gate may stand before it.
  let stateBias: Term?
  /// [3 · H] of the gates i, o and f, which see the memory; nil for none.
  let peepholes: Term?

  init(
    _ call: OperatorCall, _ cell: RecurrentCell, _ direction: Int, of directionCount: Int,
    inputSize: Int, hiddenSize: Int
  ) throws(ONNXError) {
    let rows = cell.gateCount * hiddenSize
    func own(_ all: Term, _ wanted: [Int]) throws(ONNXError) -> Term {
      guard all.shape.dimensions == [directionCount] + wanted else {
        throw ONNXError(
          .malformed, "its weights \(all.shape) are not \([directionCount] + wanted)")
      }
      return try all.slice(axis: 0, direction..<direction + 1).reshape(wanted)
    }
    input = try own(call.term(1), [rows, inputSize])
    state = try own(call.term(2), [rows, hiddenSize])
    let both = try call.optionalTerm(3).map { (all) throws(ONNXError) in try own(all, [2 * rows]) }
    let first = try both.map { (all) throws(ONNXError) in try all.slice(axis: 0, 0..<rows) }
    let second = try both.map { (all) throws(ONNXError) in try all.slice(axis: 0, rows..<2 * rows) }
    if cell == .gru {
      (inputBias, stateBias) = (first, second)
    } else {
      inputBias = try first.map { (bias) throws(ONNXError) in
        try second.map { (other) throws(ONNXError) in try bias + other } ?? bias
      }
      stateBias = nil
    }
    peepholes =
      cell == .lstm
      ? try call.optionalTerm(7).map { (all) throws(ONNXError) in try own(all, [3 * hiddenSize]) }
      : nil
  }
}

/// One step of one direction.
private struct RecurrentStep {
  let cell: RecurrentCell
  let weights: RecurrentWeights
  let functions: [RecurrentActivation]
  /// The largest magnitude that an activation sees; nil for any.
  let clip: Double?
  /// Whether an LSTM forgets what it takes in.
  let isCoupled: Bool
  /// Whether a GRU resets the product of its state rather than the state.
  let isLinearBeforeReset: Bool

  /// - Parameters:
  ///   - now: what the step's input adds to the gates, [N, G · H].
  ///   - state: [N, H].
  ///   - memory: [N, H] of an LSTM.
  func next(
    _ now: Term, _ state: Term, _ memory: Term?
  ) throws(ONNXError) -> (state: Term, memory: Term?) {
    switch cell {
    case .rnn:
      let sum = try now + state.matmul(weights.state, transposeB: true)
      return (try activated(sum, 0), nil)
    case .gru: return (try gated(now, state), nil)
    case .lstm:
      guard let memory else { throw ONNXError(.malformed, "it has no memory") }
      return try remembered(now, state, memory)
    }
  }

  private func gated(_ now: Term, _ state: Term) throws(ONNXError) -> Term {
    let size = state.shape[1]
    func biased(_ product: Term, _ rows: Range<Int>) throws(ONNXError) -> Term {
      guard let bias = weights.stateBias else { return product }
      return try product + bias.slice(axis: 0, rows)
    }
    let isWhole = isLinearBeforeReset
    let rows = 0..<(isWhole ? 3 : 2) * size
    let products = try biased(
      state.matmul(weights.state.slice(axis: 0, rows), transposeB: true), rows)
    func sum(_ gate: Int) throws(ONNXError) -> Term {
      try block(now, gate, size) + block(products, gate, size)
    }
    let update = try activated(sum(0), 0)
    let reset = try activated(sum(1), 0)
    let candidate: Term
    if isWhole {
      candidate = try reset * block(products, 2, size)
    } else {
      let last = 2 * size..<3 * size
      candidate = try biased(
        (reset * state).matmul(weights.state.slice(axis: 0, last), transposeB: true), last)
    }
    let new = try activated(block(now, 2, size) + candidate, 1)
    return try (update.filled(1) - update) * new + update * state
  }

  private func remembered(
    _ now: Term, _ state: Term, _ memory: Term
  ) throws(ONNXError) -> (state: Term, memory: Term?) {
    let size = state.shape[1]
    let sums = try now + state.matmul(weights.state, transposeB: true)
    /// A gate's sum, with what the peephole sees.
    func sum(_ gate: Int, peephole: Int, _ seen: Term) throws(ONNXError) -> Term {
      let own = try block(sums, gate, size)
      guard let all = weights.peepholes else { return own }
      return try own + seen * all.slice(axis: 0, peephole * size..<(peephole + 1) * size)
    }
    let taken = try activated(sum(0, peephole: 0, memory), 0)
    let kept =
      isCoupled
      ? try taken.filled(1) - taken : try activated(sum(2, peephole: 2, memory), 0)
    let new = try kept * memory + taken * activated(block(sums, 3, size), 1)
    let shown = try activated(sum(1, peephole: 1, new), 0)
    return (try shown * functions[2].value(of: new), new)
  }

  private func block(_ all: Term, _ gate: Int, _ size: Int) throws(ONNXError) -> Term {
    try all.slice(axis: 1, gate * size..<(gate + 1) * size)
  }

  private func activated(_ sum: Term, _ function: Int) throws(ONNXError) -> Term {
    guard let clip else { return try functions[function].value(of: sum) }
    return try functions[function].value(of: sum.maximum(-clip).minimum(clip))
  }
}

/// An activation function that a recurrent layer names.
private struct RecurrentActivation {
  let apply: @Sendable (Term) throws(ONNXError) -> Term

  func value(of sum: Term) throws(ONNXError) -> Term { try apply(sum) }

  /// Those of all directions, in order.
  static func all(
    _ call: OperatorCall, _ cell: RecurrentCell, _ directionCount: Int
  ) throws(ONNXError) -> [RecurrentActivation] {
    let usual = (0..<directionCount).flatMap { _ in cell.usualActivations }
    let names = call.strings("activations") ?? usual
    guard names.count == usual.count else {
      throw ONNXError(.malformed, "it names \(names.count) activations, and takes \(usual.count)")
    }
    // Consumed in the order of those that have such a number.
    var (alphas, betas) = (
      (call.numbers("activation_alpha") ?? [])[...], (call.numbers("activation_beta") ?? [])[...]
    )
    var result: [RecurrentActivation] = []
    for name in names {
      let (alpha, beta) = scaled[name.lowercased()] ?? (nil, nil)
      result.append(
        try RecurrentActivation(
          name, alpha: alpha.map { alphas.popFirst() ?? $0 } ?? 0,
          beta: beta.map { betas.popFirst() ?? $0 } ?? 0))
    }
    return result
  }

  /// Those that take numbers, with the usual ones.
  private static let scaled: [String: (alpha: Double?, beta: Double?)] = [
    "leakyrelu": (0.01, nil), "thresholdedrelu": (1, nil), "elu": (1, nil),
    "hardsigmoid": (0.2, 0.5), "affine": (1, 0), "scaledtanh": (1, 1),
  ]

  private init(_ name: String, alpha: Double, beta: Double) throws(ONNXError) {
    switch name.lowercased() {
    case "sigmoid": apply = { x throws(ONNXError) in try x.unary(.sigmoid) }
    case "tanh": apply = { x throws(ONNXError) in try x.unary(.tanh) }
    case "relu": apply = { x throws(ONNXError) in x.emission.adopt(x.value.relu()) }
    case "softplus": apply = { x throws(ONNXError) in try x.softplus() }
    case "softsign": apply = { x throws(ONNXError) in try x / (x.absolute() + 1) }
    case "leakyrelu": apply = { x throws(ONNXError) in try x.greater(0).select(x, x * alpha) }
    case "thresholdedrelu":
      apply = { x throws(ONNXError) in try x.greater(alpha).select(x, x.filled(0)) }
    case "elu":
      apply = { x throws(ONNXError) in try exponentialUnit(x, scale: 1, alpha: alpha) }
    case "hardsigmoid":
      apply = { x throws(ONNXError) in try (x * alpha + beta).maximum(0).minimum(1) }
    case "affine": apply = { x throws(ONNXError) in try x * alpha + beta }
    case "scaledtanh": apply = { x throws(ONNXError) in try (x * beta).unary(.tanh) * alpha }
    default:
      throw ONNXError(.unsupported, "its activation is \(name.quotedForMessage)")
    }
  }
}
