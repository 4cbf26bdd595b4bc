import ArgumentParser
import Audit

/// Labels on the command line, such as `3,7`; see ``ExampleLabel``.
func exampleLabels(_ text: String) -> [ExampleLabel] {
  text.split(separator: ",", omittingEmptySubsequences: false).map {
    ExampleLabel($0.trimmingCharacters(in: .whitespaces))
  }
}
