/// What a filter does that no finite ε survives, as seen from outside.
public enum MechanismFault: String, Codable, Sendable, CaseIterable {
  /// The same update comes out the same each time.
  case noNoise = "no-noise"
  /// So it does in some tensors.
  case noiselessTensors = "noiseless-tensors"
  /// Numbers of one tensor get the same noise, so that their differences have none.
  case sharedNoise = "shared-noise"
  /// Two calls draw the same noise, so that their difference has none.
  case repeatedNoise = "repeated-noise"
  /// A larger update gives a larger output, without an end.
  case unboundedResponse = "unbounded-response"
  /// The larger the update, the less noise comes out.
  case shrinkingNoise = "shrinking-noise"
  /// The noise tells how large the update is.
  case growingNoise = "growing-noise"

  /// What it means, for people.
  ///
  /// - Parameter tensors: those in which it was seen.
  func sentence(_ tensors: [String]) -> String {
    let names = tensors.prefix(3).joined(separator: ", ")
    let all = tensors.count > 3 ? "\(names) and \(tensors.count - 3) others" : names
    switch self {
    case .noNoise:
      return
        "The filter is deterministic: what comes out is a function of the data, and no finite epsilon holds."
    case .noiselessTensors:
      return "No noise is added to \(all): what stands there is a function of the data."
    case .sharedNoise:
      return
        "All numbers of \(all) get the same noise, so that differences between them are free of it."
    case .repeatedNoise:
      return
        "Two calls draw the same noise: the difference of two updates, or tensors, is free of it. Is a seed set?"
    case .unboundedResponse:
      return
        "What comes out in \(all) grows with the update without an end: nothing bounds what one record changes."
    case .shrinkingNoise:
      return
        "The larger the update, the less noise comes out (\(all)): noise is added before clipping, or scaled with it."
    case .growingNoise:
      return
        "The larger the update, the more noise comes out (\(all)): the noise itself tells of the data."
    }
  }
}
