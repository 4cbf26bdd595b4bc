/// A verdict as JUnit's XML, which CI systems show as tests: one for each private example, and one for the limit.
///
/// Without a limit an example that came back, in full or recognisable, is a failure and one of which nothing tells
/// an error. With a limit in dB images above it fail; with a grade the test of the limit alone does, and examples say
/// what came back.
///
/// The format has no standard; this is what the readers of Jenkins, GitLab and GitHub's actions agree on.
public struct JUnit: Sendable {
  private let verdict: LeakageVerdict
  private let limit: LeakLimit?

  /// - Parameter limit: what may leak; nil for nothing.
  public init(_ verdict: LeakageVerdict, limit: LeakLimit? = nil) {
    self.verdict = verdict
    self.limit = limit
  }

  private struct TestCase {
    enum Result {
      case passed
      case failure(String)
      case error(String)
    }

    let name: String
    let result: Result
    /// What was seen, whatever the result.
    let output: String

    func xml(in suite: String) -> HTML {
      let end: HTML =
        switch result {
        case .passed: .none
        case .failure(let message):
          "<failure type=\"leak\" message=\"\(message)\">\(output)</failure>"
        case .error(let message):
          "<error type=\"not shown\" message=\"\(message)\">\(output)</error>"
        }
      return """
          <testcase classname="gradleak.\(suite)" name="\(name)">\(end)<system-out>\(output)</system-out></testcase>

        """
    }
  }

  /// The document.
  public var text: String {
    let suite = verdict.records.first?.model.name ?? "model"
    let cases = exampleCases + limitCase
    var (failures, errors) = (0, 0)
    for test in cases {
      switch test.result {
      case .passed: break
      case .failure: failures += 1
      case .error: errors += 1
      }
    }
    let properties: [(String, String)] = [
      ("gradleak", GradleakVersion.current), ("grade", verdict.grade.rawValue),
      ("evidence", verdict.evidence.rawValue),
    ]
    let counts: HTML = "tests=\"\(cases.count)\" failures=\"\(failures)\" errors=\"\(errors)\""
    let document: HTML = """
      <?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="gradleak" \(counts)>
        <testsuite name="\(suite)" \(counts)>
          <properties>
      \(properties.map { "      <property name=\"\($0.0)\" value=\"\($0.1)\"/>\n" as HTML })    </properties>
      \(cases.map { $0.xml(in: suite) })    <system-out>\(verdict.sentences.map { "\($0)\n" as HTML })</system-out>
        </testsuite>
      </testsuites>

      """
    return document.markup
  }

  private var exampleCases: [TestCase] {
    zip(verdict.examples, verdict.levels).map { example, level in
      let kind = verdict.kind
      let score =
        example.score.isNaN ? "" : ", \(kind.score) \(kind.text(example.score))\(kind.unit)"
      let seen = "came back: \(level.words)\(score)"
      return TestCase(
        name: "\(kind.singular) \(example.name)", result: result(of: example, level, seen),
        output: seen)
    }
  }

  private func result(
    of example: any JudgedExample, _ level: LeakLevel, _ seen: String
  ) -> TestCase.Result {
    switch (limit, level) {
    case (.grade, _): .passed
    case (_, .undetermined): .error("nothing tells whether it can come back")
    case (.decibels(let most), _) where example.hasTruth:
      example.score > most ? .failure(seen) : .passed
    case (_, .full), (_, .recognisable): .failure(seen)
    case (_, .label), (_, .nothing): .passed
    }
  }

  private var limitCase: [TestCase] {
    guard let limit else { return [] }
    let failure = limit.failure(of: verdict)
    let result: TestCase.Result =
      switch failure?.kind {
      case nil: .passed
      case .exceeded: .failure(failure?.reason.description ?? "")
      case .notShown, .cutShort: .error(failure?.reason.description ?? "")
      }
    return [
      TestCase(
        name: "no more than \(limit.words)", result: result,
        output: verdict.sentences.first ?? "")
    ]
  }
}
