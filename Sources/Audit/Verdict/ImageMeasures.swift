/// What verdicts and reports read of a result, with NaN for what is not known.
extension ImageResult {
  /// PSNR in dB against the original.
  var decibels: Double { psnr.value }
  /// What uniform random pixels get, in dB.
  var randomDecibels: Double { randomGuessPSNR.value }
  /// What a grey image gets, in dB.
  var greyDecibels: Double { greyImagePSNR.value }
  /// Whether the label is the true one.
  var hasRightLabel: Bool { trueLabel == recoveredLabel }
  /// Whether image and label came back in full.
  var cameBackInFull: Bool { isRecovered }
  /// Such as "7, right" or "7, guessed 3".
  var labelWords: String {
    hasRightLabel ? "\(trueLabel), right" : "\(trueLabel), guessed \(recoveredLabel)"
  }
  /// The true label as an option takes it; the recovered one where that is not known.
  var labelArgument: String { String(trueLabel) }
}
