import Attacks
import Audit
import Clients
import Defences
import Testing

@Suite struct SweepReportTests {
  /// A result with this PSNR.
  private func record(_ defence: String, _ psnr: Double, seed: UInt64) throws -> RunRecord {
    var experiment = Experiment()
    experiment.defences = try DefenceChain(defence)
    experiment.attack.seed = seed
    var record = RunRecord(
      tool: "t", configuration: AttackConfiguration(seed: seed),
      model: ModelSummary(
        name: "lenet", activation: "sigmoid", inputShape: [3, 32, 32], classCount: 100,
        parameterCount: 1, weights: .other("w"), fingerprint: "f\(seed)"),
      update: UpdateSummary(
        kind: "gradient", loss: "l", batchSize: 1, localSteps: 1, norm: 1,
        fingerprint: "\(defence)\(seed)"),
      threatModel: ThreatModel(),
      trials: [TrialRecord(reason: .stagnated, iterations: 1, evaluations: 1, matchingLoss: 0)],
      bestTrial: 0, matchingLoss: 0,
      images: [
        ImageResult(
          name: "a", preparation: nil, meanSquaredError: 0, psnr: psnr, ssim: nil, trueLabel: 1,
          recoveredLabel: 1, randomGuessPSNR: 7, greyImagePSNR: 12)
      ], trace: [])
    record.experiment = experiment
    if !experiment.defences.isEmpty {
      record.defence = DefenceSummary(
        chain: experiment.defences, isAdaptive: true, wireByteCount: 1, plainByteCount: 1,
        sentCount: 1)
    }
    return record
  }

  private func report(_ cells: [(String, leaked: Int, of: Int)]) throws -> SweepReport {
    let entries = try cells.flatMap { defence, leaked, count in
      try (0..<count).map { try record(defence, $0 < leaked ? 30 : 11, seed: UInt64($0)) }
    }
    return SweepReport(entries.map { ($0, 1) })
  }

  @Test func cellsCountRunsAndGiveTheirInterval() throws {
    let cell = try report([("none", 15, 20)]).cells[0]
    #expect(cell.runs == 20 && cell.leaked == 15)
    #expect(cell.rate.value == 0.75)
    // Wilson's interval of 15 of 20, by statsmodels' proportion_confint(method="wilson").
    #expect(abs(cell.interval[0] - 0.5312998) < 1e-6 && abs(cell.interval[1] - 0.8881390) < 1e-6)
    #expect(cell.medianPSNR.value == 30 && cell.percentile90PSNR.value == 30)
  }

  @Test func leakageStopsWhereItStaysStopped() throws {
    let series = try report([
      ("gaussian:1e-1", 0, 20), ("gaussian:1e-4", 20, 20), ("gaussian:1e-3", 0, 20),
      ("gaussian:1e-2", 9, 20), ("gaussian:1", 0, 20),
    ]).series
    #expect(series.count == 1)
    #expect(
      series[0].points == [
        "gaussian:0.0001", "gaussian:0.001", "gaussian:0.01", "gaussian:0.1", "gaussian:1",
      ])
    #expect(series[0].stopsAt == "gaussian:0.1")
  }

  /// Fewer numbers sent defend better.
  @Test func strengthMayGrowDownwards() throws {
    let series = try report([("top-k:0.1", 0, 20), ("top-k:0.9", 20, 20)]).series
    #expect(series[0].points == ["top-k:0.9", "top-k:0.1"])
    #expect(series[0].stopsAt == "top-k:0.1")
  }

  @Test func fewRunsDecideNothing() throws {
    #expect(try report([("fp16", 0, 7)]).series[0].statement.hasPrefix("undecided"))
    #expect(try report([("fp16", 7, 7)]).series[0].statement.hasPrefix("is no defence"))
    #expect(try report([("fp16", 0, 20)]).series[0].stopsAt == "fp16")
  }

  /// A picture that is nearly grey has not leaked because it resembles grey.
  @Test func dullPicturesHaveToBeatGrey() throws {
    var dull = try record("none", 30, seed: 0)
    dull.images[0].greyImagePSNR = JSONNumber(28)
    #expect(SweepReport([(dull, nil)]).cells[0].leaked == 0)
  }

  @Test func tablesHaveOneLineForEachCell() throws {
    let lines = try report([("none", 1, 2), ("fp16", 1, 2)]).csv.split(separator: "\n")
    #expect(lines.count == 3)
    let columns = lines[0].split(separator: ",", omittingEmptySubsequences: false).count
    #expect(
      lines.allSatisfy {
        $0.split(separator: ",", omittingEmptySubsequences: false).count == columns
      })
  }
}
