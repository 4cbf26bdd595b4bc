import Clients
import Foundation

extension Report {
  /// Levels above are drawn here: a copy exact to rounding has 300 dB, and what matters lies below 40.
  static let highestDrawnPSNR = 60.0

  /// Charts of defences at most; the table holds the rest.
  private static let chartLimit = 40

  /// What defences reached: a pair of charts for each that was tried at several strengths, a table.
  var defences: [ReportBlock]? {
    guard !sweeps.isEmpty else {
      return input.prices.isEmpty ? nil : input.prices.flatMap(cost)
    }
    let families = sweeps.flatMap { sweep in Family.all(of: sweep).map { ($0, sweep) } }
    let charts = families.prefix(Report.chartLimit).flatMap { chart($0, in: $1) }
    let limit = Int(LeakRate.stoppedBelow * 100)
    let unmeasured =
      input.prices.isEmpty
      ? " What a defence costs in accuracy was not measured here; see gradleak price." : ""
    return [
      .paragraph(
        """
        \(leakRule) Leakage counts as stopped when the 95 % interval of its rate, over independent runs and with \
        every attack that was cut short counted as a leak, ends below \(limit) %. Attacks know of the defence and \
        answer it, unless they are called naive. Noise is given by its variance.\(unmeasured)
        """, .soft)
    ] + charts + sweeps.flatMap(table) + input.prices.flatMap(cost)
  }

  /// When an example leaks, of each kind of data.
  private var leakRule: String {
    var kinds: [String?] = []
    for cell in sweeps.flatMap(\.cells) where !kinds.contains(cell.kind) { kinds.append(cell.kind) }
    return kinds.map { name in
      guard let name else {
        // Each sweep says from where on its rates count an image.
        let levels = distinct(
          sweeps.filter { $0.cells.contains { $0.kind == nil } }.map {
            HTML.coordinate($0.leakedPSNR)
          })
        return "An image leaks when it can be recognised: "
          + "\(levels.joined(separator: " dB, in another sweep ")) dB or more, and \(Int(LeakThreshold.marginOverGrey)) dB above a "
          + "grey image."
      }
      let kind = DataKinds.descriptor(DataKindName(rawValue: name))
      return "A \(kind.singular) leaks when it can be recognised: \(kind.recognisableRule)."
    }.joined(separator: " ")
  }

  /// One defence at several strengths.
  private struct Family {
    let name: String
    let cells: [SweepReport.Cell]

    static func all(of sweep: SweepReport) -> [Family] {
      var order: [[String]] = []
      var groups: [[String]: [SweepReport.Cell]] = [:]
      for cell in sweep.cells {
        guard cell.defence.defences.count == 1, let defence = cell.defence.defences.first,
          defence.strength != nil
        else { continue }
        let key = [defence.name, cell.model, String(cell.size), String(cell.batchSize)]
        if groups[key] == nil { order.append(key) }
        groups[key, default: []].append(cell)
      }
      return order.compactMap { key in
        let cells = groups[key] ?? []
        let strengths = Set(cells.compactMap { $0.defence.defences.first?.strength })
        return strengths.count > 1 ? Family(name: key[0], cells: cells) : nil
      }
    }

    /// The cells of each attack, by growing number of the short form.
    var attacks: [(name: String, cells: [SweepReport.Cell])] {
      var names: [String] = []
      for cell in cells where !names.contains(cell.attack.description) {
        names.append(cell.attack.description)
      }
      return names.map { name in
        (name, cells.filter { $0.attack.description == name }.sorted { $0.charted < $1.charted })
      }
    }
  }

  private func chart(_ family: Family, in sweep: SweepReport) -> [ReportBlock] {
    let values = family.cells.map(\.charted)
    let isWide = (values.max() ?? 1) / max(values.min() ?? 1, 1e-300) >= 10
    let isLogarithmic = isWide && values.allSatisfy { $0 > 0 }
    let x = ChartScale(isLogarithmic ? .logarithmic : .linear, values: values)
    let unit = family.cells.first?.defence.defences.first?.descriptor.strength?.axis ?? ""
    let attacks = family.attacks
    let statements = sweep.series.filter { series in
      series.axis == .strength && series.defence == family.name
        && family.cells.contains { $0.model == series.model }
    }
    let stop = statements.compactMap(\.stopsAt).first.flatMap { point in
      family.cells.first { $0.defence.description == point }
    }
    let threshold = stop.map { Chart.Reference(value: $0.charted, label: "stops") }
    let levels = attacks.enumerated().map { index, attack in
      Chart.Line(
        label: Report.shortened(attack.name),
        points: attack.cells.map {
          ($0.charted, min(($0.medianScore ?? $0.medianPSNR).value, Report.highestDrawnPSNR))
        },
        color: index, hasMarks: true)
    }
    let rates = attacks.enumerated().map { index, attack in
      Chart.Line(
        label: Report.shortened(attack.name),
        points: attack.cells.map { ($0.charted, 100 * $0.rate.value) },
        color: index, hasMarks: true,
        intervals: attack.cells.map {
          (100 * $0.interval[0], 100 * $0.interval[1])
        })
    }
    let grey = medianNumber(family.cells.map(\.greyImagePSNR.value))
    let told = statements.map { "\($0.attack): \($0.statement)" }.joined(separator: "; ")
    let quality = quality(
      family, unit, told, x, levels, grey: grey, leaked: sweep.leakedPSNR, threshold)
    let rate = Chart(
      summary: "Share of runs that leaked, in percent, against \(unit) of \(family.name).",
      xTitle: unit, yTitle: "runs that leaked (%), 95 % intervals", x: x,
      y: ChartScale(.linear, values: [0, 100]), lines: rates,
      references: [Chart.Reference(value: 100 * LeakRate.stoppedBelow, label: "stopped below")],
      threshold: threshold)
    var blocks: [ReportBlock] = [.heading(family.name)]
    if !statements.isEmpty {
      let sentences = statements.enumerated().map { index, series -> ReportText in
        "\(index > 0 ? " " : "")Against \(series.attack.description, .code): \(series.statement)."
      }
      blocks.append(.paragraph("\(sentences)"))
    }
    return blocks + [.charts([quality, rate])]
  }

  /// The median score against the strength.
  private func quality(
    _ family: Family, _ unit: String, _ told: String, _ x: ChartScale, _ levels: [Chart.Line],
    grey: Double, leaked: Double, _ threshold: Chart.Reference?
  ) -> Chart {
    let values = levels.flatMap { $0.points.map(\.y) }
    guard let kind = family.cells.first?.kind else {
      return Chart(
        summary: "Median PSNR in dB against \(unit) of \(family.name). \(told).", xTitle: unit,
        yTitle: "median PSNR (dB, at most \(Int(Report.highestDrawnPSNR)) drawn)", x: x,
        y: ChartScale(
          .linear, values: values, including: [grey, leaked]),
        lines: levels,
        references: [
          Chart.Reference(value: leaked, label: "recognisable"),
          Chart.Reference(value: grey, label: "grey image"),
        ], threshold: threshold)
    }
    let score = DataKinds.descriptor(DataKindName(rawValue: kind)).score
    let guess = medianNumber(family.cells.compactMap(\.guessScore?.value))
    return Chart(
      summary: "Median \(score) against \(unit) of \(family.name). \(told).", xTitle: unit,
      yTitle: "median \(score)", x: x,
      y: ChartScale(.linear, values: values, including: [0, guess]), lines: levels,
      references: [Chart.Reference(value: guess, label: "guessing")], threshold: threshold)
  }
}

extension SweepReport.Cell {
  /// The number that a chart draws this cell at; NaN without one.
  fileprivate var charted: Double { defence.defences.first?.strength ?? .nan }
}
