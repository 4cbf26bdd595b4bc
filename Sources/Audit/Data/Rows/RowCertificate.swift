import Attacks
import Clients
import Solvers
import TensorGraph

/// Whether rows have the update that was shared and rows one step away have not: then they are no guess.
struct RowCertificate {
  /// Squared distance between the rows' update and the shared one, relative to the latter's squared norm.
  let relativeDistance: Double
  /// Rows with another value in one cell; nil where the rows themselves have another update.
  let nearMisses: NearMisses?

  /// Whether the distance is rounding, and that of no near miss is.
  var holds: Bool { nearMisses.map { $0.tried > 0 && $0.rejected == $0.tried } ?? false }

  /// What arithmetic in f64 and in f32 leaves at most, squared: sums in another order stay below, another value of one cell
  /// well above. Numbers of fewer digits certify nothing.
  private static let (exactRounding, singleRounding) = (1e-24, 1e-12)
  /// Updates with less error than this were computed and stored in f64.
  private static let energyOfDoubles = 1e-20
  /// Near misses that are tried at most, drawn at random.
  private static let nearMissLimit = 32

  /// - Parameter rows: cells of the inputs, then the label, in the order of the attack's labels.
  /// - Throws: ``AttackError`` when the backend fails.
  init(
    _ rows: [[CellValue]], _ runner: RowRunner, _ attacked: AttackedUpdate, seed: UInt64
  ) throws(AttackError) {
    let update = attacked.update
    let norm = max(update.squaredNorm, .leastNormalMagnitude)
    let dtype = update.gradients.first?.dtype ?? .f64
    func distance(of inputs: [Tensor]) throws(AttackError) -> Double {
      let own = try attacked.weighted.share(
        images: stacked(inputs).converted(to: dtype), labels: attacked.labels,
        loss: attacked.loss, training: update.training, mode: attacked.mode,
        backend: runner.inputs.backend)
      return update.sharedParameters.reduce(0) { sum, parameter in
        sum + own.gradients[parameter].squaredDistance(to: update.gradients[parameter])
      } / norm
    }
    let inputs = rows.map { runner.input(of: $0) }
    relativeDistance = try distance(of: inputs)
    let energy = update.sharedParameters.reduce(0) { $0 + update.roundingEnergies[$1] }
    let rounding =
      energy / norm < RowCertificate.energyOfDoubles
      ? RowCertificate.exactRounding : RowCertificate.singleRounding
    guard relativeDistance <= rounding else {
      nearMisses = nil
      return
    }
    var misses = NearMisses()
    let encoding = runner.table.encoding
    let cells = rows.indices.flatMap { row in encoding.columns.indices.map { (row, $0) } }
    let order = RandomSource(seed: seed).derive(label: "near misses").permuted(cells.count)
    for (row, column) in order.lazy.map({ cells[$0] }) {
      guard misses.tried < RowCertificate.nearMissLimit else { break }
      guard let other = encoding.columns[column].neighbour(of: rows[row][column]) else { continue }
      var near = rows[row]
      near[column] = other
      var batch = inputs
      batch[row] = runner.input(of: near)
      misses.add(try distance(of: batch), rounding: rounding)
    }
    nearMisses = misses
  }
}

extension TableSchema.Column {
  /// Another value of the column, as near as there is one; nil where there is none.
  fileprivate func neighbour(of value: CellValue) -> CellValue? {
    switch kind {
    case .ordinal(let values), .categorical(let values):
      guard case .word(let place) = value else { return values.isEmpty ? nil : .word(0) }
      guard values.count > 1 else { return nil }
      return .word(place + 1 < values.count ? place + 1 : place - 1)
    case .integer, .continuous:
      guard let bounds = kind.bounds, bounds.upperBound > bounds.lowerBound else { return nil }
      guard case .number(let number) = value else { return .number(bounds.lowerBound) }
      let step = smallestStep ?? (bounds.upperBound - bounds.lowerBound) / 1000
      return .number(number + step <= bounds.upperBound ? number + step : number - step)
    case .ignored: return nil
    }
  }

  /// By which two numbers of the column differ at least; nil where they can be as near as one likes.
  var smallestStep: Double? {
    switch kind {
    case .integer: 1
    case .continuous(_, let decimals?): (0..<decimals).reduce(1) { step, _ in step / 10 }
    default: nil
    }
  }
}
