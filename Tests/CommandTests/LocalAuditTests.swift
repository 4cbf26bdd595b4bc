import Audit
import Foundation
import TestSupport
import Testing

/// `gradleak audit` of simulated clients that train, or of whom only a mean is seen.
struct LocalAuditTests {
  private let folder = TestFolder()

  private struct Verdict: Decodable {
    let grade: LeakageGrade
    let untested: [String]
    let defences: [String]
    let records: [RunRecord]
  }

  private func audit(_ options: String) throws -> Verdict {
    let run = try BuiltTool.run(
      ("audit --size 8 --quiet --json " + options).split(separator: " ").map(String.init),
      in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
    return try JSONDecoder().decode(Verdict.self, from: Data(run.output.utf8))
  }

  @Test func localStepsAreAudited() throws {
    let verdict = try audit("chelsea --epochs 2 --learning-rate 0.05 --budget 30 --defences dp-sgd")
    #expect(verdict.records.map(\.update.localSteps) == [2])
    #expect(verdict.grade == .F, "the search comes to rounding")
    // DP-SGD acts on one gradient.
    #expect(verdict.untested.contains { $0.contains("DP-SGD") && $0.contains("2 local steps") })
    #expect(!verdict.untested.contains { $0.hasPrefix("Updates after several local steps") })
  }

  @Test func meansOfClientsAreAudited() throws {
    let verdict = try audit("chelsea coffee --clients 2 --defences none --budget 10")
    #expect(verdict.records.map(\.update.batchSize) == [2])
    #expect(verdict.records[0].threatModel.clients == 2)
  }

  @Test func picturesMustGoRound() throws {
    let run = try BuiltTool.run(
      ["audit", "chelsea", "coffee", "retina", "--clients", "2"], in: folder.path)
    #expect(run.status == 2 && run.errors.contains("do not go round 2 clients"))
  }
}
