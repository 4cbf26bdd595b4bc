import Foundation

extension PrivacyPitfall {
  /// The mistake in one sentence, with the setting's numbers.
  func sentence(_ setting: PrivacySetting) -> String {
    let clip = number(setting.clip ?? .infinity)
    let quantity = setting.noiseOn.rawValue
    switch self {
    case .noClip:
      return
        "Nothing is clipped, so that one record can change the \(quantity) by any amount, whatever the noise."
    case .noNoise:
      return
        "No noise is added: what is shared is a function of the data, and no finite epsilon holds for it, however "
        + "much is cut away or rounded."
    case .batchNorm:
      return
        "Batch normalisation mixes a batch's records before their gradients are clipped, so that clipping does not "
        + "bound what one of them changes; use group normalisation, or frozen statistics."
    case .clipFromData:
      return
        "The clipping norm is computed from the private gradients without noise, and tells of them by itself."
    case .repeatedNoise:
      return
        "Rounds or clients draw the same random numbers: the difference of two of them is free of noise."
    case .noiselessTensors:
      return "Some tensors are sent without noise, and each of them tells of every record."
    case .noiseBeforeClip:
      return
        "Noise is added before clipping, so that it is scaled down with the gradient: the larger that is, the less "
        + "noise is left."
    case .sensitivity:
      return
        "The noise is set for a sensitivity of \(number(setting.sensitivity ?? 0)), but one record changes the "
        + "\(quantity) by up to \(number(setting.trueSensitivity)): the sensitivity must follow from the clip."
    case .batchClip:
      return
        "The batch is clipped after its records were added, so that one record can turn all of it: the sensitivity is "
        + "\(number(setting.trueSensitivity)), twice the clip, and does not shrink with the batch."
    case .layerClip:
      return
        "Each of \(setting.layers) layers is clipped to \(clip) by itself, so that a record changes all of them "
        + "together by up to \(number(clip: setting)), the square root of their number times as much."
    case .noiseShares:
      return
        "The noise is the sum of \(setting.noiseShares) clients' shares: whoever sees one client's update sees "
        + "\(number(1 / Double(setting.noiseShares).squareRoot())) of it. The claim needs a sum that nobody can look into."
    case .dividedNoise:
      return
        "The claim would hold for \(setting.batchSize ?? 1) times the noise: it was divided by the batch size, though it "
        + "is added to the sum."
    case .replaceOne:
      return
        "Where a record may be replaced by another, and not only left out, it changes the \(quantity) by twice as much."
    case .notPoisson:
      let how = setting.sampling == .fixed ? "have a fixed size" : "come from a shuffled list"
      return
        "The claim counts on each record being drawn by itself (Poisson sampling), and the batches \(how)."
    case .samplingRate:
      return
        "Batches of \(setting.batchSize ?? 0) from \(setting.records ?? 0) records are a sampling rate of "
        + "\(number(setting.impliedRate ?? 1)), and \(number(setting.samplingRate)) was accounted."
    case .composition:
      return
        "The data are touched in \(setting.rounds) rounds, and each of them adds to epsilon."
    case .classicalFormula:
      return
        "The claim is that of sigma = sensitivity sqrt(2 ln(1.25/delta)) / epsilon, which was proved for epsilon "
        + "below 1 alone."
    case .delta:
      return
        "Delta is \(number(setting.delta)), and there are \(setting.records ?? 0) records: publishing one of them whole "
        + "would satisfy it. Take a delta far below 1 in \(setting.records ?? 0)."
    }
  }

  private func number(clip setting: PrivacySetting) -> String {
    number((setting.clip ?? 0) * Double(setting.layers).squareRoot())
  }

  private func number(_ value: Double) -> String { PrivacyNumbers.text(value) }
}

/// Numbers of privacy claims as people read them.
public enum PrivacyNumbers {
  /// Three digits; "infinite" for infinity.
  public static func text(_ value: Double) -> String {
    guard value.isFinite else { return value > 0 ? "infinite" : "\(value)" }
    let size = abs(value)
    if size >= 1e6 || (size < 1e-4 && size > 0) { return scientific(value) }
    return String(format: size >= 100 ? "%.0f" : "%.3g", value)
  }

  private static func scientific(_ value: Double) -> String {
    String(format: "%.2g", value).replacingOccurrences(of: "e-0", with: "e-")
      .replacingOccurrences(of: "e+0", with: "e").replacingOccurrences(of: "e+", with: "e")
  }

  /// A share as a percentage: 9.2 %.
  public static func percent(_ share: Double) -> String {
    let value = share * 100
    if value > 99.95 && value < 100 { return "> 99.9 %" }
    return String(format: value >= 99.95 ? "%.0f %%" : value < 0.095 ? "%.2g %%" : "%.1f %%", value)
  }
}
