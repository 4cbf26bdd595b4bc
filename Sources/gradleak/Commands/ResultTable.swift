import Attacks
import Audit
import Clients
import Foundation
import ModelIO

/// What the runs gave, for people.
struct ResultTable {
  let outcomes: [AuditOutcome]

  /// The table, a line on success rates, and the assumptions behind them.
  func print() {
    let hasManySeeds = Set(outcomes.map(\.record.configuration.seed)).count > 1
    var table = TextTable(
      [("image", .left)] + (hasManySeeds ? [("seed", .right)] : []) + [
        ("MSE", .right), ("PSNR dB", .right), ("SSIM", .right), ("label", .left),
        ("trials", .right), ("time", .right), ("recovered", .left),
      ], dispensable: ["SSIM", "trials", "MSE", "time", "seed"])
    for outcome in outcomes {
      let record = outcome.record
      for image in record.images {
        let seed = hasManySeeds ? [String(record.configuration.seed)] : []
        table.append(name(of: image) + seed + measures(of: image, outcome))
      }
    }
    Terminal.print(table)
    Terminal.print()
    printSummary()
  }

  /// At most 80 columns: long names are cut, and the records hold the rest.
  private func name(of image: ImageResult) -> [String] {
    [image.name.count > 20 ? image.name.prefix(19) + "…" : image.name]
  }

  private func measures(of image: ImageResult, _ outcome: AuditOutcome) -> [String] {
    let error = image.meanSquaredError.map { String(format: "%.1e", $0.value) }
    let psnr = image.psnr.map { ResultWriter.decibels($0.value) }
    let ssim = image.ssim.map { String(format: "%.4f", $0.value) }
    let verdict =
      switch outcome.record.level(of: image) {
      case .full: image.hasTruth ? "yes" : "certain"
      case .recognisable: image.hasTruth ? "partly" : "not certain"
      case .undetermined: "not shown"
      case .label, .nothing: "no"
      }
    return [
      error ?? "-", psnr ?? "-", ssim ?? "-", label(of: image),
      String(outcome.record.trials.count),
      String(format: "%.2f s", outcome.timing.attackSeconds),
      verdict,
    ]
  }

  private func label(of image: ImageResult) -> String {
    switch (image.trueLabelName, image.isLabelRight) {
    case _ where image.mask != nil && image.isLabelGiven != true: image.recoveredLabelName
    case _ where image.isLabelGiven == true: "\(image.recoveredLabelName) given"
    case (let label?, true?): "\(label) ok"
    case (let label?, _): "\(label) as \(image.recoveredLabelName)"
    case (nil, _): image.recoveredLabelName
    }
  }

  private func printSummary() {
    let images = outcomes.flatMap(\.record.images)
    guard let record = outcomes.first?.record else { return }
    printMeasures(images)
    let model = record.model
    Terminal.printParagraph(
      "Model: \(model.name) (\(model.activation)), \(model.parameterCount) parameters, "
        + "\(model.weights.shortDescription); attack: "
        + "\(record.configuration.attackName), \(record.configuration.precision.rawValue); "
        + "batch \(record.update.batchSize).")
    Terminal.printParagraph("Threat model: \(record.threatModel).")
    if let defence = record.defence {
      Terminal.printParagraph(
        "Defence: \(defence.chain), \(defence.wireByteCount) bytes on the wire instead of "
          + "\(defence.plainByteCount); "
          + (defence.isAdaptive ? "the attack knows of it." : "the attack does not know of it."))
    }
    for sentence in SkippedAttack.sentences(record.skipped ?? []) {
      Terminal.printParagraph(sentence)
    }
    printDiagnoses()
    let preparations = images.compactMap { image in
      image.preparation.map { "\(image.name): \($0)" }
    }
    for line in preparations { Terminal.printParagraph("Prepared \(line).") }
  }

  /// What the truth tells, where it is known.
  private func printMeasures(_ images: [ImageResult]) {
    let verdicts = images.compactMap(\.isRecovered)
    guard !verdicts.isEmpty else {
      Terminal.printParagraph(
        "No truth was given (--truth), so what came back is judged by the diagnosis alone.")
      return
    }
    let rate = SuccessRate(verdicts)
    let labels = images.compactMap(\.isLabelRight)
    Terminal.printParagraph(
      "Recovered \(rate)" + String(format: ": PSNR >= %.0f dB", LeakThreshold.fullPSNR)
        + (labels.isEmpty ? "." : ", label right."))
    let recognisable = images.count { LeakLevel($0) == .recognisable }
    if recognisable > 0 {
      Terminal.printParagraph(
        "Recognisable besides: \(recognisable)"
          + String(
            format: ": PSNR >= %.0f dB, and %.0f dB above a grey image.",
            LeakThreshold.recognisablePSNR, LeakThreshold.marginOverGrey))
    }
    if !labels.isEmpty { Terminal.printParagraph("Labels right: \(SuccessRate(labels)).") }
    let psnr = ResultWriter.decibels(median(images.compactMap(\.psnr?.value)))
    let random = ResultWriter.decibels(median(images.compactMap(\.randomGuessPSNR?.value)))
    let grey = ResultWriter.decibels(median(images.compactMap(\.greyImagePSNR?.value)))
    Terminal.printParagraph(
      "Median PSNR \(psnr) dB; a random image has \(random) dB, a grey one \(grey) dB.")
  }

  /// The verdicts with how often each was given, and the explanation of each one's first occurrence.
  private func printDiagnoses() {
    let diagnoses = outcomes.compactMap(\.record.diagnosis)
    for verdict in Diagnosis.Verdict.allCases {
      let alike = diagnoses.filter { $0.verdict == verdict }
      guard let first = alike.first else { continue }
      let sentence: Sentence =
        "Diagnosis, \(alike.count) x \(verdict.rawValue): \(first.explanation)"
      Terminal.printParagraph(sentence)
    }
  }
}

extension SkippedAttack {
  /// What was left out for want of a fact, a sentence for each fact.
  static func sentences(_ skipped: [SkippedAttack]) -> [String] {
    ThreatModel.Fact.allCases.compactMap { fact in
      let names = skipped.filter { $0.fact == fact }.map(\.attack)
      guard !names.isEmpty else { return nil }
      return "Left out, since the attacker does not know the \(fact.rawValue): "
        + "\(names.joined(separator: ", "))."
    }
  }
}
