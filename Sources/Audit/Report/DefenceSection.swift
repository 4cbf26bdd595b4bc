import Clients
import Foundation

extension Report {
  /// Levels above are drawn here: a copy exact to rounding has 300 dB, and what matters lies below 40.
  static let highestDrawnPSNR = 60.0

  /// What defences reached: a pair of charts for each that was tried at several strengths, a table.
  var defences: HTML? {
    guard !sweeps.isEmpty else { return input.prices.isEmpty ? nil : input.prices.map(cost).joined }
    let charts = sweeps.flatMap { sweep in
      Family.all(of: sweep).map { chart($0, in: sweep) }
    }
    let limit = Int(LeakRate.stoppedBelow * 100)
    return """
      <p class="soft">\(leakRule) Leakage counts as stopped when the 95 % interval of its rate, over independent runs and \
      with every attack that was cut short counted as a leak, ends below \(limit) %. Attacks know of the defence and answer it, unless they are called naive. Noise is \
      given by its variance.\(input.prices.isEmpty ? " What a defence costs in accuracy was not measured here; see gradleak price." : "")</p>
      \(charts)\(sweeps.map(table))\(input.prices.map(cost))
      """
  }

  /// When an example leaks, of each kind of data.
  private var leakRule: String {
    var kinds: [String?] = []
    for cell in sweeps.flatMap(\.cells) where !kinds.contains(cell.kind) { kinds.append(cell.kind) }
    return kinds.map { name in
      guard let name else {
        return "An image leaks when it can be recognised: "
          + "\(Int(LeakThreshold.recognisablePSNR)) dB or more, and \(Int(LeakThreshold.marginOverGrey)) dB above a "
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

  private func chart(_ family: Family, in sweep: SweepReport) -> HTML {
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
        label: attack.name,
        points: attack.cells.map {
          ($0.charted, min(($0.medianScore ?? $0.medianPSNR).value, Report.highestDrawnPSNR))
        },
        color: index, hasMarks: true)
    }
    let rates = attacks.enumerated().map { index, attack in
      Chart.Line(
        label: attack.name, points: attack.cells.map { ($0.charted, 100 * $0.rate.value) },
        color: index, hasMarks: true,
        intervals: attack.cells.map {
          (100 * $0.interval[0], 100 * $0.interval[1])
        })
    }
    let grey = medianNumber(family.cells.map(\.greyImagePSNR.value))
    let told = statements.map { "\($0.attack): \($0.statement)" }.joined(separator: "; ")
    let quality = quality(family, unit, told, x, levels, grey: grey, threshold)
    let rate = Chart(
      summary: "Share of runs that leaked, in percent, against \(unit) of \(family.name).",
      xTitle: unit, yTitle: "runs that leaked (%), 95 % intervals", x: x,
      y: ChartScale(.linear, values: [0, 100]), lines: rates,
      references: [Chart.Reference(value: 100 * LeakRate.stoppedBelow, label: "stopped below")],
      threshold: threshold)
    return """
      <h3>\(family.name)</h3>
      <p>\(statements.map { "Against <code>\($0.attack.description)</code>: \($0.statement). " as HTML })</p>
      <div class="charts">
      <figure>\(quality.svg)</figure>
      <figure>\(rate.svg)</figure>
      </div>

      """
  }

  /// The median score against the strength.
  private func quality(
    _ family: Family, _ unit: String, _ told: String, _ x: ChartScale, _ levels: [Chart.Line],
    grey: Double, _ threshold: Chart.Reference?
  ) -> Chart {
    let values = levels.flatMap { $0.points.map(\.y) }
    guard let kind = family.cells.first?.kind else {
      return Chart(
        summary: "Median PSNR in dB against \(unit) of \(family.name). \(told).", xTitle: unit,
        yTitle: "median PSNR (dB, at most \(Int(Report.highestDrawnPSNR)) drawn)", x: x,
        y: ChartScale(
          .linear, values: values, including: [grey, LeakThreshold.recognisablePSNR]),
        lines: levels,
        references: [
          Chart.Reference(value: LeakThreshold.recognisablePSNR, label: "recognisable"),
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

  /// What defences cost the training, as measured.
  private func cost(_ price: PriceReport) -> HTML {
    func percent(_ share: Double) -> String { String(format: "%.0f", 100 * share) }
    let rows = price.rows.map { row -> HTML in
      let bytes = Double(row.result.wireByteCount) / Double(max(row.result.plainByteCount, 1))
      return """
        <tr><td class="name">\(row.defence.description)</td>\
        <td class="number">\(percent(row.accuracy)) %</td>\
        <td class="number">\(percent(row.interval[0]))–\(percent(row.interval[1])) %</td>\
        <td class="number">\(percent(bytes)) %</td>\
        <td class="number">\(row.epsilon.map { String(format: "%.2f", $0.value) } ?? "–")</td></tr>

        """
    }
    return """
      <h3>What defences cost</h3>
      <div class="scroll" tabindex="0" role="region" aria-label="Table of costs">
      <table>
      <caption>A small training run of \(price.model) with each defence: accuracy on held-out images \
      (guessing: \(percent(price.chance)) %), bytes on the wire relative to f32, and for DP-SGD the ε of \
      the whole run at δ = 10⁻⁵. It ranks defences, and is no forecast for other trainings.</caption>
      <thead><tr><th scope="col">defence</th><th scope="col" class="number">accuracy</th>\
      <th scope="col" class="number">95 % interval</th><th scope="col" class="number">bytes</th>\
      <th scope="col" class="number">ε</th></tr></thead>
      <tbody>
      \(rows)</tbody>
      </table>
      </div>

      """
  }

  private func table(_ sweep: SweepReport) -> HTML {
    let rows = sweep.cells.map { cell -> HTML in
      let tone = cell.isStopped ? "safe" : (cell.leaked > 0 ? "leak" : "some")
      let bytes = cell.wireByteCount.map { wire in
        let plain = cell.plainByteCount ?? 0
        let share = plain > 0 ? String(format: "%.0f %%", 100 * Double(wire) / Double(plain)) : "–"
        return share
      }
      return """
        <tr><td class="name">\(cell.defence.description)</td><td>\(cell.attack.description)</td>\
        <td class="number">\(cell.kind == nil ? String(cell.size) : "–")</td><td class="number">\(cell.batchSize)</td>\
        <td class="number"><b class="\(tone)">\(cell.leaked) of \(cell.runs)\((cell.cut ?? 0) > 0 ? ", \(cell.cut ?? 0) cut" : "")</b></td>\
        <td class="number">\(Int((100 * cell.interval[0]).rounded()))–\
        \(Int((100 * cell.interval[1]).rounded())) %</td>\
        <td class="number">\(cell.scoreText(cell.medianScore ?? cell.medianPSNR))</td>\
        <td class="number">\(cell.scoreText(cell.percentile90Score ?? cell.percentile90PSNR))</td>\
        <td class="number">\(cell.labelsRight)</td><td class="number">\(bytes ?? "100 %")</td></tr>

        """
    }
    let others = Set(sweep.cells.compactMap(\.kind)).map {
      DataKinds.descriptor(DataKindName(rawValue: $0))
    }
    let caption =
      others.first.map {
        "Rates over runs; \($0.score) over \($0.plural), median and what nine of ten stay below;"
      } ?? "Rates over runs; PSNR over images, median and what nine of ten stay below;"
    let score = others.first?.score ?? "dB"
    return """
      <h3>All defences</h3>
      <div class="scroll" tabindex="0" role="region" aria-label="Table of defences">
      <table>
      <caption>\(caption) bytes on the \
      wire relative to the update in f32.</caption>
      <thead><tr><th scope="col">defence</th><th scope="col">attack</th><th scope="col" class="number">\
      pixels</th><th scope="col" class="number">batch</th><th scope="col" class="number">leaked</th>\
      <th scope="col" class="number">95 % interval</th><th scope="col" class="number">median \(score)</th>\
      <th scope="col" class="number">90 % \(score)</th><th scope="col" class="number">labels</th>\
      <th scope="col" class="number">bytes</th></tr></thead>
      <tbody>
      \(rows)</tbody>
      </table>
      </div>

      """
  }
}

extension SweepReport.Cell {
  /// A number in the measure of the cell's data.
  package func scoreText(_ number: JSONNumber) -> String {
    kind == nil ? ResultWriter.decibels(number.value) : String(format: "%.2f", number.value)
  }

  /// The number that a chart draws this cell at; NaN without one.
  fileprivate var charted: Double { defence.defences.first?.strength ?? .nan }
}
