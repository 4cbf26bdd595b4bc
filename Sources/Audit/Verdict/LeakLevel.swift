import Leakage

/// How much of one private image came back.
public enum LeakLevel: Int, Comparable, Sendable, CaseIterable {
  /// Neither the image nor its label.
  case nothing
  /// The label, but no image that its subject could be told from.
  case label
  /// The image's subject can be told, be it transformed: PSNR of at least ``SweepReport/defaultLeakedPSNR``, and
  /// ``marginOverGrey`` above a grey image.
  case recognisable
  /// PSNR of at least ``ImageResult/successPSNR`` and the right label.
  case full

  /// dB by which a recognisable image beats a grey one, since dull pictures look like one.
  public static let marginOverGrey = 3.0

  /// - Parameter diagnosis: of the attack; decides where there is no original to compare with, which the
  ///   attacker could do as well.
  public init(_ image: ImageResult, diagnosis: Diagnosis? = nil) {
    let isLabelRight = image.hasRightLabel
    if !image.hasTruth {
      switch diagnosis?.verdict {
      case .recovered: self = .full
      case .recoveredUpToAmbiguity: self = .recognisable
      case .stuck, .notDetermined, .doesNotFit, .carriesNothing, .cutShort, nil: self = .nothing
      }
    } else if image.isRecovered == true {
      self = .full
    } else if image.isRecognisable(from: SweepReport.defaultLeakedPSNR) {
      self = .recognisable
    } else {
      self = isLabelRight ? .label : .nothing
    }
  }

  public static func < (left: LeakLevel, right: LeakLevel) -> Bool {
    left.rawValue < right.rawValue
  }

  /// For tables, such as "in full".
  public var words: String {
    switch self {
    case .nothing: "nothing"
    case .label: "label only"
    case .recognisable: "recognisable"
    case .full: "in full"
    }
  }
}
