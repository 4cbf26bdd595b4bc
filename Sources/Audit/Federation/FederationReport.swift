import Federation
import Foundation
import ModelIO
import Solvers
import TensorGraph

/// The page of a federation: who could read what, and how that changed while the model learned.
package struct FederationReport {
  private let record: FederationRecord
  private let results: TappedUpdates.Results

  /// - Parameter results: of the attacks, for pictures.
  package init(_ record: FederationRecord, _ results: TappedUpdates.Results) {
    self.record = record
    self.results = results
  }

  private var outcomes: [AuditOutcome] { results.outcomes }
  private var kind: DataKindDescriptor { record.kind }

  /// The page as one HTML file that loads nothing.
  package var html: String { content.html }

  /// Pictures on the page at most.
  private static let pictureLimit = 48

  private var settings: FederationSettings { record.plan.settings }

  private var content: ReportContent {
    let sections: [(id: String, title: String, blocks: [ReportBlock])] = [
      ("summary", "Summary", summary), ("rounds", "Leak by round", leakByRound),
      ("who", "Who could read what", whoReadWhat), ("pictures", "Pictures", pictures),
      ("limits", "What this does not show", limits), ("notes", "What happened besides", notes),
    ]
    return ReportContent(
      title: "Federation: \(record.model) on \(record.plan.data.description)", date: nil,
      finding: record.finding, subject: subject,
      warning: outcomes.isEmpty && results.readings.isEmpty
        ? nil : "This page shows private \(kind.plural). Keep it where they may be seen.",
      sections: sections.filter { !$0.blocks.isEmpty }.map {
        ReportSection(id: $0.id, title: $0.title, blocks: $0.blocks)
      },
      closing: """
        Made by gradleak \(GradleakVersion.current). It shows what these attacks reached; that an attack failed does not \
        prove that data are safe.
        """)
  }

  private var subject: [ReportFact] {
    [
      ReportFact(
        "Scene",
        "\(settings.workers) workers, \(settings.topology == .ring ? "a ring" : "a parameter server"), protection: \(settings.protection.title)"
      ),
      ReportFact(
        "Training",
        "\(record.rounds.count) of \(settings.rounds) rounds; each worker shares \(settings.shared); learning rate \("\(settings.learningRate)")"
      ),
      ReportFact("Model", "\(record.model), \(record.parameterCount) parameters"),
      ReportFact("Seed", "\("\(settings.seed)")"),
    ]
  }

  // MARK: - Sections

  private var summary: [ReportBlock] {
    var blocks: [ReportBlock] = []
    if let failure = record.failure {
      blocks.append(.paragraph(ReportText("The training did not end: \(failure)."), .note))
    }
    let untried = record.observations.filter { $0.full == nil }
    if !untried.isEmpty {
      blocks.append(
        .paragraph(
          "\(untried.count) of \(record.observations.count) observations were not attacked; nothing is shown of them.",
          .note))
    }
    func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }
    let bytes = record.rounds.reduce(0) { $0 + $1.received + $1.sent }
    blocks.append(
      .keyFigures(
        record.observers.map { observer in
          let rate = record.rate(of: observer)
          return ReportKeyFigure(
            name: "recognisable to \(observer.title)", value: "\(rate.leaked) of \(rate.count)",
            note:
              "\(kind.plural), \(rate.undetermined) undetermined; in \(rate.units.count) attacks")
        } + [
          ReportKeyFigure(
            name: "accuracy", value: percent(record.accuracy(after: record.rounds.count - 1)),
            note:
              "of \(record.heldOutCount) held-out \(kind.plural); untrained \(percent(record.accuracy(after: -1)))"
          ),
          ReportKeyFigure(
            name: "sent", value: String(format: "%.1f MB", Double(bytes) / 1e6),
            note: "in all rounds"),
        ]))
    return blocks
  }

  private var leakByRound: [ReportBlock] {
    guard record.rounds.count > 1 else { return [] }
    let accuracy =
      [(x: 0.0, y: record.accuracy(after: -1))]
      + record.rounds.indices.map { (x: Double($0 + 1), y: record.accuracy(after: $0)) }
    var lines = [Chart.Line(label: "accuracy", points: accuracy, color: 0, isThin: true)]
    for (index, observer) in record.observers.enumerated() {
      let rounds = Set(record.attacked(by: observer).map(\.round)).sorted()
      let rates = rounds.map { record.rate(of: observer, round: $0) }
      lines.append(
        Chart.Line(
          label: observer.title.replacing("the ", with: "").clipped(to: 16),
          points: zip(rounds, rates).map { (x: Double($0), y: $1.rate) }, color: index + 1,
          hasMarks: true, intervals: rates.map { ($0.interval.lowerBound, $0.interval.upperBound) })
      )
    }
    let told = record.observers.map { observer in
      let rounds = Set(record.attacked(by: observer).map(\.round)).sorted()
      return "\(observer.title): "
        + rounds.map {
          "round \($0) \(record.rate(of: observer, round: $0))"
        }
        .joined(separator: ", ")
    }
    return [
      .paragraph(
        """
        Share of held-out \(kind.plural) that get their class, and share of attacked private \(kind.plural) that can be \
        recognised, with Wilson's interval at 95 %. \(kind.plural.prefix(1).uppercased() + kind.plural.dropFirst()) of one \
        update come back together, so that the interval counts updates, those of which nothing tells either way. Before \
        round 1 the model is untrained.
        """, .soft),
      .charts([
        Chart(
          summary: "Accuracy from "
            + String(
              format: "%.0f to %.0f %%. ", accuracy[0].y * 100, accuracy[accuracy.count - 1].y * 100
            )
            + told.joined(separator: "; ") + ".",
          xTitle: "round", yTitle: "share", x: ChartScale(.linear, values: accuracy.map(\.x)),
          y: ChartScale(.linear, values: [0, 1]), lines: lines)
      ]),
    ]
  }

  private var whoReadWhat: [ReportBlock] {
    guard !record.observations.isEmpty else { return [] }
    let rows = record.observations.map { seen -> [ReportText] in
      [
        ReportText(seen.observer.title), "\(seen.round)", ReportText(seen.workersText),
        ReportText(String(format: "%.1f %%", seen.share * 100)), "\(seen.examples)",
        ReportText(seen.full.map(String.init) ?? "-"),
        ReportText(seen.recognisable.map(String.init) ?? "-"),
        ReportText(seen.undetermined.map(String.init) ?? "-"), ReportText(seen.bestScore(kind)),
        ReportText(seen.verdict ?? "-"),
      ]
    }
    return [
      .table(
        ReportTable(
          label: "Who could read what",
          columns: [
            ("who", .name), ("round", .number), ("of workers", .plain), ("numbers seen", .number),
            ("\(kind.plural)", .number), ("in full", .number), ("recognisable", .number),
            ("undetermined", .number), ("best \(kind.score)", .number), ("the attack", .text),
          ], rows: rows))
    ]
  }

  private var pictures: [ReportBlock] {
    let attacked = outcomes.flatMap { outcome -> [ReportPictureRow] in
      outcome.record.images.indices.map { index in
        let image = outcome.record.images[index]
        let level = outcome.record.level(of: image)
        return FederationReport.row(
          image.name, original: outcome.originals?[index],
          recovered: outcome.reconstructions[index],
          words: level == .full ? "came back in full" : level.words, image.decibels)
      }
    }
    let read = results.readings.flatMap { reading -> [ReportPictureRow] in
      zip(reading.outcome.record.images, zip(reading.batch, reading.outcome.reconstructions))
        .compactMap { entry, shown in
          shown.1.map { image in
            FederationReport.row(
              entry.name, original: shown.0.image, recovered: image,
              words: entry.isRecovered ? "came back in full" : "nearest of what was read",
              entry.psnr.value)
          }
        }
    }
    let rows = attacked + read
    guard !rows.isEmpty else { return [] }
    return [.pictures(Array(rows.prefix(FederationReport.pictureLimit)))]
      + (rows.count > FederationReport.pictureLimit
        ? [
          .paragraph("\(rows.count - FederationReport.pictureLimit) more lie in the folder.", .note)
        ]
        : [])
  }

  private static func row(
    _ name: String, original: Tensor?, recovered: Tensor, words: String, _ decibels: Double
  ) -> ReportPictureRow {
    ReportPictureRow(
      pictures: [
        ReportPicture(
          image: original.map { Image($0) }, label: "original",
          alternative: "\(name): the private original"),
        ReportPicture(
          image: Image(recovered), label: "recovered",
          alternative: "\(name): what the attack made of what was seen"),
      ],
      caption: ReportText("\(name): \(words), \(ResultWriter.decibels(decibels)) dB"))
  }

  private var limits: [ReportBlock] {
    var items: [ReportText] = [
      "Better attacks: those that failed here ran \(record.observations.isEmpty ? "not at all" : "with a limit of time").",
      "Rounds that were not tapped: \(record.rounds.count - Set(record.observations.map(\.round)).count) of \(record.rounds.count).",
    ]
    if settings.topology == .ring {
      items.append(
        "Parts of a ring's sum in which two or more shares are added up already; they are in the files, not attacked."
      )
    }
    items.append("Parties that break the protocol, unless the scene says so.")
    return [.list(items)]
  }

  private var notes: [ReportBlock] {
    guard !record.notes.isEmpty else { return [] }
    let shown = record.notes.prefix(50).map { note in
      ReportText(
        "Round \(note.round + 1): \(note.worker.map { "worker \($0 + 1) " } ?? "")\(note.text).")
    }
    return [.list(Array(shown))]
  }
}

extension FederationSettings {
  /// What each worker shares, for people.
  package var shared: String {
    sharesWeights
      ? "weights after \(epochs ?? 1) local \(epochs == 1 ? "epoch" : "epochs") of \(batchSize) "
        + (batchSize == 1 ? "example" : "examples")
      : "one gradient of \(batchSize) \(batchSize == 1 ? "example" : "examples")"
  }
}

extension Protection {
  /// For people.
  package var title: String {
    switch self {
    case .none: "none"
    case .secureAggregation: "secure aggregation"
    case .paillier: "Paillier encryption"
    case .ckks: "CKKS encryption"
    }
  }
}
