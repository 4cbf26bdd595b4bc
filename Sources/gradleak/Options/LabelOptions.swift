import ArgumentParser
import Audit

/// Labels on the command line, such as `3,7`; see ``ExampleLabel``.
func exampleLabels(_ text: String) -> [ExampleLabel] {
  text.split(separator: ",", omittingEmptySubsequences: false).map {
    ExampleLabel($0.trimmingCharacters(in: .whitespaces))
  }
}

/// The labels of a client's pictures or texts.
struct LabelOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The true labels, such as 3,7 (bce: also 0+3,2,none; mse: numbers; masks: a.png); random by default.",
      valueName: "classes"))
  var labels: String?

  /// One for each example; nil where none are given.
  var given: [ExampleLabel]? { labels.map(exampleLabels) }

  /// The labels of a simulated client's pictures; nil where none are given.
  ///
  /// - Throws: ``ValidationError`` when there are more or fewer than pictures.
  func given(forPictures count: Int) throws -> [ExampleLabel]? {
    if let labels = given, labels.count != count {
      throw ValidationError(
        "--labels has \(labels.count) of them for \(count) pictures; give one for each.")
    }
    return given
  }
}
