import Defences
import Foundation
import ModelIO
import TestSupport
import Testing

@testable import Audit

/// What is known of epsilon from below and from above.
@Suite struct PrivacyEvidenceTests {
  private func mechanism(_ bound: Double, faults: Bool = false) -> MechanismRecord {
    MechanismRecord(
      verdict: .noClaim, claimedEpsilon: nil, delta: 1e-5, rounds: 1, samplingRate: 1, clip: 1,
      calls: 100, canary: 1,
      faults: faults
        ? [.init(fault: .repeatedNoise, tensors: [], sentence: "The noise repeats.")] : [],
      response: 1, noise: 1,
      bounds: [
        .init(
          method: "one run", epsilon: bound, canaries: 1000, right: 700, guesses: 1000, reach: 5)
      ],
      estimate: .init(
        mu: JSONNumber(1), epsilon: JSONNumber(4.4), leastEpsilon: JSONNumber(3), isNormal: true),
      wasStopped: false)
  }

  private func claim(rounds: Int = 1) -> PrivacyClaimRecord {
    var setting = PrivacySetting()
    (setting.clip, setting.noiseMultiplier, setting.rounds) = (1, 1, rounds)
    return PrivacyClaimRecord(setting)
  }

  private func membership(_ right: Int, of tries: Int, candidates: Int) -> MembershipRecord {
    let rate = SuccessRate(successes: right, count: tries)
    return MembershipRecord(
      kind: "pictures", model: "lenet", batchSize: 8, updates: tries, seed: 0, calibration: 0,
      identifications: [
        .init(
          candidates: candidates, right: right, tries: tries,
          interval: [rate.interval.lowerBound, rate.interval.upperBound],
          guess: 1 / Double(candidates))
      ])
  }

  private func records(_ noise: DefenceChain) -> [RunRecord] {
    (0..<16).map { index in
      var image = result(12, label: 4)
      image.name += "\(index)"
      return sampleRecord(
        images: [image], defence: noise, update: "\(index)", reason: .stagnated)
    }
  }

  @Test func boundsAreOnOneAxis() throws {
    var records = PrivacyRecords()
    records.mechanisms = [mechanism(1.5)]
    records.claims = [claim(rounds: 10)]
    records.memberships = [membership(90, of: 100, candidates: 100)]
    let evidence = PrivacyEvidence(nil, records)
    #expect(evidence.findings.map(\.side) == [.atLeast, .atLeast, .about, .atMost, .atMost])
    #expect(evidence.findings.map(\.isOfOneRound) == [true, true, true, true, false])
    // 90 of 100 is at least 0.826 at 95 %, and ln(100 * 0.826) = 4.41: above 4.377, what one round with this noise allows.
    #expect(abs(evidence.findings[1].epsilon - 4.41) < 0.01)
    #expect(abs(evidence.findings[3].epsilon - 4.377) < 0.001)
    #expect(abs(evidence.findings[4].epsilon - 18.3) < 0.5)
    #expect(evidence.contradiction?.proved.source == "the right one of 100 was picked")
    records.memberships = [membership(1, of: 100, candidates: 100)]
    #expect(PrivacyEvidence(nil, records).contradiction == nil)
    // Guessing proves nothing.
    #expect(PrivacyEvidence(nil, records).findings.count == 4)
  }

  /// Noise that an audit of the code refutes reassures nobody.
  @Test func aRefutedGuaranteeEarnsNoA() throws {
    let noise = try DefenceChain("dp-sgd:1,1.1")
    let records = records(noise)
    #expect(LeakageVerdict(records).grade == .A)
    for refuting in [mechanism(5), mechanism(0, faults: true)] {
      var others = PrivacyRecords()
      others.mechanisms = [refuting]
      let verdict = LeakageVerdict(records, others)
      #expect(verdict.grade == .B && verdict.evidence == .attackFailed)
      #expect(verdict.sentences.contains { $0.contains("the code does not do what is said of it") })
    }
    var agreeing = PrivacyRecords()
    agreeing.mechanisms = [mechanism(2)]
    #expect(LeakageVerdict(records, agreeing).grade == .A)
  }

  @Test func theReportSaysAllOfIt() throws {
    let folder = TestFolder()
    let noise = try DefenceChain("dp-sgd:1,1.1")
    let records = records(noise)
    var input = ReportInput(records: records, folder: nil, path: "run.json")
    for (name, text) in [
      ("m.json", try ResultWriter.json(mechanism(1.5))),
      ("c.json", try ResultWriter.json(claim())),
      ("i.json", try ResultWriter.json(membership(9, of: 100, candidates: 100))),
    ] {
      try input.add(path: folder.file(name, Array(text.utf8)))
    }
    let text = try Report(input).text(.markdown)
    for words in [
      "at least 1.5 | 1e-5 | audit-mechanism, one run", "about 4.4", "at most 4.38",
      "at most 3.92 | 1e-5 | the noise that the records tell", "9 of 100",
      "OWASP ML04:2023", "The right one of 100 candidates was found in 9 of 100 tries.",
      "GDPR, Article 32(1)(d)",
    ] {
      #expect(text.contains(words), "\(words)")
    }
    #expect(!text.contains("LLM02"))
  }

  @Test(arguments: [
    #""delta" : 1e-05"#: #""delta" : 0"#, #""epsilon" : 1.5"#: #""epsilon" : -1"#,
    #""rounds" : 1"#: #""rounds" : 0"#,
  ]) func numbersThatNoAuditHasAreRefused(_ old: String, _ new: String) throws {
    let folder = TestFolder()
    let text = try ResultWriter.json(mechanism(1.5))
    let changed = text.replacingOccurrences(of: old, with: new)
    try #require(changed != text)
    let path = folder.file("m.json", Array(changed.utf8))
    var input = ReportInput()
    #expect(throws: FileError.self) { try input.add(path: path) }
  }
}
