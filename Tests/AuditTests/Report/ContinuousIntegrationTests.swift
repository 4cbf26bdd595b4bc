import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@testable import Audit

private func verdict(_ psnr: [Double]) -> LeakageVerdict {
  LeakageVerdict(
    psnr.enumerated().map { index, value in
      sampleRecord(images: [result(value, name: "image \(index)")], seed: UInt64(index))
    })
}

/// Where nothing tells: the search was cut short.
private let open = LeakageVerdict([
  sampleRecord(images: [result(8, label: 1, name: "<open> & \u{1B}[2J")], reason: .timeLimit)
])

@Suite struct JUnitTests {
  /// The attributes of the document's root and how many elements of each name there are.
  private func parsed(_ junit: JUnit) throws -> (root: [String: String], counts: [String: Int]) {
    final class Reader: NSObject, XMLParserDelegate {
      var root: [String: String] = [:]
      var counts: [String: Int] = [:]
      func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
        qualifiedName: String?, attributes: [String: String] = [:]
      ) {
        if counts.isEmpty { root = attributes }
        counts[name, default: 0] += 1
      }
    }
    let (reader, parser) = (Reader(), XMLParser(data: Data(junit.text.utf8)))
    parser.delegate = reader
    #expect(parser.parse(), "\(junit.text)")
    return (reader.root, reader.counts)
  }

  @Test func examplesThatCameBackFail() throws {
    let (root, counts) = try parsed(JUnit(verdict([50, 8])))
    #expect(root["tests"] == "2" && root["failures"] == "1" && root["errors"] == "0")
    #expect(counts["failure"] == 1 && counts["testcase"] == 2)
  }

  @Test func whatIsNotShownIsAnError() throws {
    let (root, counts) = try parsed(JUnit(open))
    #expect(root["errors"] == "1" && root["failures"] == "0" && counts["error"] == 1)
    // What is a control character is shown; lines are lines.
    #expect(JUnit(open).text.contains("\\u{1b}[2J") && !JUnit(open).text.contains("\\u{a}"))
  }

  @Test func aGradeAloneDecides() throws {
    let leaky = verdict([50, 8])
    #expect(leaky.grade == .F)
    #expect(try parsed(JUnit(leaky, limit: .grade(.C))).root["failures"] == "1")
    #expect(try parsed(JUnit(leaky, limit: .grade(.F))).root["failures"] == "0")
    #expect(try parsed(JUnit(open, limit: .grade(.F))).root["errors"] == "1")
  }

  @Test func decibelsDecideForEachImage() throws {
    let (root, _) = try parsed(JUnit(verdict([50, 30, 8]), limit: .decibels(20)))
    // Two images, and the limit.
    #expect(root["tests"] == "4" && root["failures"] == "3")
    #expect(try parsed(JUnit(verdict([8, 9]), limit: .decibels(20))).root["failures"] == "0")
  }
}

@Suite struct SARIFTests {
  private struct Parsed: Decodable {
    struct Run: Decodable {
      struct Result: Decodable {
        struct Location: Decodable {
          struct Physical: Decodable {
            struct Artifact: Decodable { let uri: String }
            let artifactLocation: Artifact
          }
          let physicalLocation: Physical?
        }
        let ruleId: String
        let ruleIndex: Int
        let level: String
        let locations: [Location]
      }
      let results: [Result]
    }
    let version: String
    let runs: [Run]
  }

  private func results(_ sarif: SARIF) throws -> [Parsed.Run.Result] {
    let parsed = try JSONDecoder().decode(Parsed.self, from: Data(try sarif.text().utf8))
    #expect(parsed.version == "2.1.0" && parsed.runs.count == 1)
    return parsed.runs[0].results
  }

  @Test func namesWhatCameBackAndWhere() throws {
    let found = try results(SARIF(verdict([50, 8]), file: "/home/anna/my model.onnx"))
    #expect(found.map(\.ruleId).contains("data-in-full"))
    #expect(found[0].level == "error" && found[0].ruleIndex == 0)
    #expect(found[0].locations[0].physicalLocation?.artifactLocation.uri == "my%20model.onnx")
  }

  @Test func whatALimitAllowsIsANote() throws {
    #expect(try results(SARIF(verdict([50]), limit: .grade(.F)))[0].level == "note")
    #expect(try results(SARIF(verdict([50]), limit: .grade(.C)))[0].level == "error")
  }

  @Test func whatIsNotShownIsAWarning() throws {
    let found = try results(SARIF(open, limit: .grade(.F)))
    #expect(found.map(\.ruleId) == ["not-shown"] && found[0].level == "warning")
  }

  @Test func nothingIsFoundWhereNothingLeaked() throws {
    let held = LeakageVerdict(
      (0..<16).map { sampleRecord(images: [result(8, label: 1, name: "\($0)")], seed: UInt64($0)) })
    #expect(try results(SARIF(held)).allSatisfy { $0.ruleId == "labels" })
  }
}
