import Audit
import Foundation

/// What a malicious client's generator gave beside what gradients give, for people.
struct FederationGANTable {
  private let record: GANRecord

  init(_ record: GANRecord) {
    self.record = record
  }

  func print() {
    guard let rates = record.rates else {
      return Terminal.printVerdict("Nothing was trained.", .yellow)
    }
    let shows = 2 * rates.samplesOfClass.count > rates.samplesOfClass.of
    Terminal.printVerdict(
      shows
        ? "The generator shows what class \(record.attack.targetClass) looks like, which the client does not have."
        : "The generator does not show class \(record.attack.targetClass); more rounds or another model may.",
      shows ? .red : .yellow)
    Terminal.print()
    Terminal.printParagraph(summary)
    Terminal.print()
    printDistances()
    Terminal.print()
    printRates(rates)
  }

  private var summary: String {
    let settings = record.plan.settings
    let accuracies = record.runs.compactMap { record.accuracy($0) }
    return String(
      format:
        "%@ of %d parameters on %@: %d %@ of %d rounds in one process, %d clients; the victim has all %d pictures of "
        + "class %d; held-out accuracy at the end %.1f %% (median, %d pictures).",
      record.model, record.parameterCount, record.plan.data.description, record.runs.count,
      record.runs.count == 1 ? "run" : "runs", settings.rounds, settings.workers,
      record.victimCount, record.attack.targetClass, median(accuracies) * 100, record.heldOutCount)
  }

  /// Medians of root mean squared errors.
  private func printDistances() {
    var table = TextTable(
      [
        ("median RMSE of", .left), ("n", .right), ("nearest of victim's", .right),
        ("nearest held out", .right), ("class mean", .right),
      ])
    for (name, list) in [
      ("GAN samples", record.runs.flatMap(\.samples)),
      ("fresh pictures of the class", record.fresh),
      ("the victim's class mean", record.mean.map { [$0] } ?? []),
      ("DLG reconstructions", record.runs.flatMap(\.reconstructions).compactMap(\.distances)),
    ] where !list.isEmpty {
      table.append(
        [name, String(list.count)]
          + [\GANRecord.Distances.nearestTraining, \.nearestHeldOut, \.classMean].map { path in
            String(format: "%.3f", median(list.map { $0[keyPath: path] }))
          })
    }
    Terminal.print(table)
    Terminal.printParagraph(
      "Nearest of \(record.comparedCount) pictures each; no client trained on fresh and held-out ones."
    )
  }

  private func printRates(_ rates: GANRecord.Rates) {
    Terminal.printParagraph(
      "Of the class, by the nearest of all held-out pictures: GAN samples \(rates.samplesOfClass.description); fresh "
        + "pictures \(rates.freshOfClass.description).")
    let shares = record.runs.filter { !$0.samples.isEmpty }.map { run in
      let nearer = run.samples.count { $0.isNearerToTraining }
      return String(format: "%.0f %%", 100 * Double(nearer) / Double(run.samples.count))
    }
    Terminal.printParagraph(
      "Nearer to a picture of the victim's than to a held-out one: GAN samples "
        + "\(rates.samplesNearerToTraining.description), by run \(shares.joined(separator: ", ")); fresh pictures "
        + "\(rates.freshNearerToTraining.description).")
    if rates.recordsIdentified.of > 0 {
      let psnr = record.runs.flatMap(\.reconstructions).compactMap { $0.psnr?.value }
      Terminal.printParagraph(
        "Gradients of single pictures: nearest to the very picture behind it in every run, "
          + "\(rates.recordsIdentified.description); median PSNR "
          + "\(psnr.isEmpty ? "-" : ResultWriter.decibels(median(psnr))) dB.")
    }
    guard let spread = record.spread else { return }
    let parts: [(String, Double?)] = [
      ("the victim's pictures", spread.training), ("samples of one run", spread.samplesOfOneRun),
      ("samples of different runs", spread.samplesOfDifferentRuns),
      ("mean samples of different runs", spread.meanSamples),
      ("reconstructions of one picture in different runs", spread.reconstructions),
    ]
    Terminal.printParagraph(
      "Mean RMSE between pairs: "
        + parts.compactMap { name, value in
          value.map { "\(name) " + String(format: "%.3g", $0) }
        }.joined(separator: ", ") + ".")
  }
}
