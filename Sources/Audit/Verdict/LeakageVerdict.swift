import Leakage

/// What a set of records says, in words: the best attack on each private image counts.
public struct LeakageVerdict: Sendable {
  /// Records of undefended updates, or all where every update was defended.
  public let records: [RunRecord]
  /// The best result on each image, judged by the original: the worst case for the client.
  public let images: [ImageResult]
  public let grade: LeakageGrade
  public let full: SuccessRate
  public let recognisable: SuccessRate
  public let labels: SuccessRate
  /// Whether the updates that are judged were defended.
  public let isDefended: Bool
  /// Number of classes; 0 when records differ in it.
  public let classCount: Int

  public init(_ all: [RunRecord]) {
    let plain = all.filter { ($0.defence?.chain ?? .none).isEmpty }
    isDefended = plain.isEmpty && !all.isEmpty
    records = plain.isEmpty ? all : plain
    let judged = LeakageVerdict.best(of: records)
    images = judged.map(\.image)
    let levels = judged.map(\.level)
    let counts = Set(records.map(\.model.classCount))
    classCount = counts.count == 1 ? max(counts.first ?? 0, 0) : 0
    full = SuccessRate(levels.map { $0 == .full })
    recognisable = SuccessRate(levels.map { $0 >= .recognisable })
    labels = SuccessRate(images.compactMap(\.isLabelRight))
    grade = LeakageGrade(levels, labels: labels, classCount: classCount)
  }

  /// What makes two results be of the same private image in the same update.
  private struct Target: Hashable {
    let update: String
    let defence: String
    let image: Int
  }

  private struct Judged {
    let image: ImageResult
    let level: LeakLevel
  }

  private static func best(of records: [RunRecord]) -> [Judged] {
    var order: [Target] = []
    var best: [Target: Judged] = [:]
    for record in records {
      for (index, image) in record.images.enumerated() {
        let target = Target(
          update: record.update.fingerprint + record.model.fingerprint,
          defence: record.defence?.chain.description ?? "", image: index)
        let new = Judged(image: image, level: LeakLevel(image, diagnosis: record.diagnosis))
        guard let old = best[target] else {
          order.append(target)
          best[target] = new
          continue
        }
        let isCloser = new.level == old.level && new.image.decibels > old.image.decibels
        if new.level > old.level || isCloser { best[target] = new }
      }
    }
    return order.compactMap { best[$0] }
  }

  /// The highest PSNR of any image in dB; minus infinity without images.
  public var highestPSNR: Double {
    images.map(\.decibels).filter { !$0.isNaN }.max() ?? -.infinity
  }
}

// MARK: - Words

extension LeakageVerdict {
  /// The verdict in sentences, each a paragraph of its own where there is room: what leaked, how
  /// certain, against which baseline, under which threat model.
  public var sentences: [String] {
    guard !images.isEmpty else { return ["There are no runs on images to judge."] }
    return [leak] + truths + diagnoses + threatModels
  }

  private var leak: String {
    let from = isDefended ? "defended updates" : "the shared updates"
    let inFull =
      images.allSatisfy { !$0.hasTruth }
      ? "the diagnosis says that the solution is the only one"
      : "PSNR of at least \(Int(ImageResult.successPSNR)) dB and the label right"
    if full.successes > 0 {
      let others = recognisable.successes - full.successes
      return "Of the private images, \(full) came back in full from \(from): \(inFull)"
        + (others > 0 ? "; another \(others) can be recognised." : ".")
    }
    if recognisable.successes > 0 {
      return "No image came back in full from \(from), but \(recognisable) can be recognised: PSNR "
        + "of at least \(Int(SweepReport.defaultLeakedPSNR)) dB."
    }
    return "No image can be recognised from \(from): \(recognisable)."
  }

  /// Labels and baselines as far as the originals are known.
  private var truths: [String] {
    let unknown = images.count { !$0.hasTruth }
    var sentences: [String] = []
    if labels.count > 0 { sentences.append(labelSentence) }
    if unknown < images.count { sentences.append(baseline) }
    if unknown > 0 {
      sentences.append(
        "Originals that are not known: \(unknown) of \(images.count); for these the diagnosis decides."
      )
    }
    return sentences
  }

  private var labelSentence: String {
    let chance = classCount > 1 ? "; guessing gives 1 in \(classCount)" : ""
    return "Labels right: \(labels)\(chance)."
  }

  private var baseline: String {
    func middle(_ number: (ImageResult) -> Double) -> String {
      decibelText(medianNumber(images.map(number)))
    }
    return "Median PSNR \(middle(\.decibels)) dB; knowing nothing, a random image has "
      + "\(middle(\.randomDecibels)) dB and a grey one \(middle(\.greyDecibels)) dB."
  }

  private var diagnoses: [String] {
    // A closed form's certainty holds for the update as it was computed, not for a defended one.
    guard !isDefended else { return [] }
    let all = records.compactMap(\.diagnosis)
    return Diagnosis.Verdict.allCases.compactMap { verdict in
      let alike = all.filter { $0.verdict == verdict }
      return alike.first.map {
        "Diagnosis (\(alike.count) of \(all.count)): \(verdict.rawValue). \($0.explanation)"
      }
    }
  }

  /// The threat models, each once.
  public var threatModels: [String] {
    var seen: Set<String> = []
    return records.map { "Threat model: \($0.threatModel)." }.filter { seen.insert($0).inserted }
  }
}

/// The middle of the values that are numbers; NaN for none.
func medianNumber(_ values: [Double]) -> Double {
  median(values.filter { !$0.isNaN })
}
