import Defences
import Solvers
import Testing

@testable import Audit

private func strengths(_ count: Int) throws -> DefenceStrengths {
  DefenceStrengths(
    name: "gaussian", chains: try (0..<count).map { try DefenceChain("gaussian:1e\($0)") })
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

/// A search over strengths of which those from `stop` on let nothing through, within so many trials.
private func search(
  chains: Int, stop: Int, trials: Int = 16, budget: Int = .max
) throws -> (finding: DefenceFinding, spent: Int) {
  let strengths = try strengths(chains)
  var spent = 0
  let finding = DefenceSearch(strengths: strengths, trialCount: trials).run { index, chain in
    guard spent < budget else { return nil }
    spent += 1
    #expect((0..<trials).contains(index))
    let leaks = strengths.chains.firstIndex(of: chain).map { $0 < stop } ?? true
    return trial(index, chain, leaks: leaks)
  }
  return (finding, spent)
}

@Suite struct DefenceSearchTests {
  @Test(arguments: [(1, 0), (5, 0), (5, 1), (5, 3), (5, 4), (11, 6)])
  func findsTheWeakestThatIsEnough(_ chains: Int, _ stop: Int) throws {
    let (finding, spent) = try search(chains: chains, stop: stop)
    #expect(finding.outcome == .stops && finding.isComplete)
    #expect(finding.strength == (try strengths(chains).chains[stop]))
    #expect(finding.leaked == 0 && finding.tried == 16)
    // Leaking strengths cost one trial each, and there are few of either.
    #expect(spent <= 3 * (1 + Int.bitWidth - chains.leadingZeroBitCount) + 16)
    #expect(finding.wireShare == 0.5)
  }

  @Test func saysWhenTheStrongestLeaks() throws {
    let (finding, spent) = try search(chains: 5, stop: 5)
    #expect(finding.outcome == .leaks && finding.leaked == 1 && finding.tried == 1)
    #expect(finding.strength == (try strengths(5).chains[4]))
    #expect(spent == 1)
  }

  @Test func aSpentBudgetKeepsWhatIsKnown() throws {
    #expect(try search(chains: 5, stop: 2, budget: 2).finding.outcome == .undecided)
    // The strongest let nothing through in three trials, which is too few to be enough.
    let (finding, _) = try search(chains: 5, stop: 2, budget: 5)
    #expect(finding.outcome == .undecided && finding.tried == 3 && !finding.isComplete)
    #expect(finding.strength == (try strengths(5).chains[4]))
    #expect(finding.sentence.contains("is undecided"))
  }

  @Test func whatLeaksOnMoreImagesIsTurnedDown() throws {
    let strengths = try strengths(4)
    // The second strength leaks, but only on the fourth image.
    let finding = DefenceSearch(strengths: strengths, trialCount: 25).run { index, chain in
      let strength = strengths.chains.firstIndex(of: chain) ?? 0
      let leaks = strength == 0 || (strength == 1 && index == 3)
      return trial(index, chain, leaks: leaks, reason: index == 4 ? .timeLimit : .stagnated)
    }
    #expect(finding.outcome == .stops && finding.strength == strengths.chains[2])
    // One that was cut short counts as a leak in the interval, which still ends below 20 %.
    #expect(finding.cut == 1 && finding.sentence.contains("0 of 25, 1 undetermined"))
    #expect(finding.tried == 25 && finding.interval[1] < 0.2)
  }

  /// What ran out of time has not failed; and runs on one image are one.
  @Test func attacksWithoutTimeAreNotEnough() throws {
    let chain = try DefenceChain("fp16")
    let strengths = DefenceStrengths(name: "fp16", chains: [chain])
    let cut = DefenceSearch(strengths: strengths, trialCount: 16).run { index, chain in
      trial(index, chain, leaks: false, reason: .timeLimit)
    }
    #expect(cut.outcome == .undecided && cut.cut == 16 && !cut.sentence.contains("was enough"))
    let alike = DefenceSearch(strengths: strengths, trialCount: 16).run { _, chain in
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

  @Test(arguments: DefenceCatalog.all.filter { $0.strengths != nil })
  func strengthsCanBeSearched(_ kind: DefenceDescriptor) throws {
    for norm in [0, 0.7, 27, 1e300] {
      let strengths = try #require(DefenceStrengths(kind, updateNorm: norm))
      #expect(
        strengths.name == kind.name
          && strengths.chains.count == kind.strengths?.defences(norm).count)
      #expect(Set(strengths.chains).count == strengths.chains.count)
      for strength in strengths.chains {
        #expect(
          try DefenceChain(strength.description) == strength
            && strength.description.hasPrefix(kind.name))
      }
    }
  }

  @Test func auditsSearchThePapersDefencesByDefault() {
    let standard = DefenceCatalog.all.filter { $0.strengths?.isStandard == true }
    #expect(standard.map(\.name) == ["gaussian", "prune", "fp16", "int8", "dp-sgd"])
    #expect(DefenceCatalog.all.count { $0.strengths != nil } == 18)
  }
}
