import Audit
import Foundation
import Leakage

/// What the runs gave, for people.
struct ResultTable {
  let outcomes: [SimulatedAudit.Outcome]

  /// The table, a line on success rates, and the assumptions behind them.
  func print() {
    let hasManySeeds = Set(outcomes.map(\.record.configuration.seed)).count > 1
    var table = TextTable(
      [("image", .left)] + (hasManySeeds ? [("seed", .right)] : []) + [
        ("MSE", .right), ("PSNR dB", .right), ("SSIM", .right), ("label", .left),
        ("trials", .right), ("time", .right), ("recovered", .left),
      ])
    for outcome in outcomes {
      let record = outcome.record
      for image in record.images {
        let isLabelRight = image.trueLabel == image.recoveredLabel
        // At most 80 columns: long names are cut, and the records hold the rest.
        let name = image.name.count > 20 ? image.name.prefix(19) + "…" : image.name[...]
        table.append(
          [String(name)] + (hasManySeeds ? [String(record.configuration.seed)] : []) + [
            String(format: "%.1e", image.meanSquaredError.value),
            ResultWriter.decibels(image.psnr.value),
            image.ssim.map { String(format: "%.4f", $0.value) } ?? "-",
            isLabelRight
              ? "\(image.trueLabel) ok" : "\(image.trueLabel) as \(image.recoveredLabel)",
            String(record.trials.count),
            String(format: "%.2f s", outcome.timing.attackSeconds),
            image.isRecovered ? "yes" : "no",
          ])
      }
    }
    for (index, line) in table.lines.enumerated() {
      Terminal.print(index == 0 ? Terminal.styled(line, .bold) : line)
    }
    Terminal.print()
    printSummary()
  }

  private func printSummary() {
    let images = outcomes.flatMap(\.record.images)
    guard let record = outcomes.first?.record else { return }
    let rate = SuccessRate(images.map(\.isRecovered))
    let style: Terminal.Style = rate.successes == 0 ? .green : .red
    Terminal.print(
      Terminal.styled("Recovered \(rate)", style)
        + String(format: ": PSNR >= %.0f dB, label right.", ImageResult.successPSNR))
    let labels = SuccessRate(images.map { $0.trueLabel == $0.recoveredLabel })
    Terminal.print("Labels right: \(labels).")
    let psnr = ResultWriter.decibels(median(images.map(\.psnr.value)))
    let random = ResultWriter.decibels(median(images.map(\.randomGuessPSNR.value)))
    let grey = ResultWriter.decibels(median(images.map(\.greyImagePSNR.value)))
    Terminal.printParagraph(
      "Median PSNR \(psnr) dB; a random image has \(random) dB, a grey one \(grey) dB.")
    let model = record.model
    Terminal.printParagraph(
      "Model: \(model.name) (\(model.activation)), \(model.parameterCount) parameters, "
        + "\(model.weights.split(separator: ",").first ?? ""); attack: "
        + "\(record.configuration.attack.rawValue), \(record.configuration.precision.rawValue); "
        + "batch \(record.update.batchSize).")
    Terminal.printParagraph("Threat model: \(record.threatModel).")
    printDiagnoses()
    let preparations = images.compactMap { image in
      image.preparation.map { "\(image.name): \($0)" }
    }
    for line in preparations { Terminal.printParagraph("Prepared \(line).") }
  }

  /// The verdicts with how often each was given, and the explanation of each one's first occurrence.
  private func printDiagnoses() {
    let diagnoses = outcomes.compactMap(\.record.diagnosis)
    for verdict in Diagnosis.Verdict.allCases {
      let alike = diagnoses.filter { $0.verdict == verdict }
      guard let first = alike.first else { continue }
      Terminal.printParagraph(
        "Diagnosis, \(alike.count) x \(verdict.rawValue): \(first.explanation)")
    }
  }
}
