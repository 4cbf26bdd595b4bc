import Attacks
import ModelIO

/// Examples one step away from what was found, whose updates are recomputed: where one has the shared update as well, equality
/// to rounding does not tell the two apart.
public struct NearMisses: Codable, Sendable, Equatable {
  /// How many were recomputed.
  public var tried = 0
  /// How many have another update, beyond rounding.
  public var rejected = 0
  /// The least squared distance between their updates and the shared one, relative to the latter's squared norm.
  public var nearest = JSONNumber(.infinity)

  mutating func add(_ distance: Double, rounding: Double) {
    tried += 1
    if distance > rounding { rejected += 1 }
    nearest = JSONNumber(min(nearest.value, distance))
  }
}

/// That what was found is what is behind an update, shown by the update alone: it was computed again from what was found and is
/// the same to rounding, it says at least as much as there is to know, and nothing nearby has it as well.
///
/// One form for pictures, texts and rows. It supposes what ``assumptions`` says.
public struct LeakProof: Sendable {
  /// Squared distance between the recomputed update and the shared one, relative to the latter's squared norm.
  public let relativeDistance: Double
  /// Equations and unknown numbers; nil for texts, whose tokens are no numbers.
  public let counts: (equations: Int, unknowns: Int)?
  /// What was looked for nearby, without a full stop.
  public let nearMisses: String

  /// For people, without a full stop.
  public static let assumptions =
    "that the model, its weights, the loss, the mode and the batch size are what was said, and that the client computed its update "
    + "from its data; a client that wants to mislead can send the update of other data"

  /// - Returns: nil where the update proves nothing: other data have it as well, or nobody looked.
  public init?(_ record: RunRecord) {
    guard record.defence.map({ $0.chain.isEmpty }) ?? true else { return nil }
    switch record.kind {
    case .rows:
      guard record.isCertain == true, let distance = record.relativeDistance,
        let misses = record.nearMisses
      else { return nil }
      nearMisses = "none of \(misses.tried) rows that differ in one cell has it"
      relativeDistance = distance.value
      counts = LeakProof.counts(record.diagnosis)
    case .texts:
      guard record.isCertain == true, let distance = record.relativeDistance else { return nil }
      nearMisses = "no text has it that differs in one token or in the order of two"
      (relativeDistance, counts) = (distance.value, nil)
    default:
      guard let diagnosis = record.diagnosis, diagnosis.verdict == .recovered,
        let error = diagnosis.impliedError
      else { return nil }
      let decibels = ImageMetrics.peakSignalToNoiseRatio(meanSquaredError: error)
      nearMisses =
        "pictures nearby that have it to rounding look the same: at \(ResultWriter.decibels(decibels)) dB"
      relativeDistance = diagnosis.relativeMatchingLoss
      counts = LeakProof.counts(diagnosis)
    }
  }

  private static func counts(_ diagnosis: Diagnosis?) -> (equations: Int, unknowns: Int)? {
    guard let unknowns = diagnosis?.unknowns, let equations = diagnosis?.equationBound else {
      return nil
    }
    return (equations, unknowns)
  }
}
