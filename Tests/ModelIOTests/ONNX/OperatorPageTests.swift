import Foundation
import TestSupport
import Testing

@testable import ModelIO

struct OperatorPageTests {
  @Test func thePageIsCurrent() throws {
    let page = URL(fileURLWithPath: fixtures).appendingPathComponent("../../docs/onnx-operators.md")
    #expect(
      try String(contentsOf: page, encoding: .utf8) == ONNXOperator.markdownPage,
      "run: gradleak onnx-operators --markdown > docs/onnx-operators.md")
  }

  @Test func namesAreUnique() {
    let names = ONNXOperator.all.map(\.qualifiedName)
    #expect(Set(names).count == names.count)
  }
}
