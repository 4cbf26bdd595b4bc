import Clients
import Defences

/// What a sweep measured: cells, and for each series of growing strength where leakage stops.
package struct SweepReport: Codable, Sendable {
  /// All runs of one model, size, batch, defence and attack.
  package struct Cell: Codable, Sendable {
    /// The model's name.
    package let model: String
    /// Height and width of the images in pixels; 0 for other data.
    package let size: Int
    /// Examples in each update.
    package let batchSize: Int
    /// With its strength.
    package let defence: DefenceChain
    /// Which attack.
    package let attack: SweepAttack
    /// Attacks on updates of this kind.
    package let runs: Int
    /// Runs from which at least one example leaked; see ``SweepReport/leakedPSNR``.
    package let leaked: Int
    /// Runs that tell nothing, since their attack was cut short; nil in files without.
    package let cut: Int?
    /// Independent ones among the runs; nil in files without.
    package let units: Int?
    /// Share of runs that leaked.
    package let rate: JSONNumber
    /// Of the rate, over independent units, at 95 %: see ``LeakRate/interval``.
    package let interval: [Double]
    /// Over all images, in dB; NaN without.
    package let medianPSNR: JSONNumber
    /// What nine of ten images stay below.
    package let percentile90PSNR: JSONNumber
    /// Runs with all labels right.
    package let labelsRight: Int
    /// Median over all images of the PSNR of uniform random pixels: what knowing nothing gives.
    package let randomGuessPSNR: JSONNumber
    /// The same of a grey image.
    package let greyImagePSNR: JSONNumber
    /// Mean bytes of a message, and of one without defence.
    package let wireByteCount: Int?
    /// Bytes of an undefended update.
    package let plainByteCount: Int?
    /// Nil where runs were not timed.
    package let medianSeconds: JSONNumber?
    /// The kind of data and, in the measure that ranks its results, the median, what nine of ten stay below, and
    /// the median of the first guess without an update; nil for pictures, whose measure is PSNR.
    package let kind: String?
    /// Half of the runs have no more.
    package let medianScore: JSONNumber?
    /// Nine of ten runs have no more.
    package let percentile90Score: JSONNumber?
    /// What the best guess without the update gets; median over runs.
    package let guessScore: JSONNumber?
  }

  /// A defence at growing strength, or growing batches or images, against one attack.
  package struct Series: Codable, Sendable {
    package enum Axis: String, Codable, Sendable {
      case strength
      case batchSize = "batch size"
      case size
    }

    /// What changes along the series.
    package let axis: Axis
    /// The model's name.
    package let model: String
    /// The defence's name; "none" for batches and sizes.
    package let defence: String
    /// Which attack.
    package let attack: SweepAttack
    /// From the weakest to the strongest: "1e-4", or 8 for batches of 8.
    package let points: [String]
    /// The point from which on leakage is stopped; nil when it is not.
    package let stopsAt: String?
    /// Where leakage stops, in words.
    package let statement: String
  }

  /// Version of gradleak that made it.
  package let tool: String
  /// PSNR in dB from which an image counts as leaked.
  package let leakedPSNR: Double
  /// One for each combination of what was varied.
  package let cells: [Cell]
  /// Cells along one axis, with what they say together.
  package let series: [Series]

  /// - Parameter runs: with the seconds that each took, where that is known; cells come in their order.
  package init(
    _ runs: [(record: RunRecord, seconds: Double?)],
    leakedPSNR: Double = LeakThreshold.recognisablePSNR
  ) {
    tool = GradleakVersion.current
    self.leakedPSNR = leakedPSNR
    var order: [CellKey] = []
    var groups: [CellKey: [(record: RunRecord, seconds: Double?)]] = [:]
    for run in runs {
      let key = CellKey(run.record)
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(run)
    }
    cells = order.map { Cell($0, groups[$0] ?? [], leakedPSNR: leakedPSNR) }
    series = SweepReport.series(of: cells)
  }

  /// - Parameter entries: cells come in their order; see ``order(_:of:)``.
  package init(
    _ entries: [SweepStore.Entry], leakedPSNR: Double = LeakThreshold.recognisablePSNR
  ) {
    self.init(
      entries.map { ($0.record, $0.timing.compileSeconds + $0.timing.attackSeconds) },
      leakedPSNR: leakedPSNR)
  }

  /// The results of tasks in their order; all results by attack, batch and defence where there are no tasks.
  package static func order(
    _ entries: [SweepStore.Entry], of tasks: [SweepTask]?
  ) throws -> [SweepStore.Entry] {
    guard let tasks else { return sorted(entries) }
    let byKey = Dictionary(entries.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    return try tasks.compactMap { byKey[try $0.key] }
  }

  private static func sorted(_ entries: [SweepStore.Entry]) -> [SweepStore.Entry] {
    entries.map { (CellKey($0.record).place, $0) }.sorted { $0.0 < $1.0 }.map(\.1)
  }
}

private struct CellKey: Hashable {
  let model: String
  let size: Int
  let batchSize: Int
  let defence: DefenceChain
  let attack: SweepAttack
  let kind: DataKindName

  init(_ record: RunRecord) {
    kind = record.kind
    let choice = record.experiment?.model
    model =
      ([record.model.name]
      + [
        choice == nil ? record.model.activation : choice?.activation?.rawValue,
        (choice == nil ? record.model.classCount : choice?.classes).map { "\($0) classes" },
      ].compactMap(\.self)).joined(separator: ", ")
    size = kind == .pictures ? record.model.inputShape.dropFirst().first ?? 0 : 0
    batchSize = record.update.batchSize
    defence = record.defence?.chain ?? .none
    attack = SweepAttack(record)
  }

  /// By what cells are sorted where no plan says their order.
  var place: (String, Int, String, Int, String) {
    (attack.description, batchSize, defence.description, size, model)
  }
}

extension SweepReport.Cell {
  fileprivate init(
    _ key: CellKey, _ runs: [(record: RunRecord, seconds: Double?)], leakedPSNR: Double
  ) {
    let records = runs.map(\.record)
    let seconds = runs.compactMap(\.seconds)
    let images = records.flatMap(\.images)
    let other = records.flatMap(\.examples)
    func score(_ share: Double) -> JSONNumber? {
      guard key.kind != .pictures else { return nil }
      return JSONNumber(quantile(share, of: other.map(\.score).filter { !$0.isNaN }))
    }
    let success = LeakRate(
      records.map { record in
        LeakRate.Item(record.outcome(from: leakedPSNR), ties: record.ties)
      })
    let defences = records.compactMap(\.defence)
    func mean(_ values: [Int]) -> Int? {
      values.isEmpty ? nil : values.reduce(0, +) / values.count
    }
    self.init(
      model: key.model, size: key.size, batchSize: key.batchSize, defence: key.defence,
      attack: key.attack, runs: success.count, leaked: success.leaked,
      cut: success.undetermined, units: success.units.count,
      rate: JSONNumber(success.rate),
      interval: [success.interval.lowerBound, success.interval.upperBound],
      medianPSNR: JSONNumber(quantile(0.5, of: images.compactMap(\.psnr?.value))),
      percentile90PSNR: JSONNumber(quantile(0.9, of: images.compactMap(\.psnr?.value))),
      labelsRight: records.count { $0.judged.allSatisfy { $0.isLabelRight == true } },
      randomGuessPSNR: JSONNumber(quantile(0.5, of: images.compactMap(\.randomGuessPSNR?.value))),
      greyImagePSNR: JSONNumber(quantile(0.5, of: images.compactMap(\.greyImagePSNR?.value))),
      wireByteCount: mean(defences.map(\.wireByteCount)),
      plainByteCount: mean(defences.map(\.plainByteCount)),
      medianSeconds: seconds.isEmpty ? nil : JSONNumber(quantile(0.5, of: seconds)),
      kind: key.kind == .pictures ? nil : key.kind.rawValue,
      medianScore: score(0.5), percentile90Score: score(0.9),
      guessScore: other.isEmpty
        ? nil : JSONNumber(quantile(0.5, of: other.compactMap(\.bestGuess))))
  }

  /// The rate with its interval, for people.
  package var success: String {
    func percent(_ share: Double) -> String { String(Int((100 * share).rounded())) }
    let open = (cut ?? 0) > 0 ? ", \(cut ?? 0) undetermined" : ""
    let basis = units.map { $0 == runs ? "" : " of \($0) independent" } ?? ""
    return "\(leaked) of \(runs)\(open) (\(open.isEmpty ? "\(percent(rate.value)) %, " : "")95 % "
      + "interval \(percent(interval[0]))-\(percent(interval[1])) %\(basis))"
  }

  /// Whether leakage is stopped, as far as these runs tell; see ``LeakRate/isStopped``.
  package var isStopped: Bool { interval[1] <= LeakRate.stoppedBelow }
  /// Whether it is shown not to be stopped.
  var isRefuted: Bool { interval[0] > LeakRate.stoppedBelow }
}

// MARK: - Series

extension SweepReport {
  private struct SeriesKey: Hashable {
    let axis: Series.Axis
    let model: String
    let fixed: [Int]
    let defence: String
    let attack: SweepAttack
  }

  /// Every series of at least two points, in the order of the cells.
  fileprivate static func series(of cells: [Cell]) -> [Series] {
    var order: [SeriesKey] = []
    var groups: [SeriesKey: [Cell]] = [:]
    func add(_ cell: Cell, _ axis: Series.Axis, _ fixed: [Int], _ defence: String) {
      let key = SeriesKey(
        axis: axis, model: cell.model, fixed: fixed, defence: defence, attack: cell.attack)
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(cell)
    }
    for cell in cells {
      if cell.defence.defences.count == 1, let defence = cell.defence.defences.first {
        add(cell, .strength, [cell.size, cell.batchSize], defence.name)
      }
      add(cell, .batchSize, [cell.size], cell.defence.description)
      add(cell, .size, [cell.batchSize], cell.defence.description)
    }
    return order.compactMap { key in
      let cells = groups[key] ?? []
      // A defence without strength is a series of one.
      let isWithoutStrength = key.axis == .strength && cells[0].defence.defences[0].strength == nil
      guard cells.count > 1 || isWithoutStrength else { return nil }
      return series(key, sorted(cells, by: key.axis))
    }
  }

  /// From the weakest to the strongest.
  private static func sorted(_ cells: [Cell], by axis: Series.Axis) -> [Cell] {
    func strength(_ cell: Cell) -> Double {
      switch axis {
      case .batchSize: return Double(cell.batchSize)
      case .size: return Double(cell.size)
      case .strength:
        guard let defence = cell.defence.defences.first, let value = defence.strength else {
          return 0
        }
        return defence.descriptor.strength?.isStrongerWhenSmaller == true ? -value : value
      }
    }
    return cells.enumerated().sorted {
      let (left, right) = (strength($0.element), strength($1.element))
      return left == right ? $0.offset < $1.offset : left < right
    }.map(\.element)
  }

  private static func series(_ key: SeriesKey, _ cells: [Cell]) -> Series {
    func name(_ cell: Cell) -> String {
      switch key.axis {
      case .strength: cell.defence.description
      case .batchSize: "batch \(cell.batchSize)"
      case .size: "\(cell.size)x\(cell.size) pixels"
      }
    }
    // The weakest that is shown to stop leakage; stronger ones may have fewer runs, as audits make
    // them, but none that leaked.
    let stopped = cells.reversed().prefix { $0.isStopped || $0.leaked == 0 }.last { $0.isStopped }
    let strongest = cells[cells.count - 1]
    let statement: String
    if let stopped {
      statement =
        cells.count == 1
        ? "stops leakage: \(stopped.success)"
        : "leakage stops at \(name(stopped)): \(stopped.success)"
    } else if strongest.isRefuted {
      statement =
        cells.count == 1
        ? "is no defence: \(strongest.success)"
        : "leakage does not stop up to \(name(strongest)): \(strongest.success)"
    } else {
      statement = "undecided at \(name(strongest)): \(strongest.success); more runs are needed"
    }
    return Series(
      axis: key.axis, model: key.model, defence: key.defence, attack: key.attack,
      points: cells.map(name), stopsAt: stopped.map(name), statement: statement)
  }
}

extension ExampleResult {
  /// What the best guess without the update gets; of texts, that of frequent words. Nil for none.
  fileprivate var bestGuess: Double? {
    let scores = baselines.map(\.score.value)
    return cells == nil ? scores.first : scores.max()
  }
}
