/// What verdicts and reports read of a result, with NaN for what is not known.
extension ImageResult {
  /// Whether there is an original to compare with.
  public var hasTruth: Bool { psnr != nil }
  /// PSNR in dB against the original.
  var decibels: Double { psnr?.value ?? .nan }
  /// PSNR in dB that tells whether the subject can be recognised: against the original or the original
  /// transformed, whichever is nearer.
  var subjectDecibels: Double { max(decibels, transformedPSNR?.value ?? -.infinity) }
  /// Whether the subject can be told: ``subjectDecibels`` of at least `level`, and
  /// ``LeakThreshold/marginOverGrey`` above a grey image.
  func isRecognisable(from level: Double) -> Bool {
    hasTruth && subjectDecibels >= level
      && !(subjectDecibels < greyDecibels + LeakThreshold.marginOverGrey)
  }
  /// What uniform random pixels get, in dB.
  var randomDecibels: Double { randomGuessPSNR?.value ?? .nan }
  /// What a grey image gets, in dB.
  var greyDecibels: Double { greyImagePSNR?.value ?? .nan }
  /// Whether the label is known and was found.
  var hasRightLabel: Bool { isLabelRight == true }
  /// Such as "7, right" or "7, guessed 3".
  var labelWords: String {
    if let mask { return mask.words + (isLabelGiven == true ? ", given" : "") }
    guard let trueLabel else { return "\(recoveredLabel), truth not known" }
    if isLabelGiven == true { return "\(trueLabel), given" }
    return hasRightLabel ? "\(trueLabel), right" : "\(trueLabel), guessed \(recoveredLabel)"
  }
  /// The true label, as far as it is known.
  var labelArgument: String { trueLabelName ?? "" }
}

/// A level in dB with one decimal, or a dash for an unknown one.
func decibelText(_ value: Double) -> String {
  value.isNaN ? "–" : ResultWriter.decibels(value)
}
