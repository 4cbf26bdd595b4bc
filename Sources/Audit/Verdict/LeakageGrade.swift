/// One letter for what came back of a set of private images, from A (nothing, as far as these attacks
/// tell) to F (most images in full). docs/guides/reading-results.md defines them for users.
///
/// The letter says what these attacks reached under their threat model; it proves nothing about others.
public enum LeakageGrade: String, Codable, Sendable, CaseIterable, Comparable {
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case A, B, C, D, E, F

  /// Images that must have been tried before none of them leaking is called an A: from 16 on, Wilson's
  /// interval of the rate ends below 20 %.
  public static let imagesForA = 16

  /// - Parameters:
  ///   - levels: of all images.
  ///   - labels: how many of the known labels are right.
  ///   - classCount: number of labels to choose from; 0 when not known.
  public init(_ levels: [LeakLevel], labels: SuccessRate, classCount: Int) {
    let full = SuccessRate(levels.map { $0 == .full })
    let recognisable = SuccessRate(levels.map { $0 >= .recognisable })
    let chance = 1 / Double(max(classCount, 1))
    if full.successes > 0 {
      self = 2 * full.successes >= full.count ? .F : .E
    } else if recognisable.successes > 0 {
      self = 2 * recognisable.successes >= recognisable.count ? .D : .C
    } else if labels.interval.lowerBound > chance || levels.count < LeakageGrade.imagesForA {
      self = .B
    } else {
      self = .A
    }
  }

  public static func < (left: LeakageGrade, right: LeakageGrade) -> Bool {
    left.rawValue < right.rawValue
  }

  /// What the letter means, without a full stop.
  public var definition: String {
    switch self {
    case .A:
      "no image can be recognised, and labels are guessed no better than by chance "
        + "(at least \(LeakageGrade.imagesForA) images)"
    case .B: "no image can be recognised, but labels leak, or too few images were tried to tell"
    case .C: "fewer than half of the images can be recognised, none came back in full"
    case .D: "at least half of the images can be recognised, none came back in full"
    case .E: "fewer than half of the images came back in full, but some did"
    case .F: "at least half of the images came back in full"
    }
  }

  /// The same in two or three words.
  public var headline: String {
    switch self {
    case .A: "No leak found"
    case .B: "No image found"
    case .C: "Some images recognisable"
    case .D: "Most images recognisable"
    case .E: "Some images in full"
    case .F: "Images come back in full"
    }
  }
}
