import Defences
import Solvers
import Testing

@testable import Audit

private func ladder(_ count: Int) throws -> DefenceLadder {
  DefenceLadder(
    name: "gaussian", rungs: try (0..<count).map { try DefenceChain("gaussian:1e\($0)") })
}

/// A trial on an image of its own.
private func trial(
  _ index: Int, _ chain: DefenceChain, leaks: Bool, reason: StopReason = .stagnated
) -> DefenceSearch.Trial {
  DefenceSearch.Trial(
    sampleRecord(
      images: [result(leaks ? 30 : 10, name: "image\(index)")], defence: chain,
      update: "\(chain)\(index)", reason: reason))
}

/// A search on rungs of which those from `stop` on let nothing through, within so many trials.
private func search(
  rungs: Int, stop: Int, trials: Int = 16, budget: Int = .max
) throws -> (finding: DefenceFinding, spent: Int) {
  let ladder = try ladder(rungs)
  var spent = 0
  let finding = DefenceSearch(ladder: ladder, trialCount: trials).run { index, chain in
    guard spent < budget else { return nil }
    spent += 1
    #expect((0..<trials).contains(index))
    let leaks = ladder.rungs.firstIndex(of: chain).map { $0 < stop } ?? true
    return trial(index, chain, leaks: leaks)
  }
  return (finding, spent)
}

@Suite struct DefenceSearchTests {
  @Test(arguments: [(1, 0), (5, 0), (5, 1), (5, 3), (5, 4), (11, 6)])
  func findsTheWeakestThatIsEnough(_ rungs: Int, _ stop: Int) throws {
    let (finding, spent) = try search(rungs: rungs, stop: stop)
    #expect(finding.outcome == .stops && finding.isComplete)
    #expect(finding.strength == (try ladder(rungs).rungs[stop]))
    #expect(finding.leaked == 0 && finding.tried == 16)
    // Leaking rungs cost one trial each, and there are few of either.
    #expect(spent <= 3 * (1 + Int.bitWidth - rungs.leadingZeroBitCount) + 16)
    #expect(finding.wireShare == 0.5)
  }

  @Test func saysWhenTheStrongestLeaks() throws {
    let (finding, spent) = try search(rungs: 5, stop: 5)
    #expect(finding.outcome == .leaks && finding.leaked == 1 && finding.tried == 1)
    #expect(finding.strength == (try ladder(5).rungs[4]))
    #expect(spent == 1)
  }

  @Test func aSpentBudgetKeepsWhatIsKnown() throws {
    #expect(try search(rungs: 5, stop: 2, budget: 2).finding.outcome == .undecided)
    // The strongest let nothing through in three trials, which is too few to be enough.
    let (finding, _) = try search(rungs: 5, stop: 2, budget: 5)
    #expect(finding.outcome == .undecided && finding.tried == 3 && !finding.isComplete)
    #expect(finding.strength == (try ladder(5).rungs[4]))
    #expect(finding.sentence.contains("is undecided"))
  }

  @Test func whatLeaksOnMoreImagesIsTurnedDown() throws {
    let ladder = try ladder(4)
    // The second rung leaks, but only on the fourth image.
    let finding = DefenceSearch(ladder: ladder, trialCount: 25).run { index, chain in
      let rung = ladder.rungs.firstIndex(of: chain) ?? 0
      let leaks = rung == 0 || (rung == 1 && index == 3)
      return trial(index, chain, leaks: leaks, reason: index == 4 ? .timeLimit : .stagnated)
    }
    #expect(finding.outcome == .stops && finding.strength == ladder.rungs[2])
    // One that was cut short counts as a leak in the interval, which still ends below 20 %.
    #expect(finding.cut == 1 && finding.sentence.contains("0 of 25, 1 undetermined"))
    #expect(finding.tried == 25 && finding.interval[1] < 0.2)
  }

  /// What ran out of time has not failed; and runs on one image are one.
  @Test func attacksWithoutTimeAreNotEnough() throws {
    let chain = try DefenceChain("fp16")
    let ladder = DefenceLadder(name: "fp16", rungs: [chain])
    let cut = DefenceSearch(ladder: ladder, trialCount: 16).run { index, chain in
      trial(index, chain, leaks: false, reason: .timeLimit)
    }
    #expect(cut.outcome == .undecided && cut.cut == 16 && !cut.sentence.contains("was enough"))
    let alike = DefenceSearch(ladder: ladder, trialCount: 16).run { _, chain in
      trial(0, chain, leaks: false)
    }
    #expect(alike.outcome == .undecided && alike.sentence.contains("of 1 independent unit"))
    // The table of a report, made from the same records, decides the same.
    for (finding, reason) in [(cut, StopReason.timeLimit), (alike, .stagnated)] {
      let records = (0..<16).map {
        trial(finding == alike ? 0 : $0, chain, leaks: false, reason: reason).record
      }
      let series = try #require(
        SweepReport(records: records)?.series.first { $0.axis == .strength })
      #expect(series.stopsAt == nil && series.statement.hasPrefix("undecided"))
    }
  }

  @Test(arguments: DefenceCatalog.all.filter { $0.ladder != nil })
  func laddersCanBeClimbed(_ kind: DefenceDescriptor) throws {
    for norm in [0, 0.7, 27, 1e300] {
      let ladder = try #require(DefenceLadder(kind, updateNorm: norm))
      #expect(ladder.name == kind.name && ladder.rungs.count == kind.ladder?.rungs(norm).count)
      #expect(Set(ladder.rungs).count == ladder.rungs.count)
      for rung in ladder.rungs {
        #expect(try DefenceChain(rung.description) == rung && rung.description.hasPrefix(kind.name))
      }
    }
  }

  @Test func auditsClimbThePapersLaddersByDefault() {
    let standard = DefenceCatalog.all.filter { $0.ladder?.isStandard == true }
    #expect(standard.map(\.name) == ["gaussian", "prune", "fp16", "int8", "dp-sgd"])
    #expect(DefenceCatalog.all.count { $0.ladder != nil } == 15)
  }
}
