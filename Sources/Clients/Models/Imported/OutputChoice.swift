import ModelIO

/// Which of a file's outputs are the logits: the one that was asked for, or the likeliest.
///
/// Of several outputs that which the most parameters reach is taken, as features, auxiliary heads and
/// losses are reached by fewer; of equals one called logits, then the first.
struct OutputChoice {
  /// Names, the likeliest first.
  let candidates: [String]
  /// Of the file's outputs.
  private let declared: [String]
  private let file: ONNXModel
  private let wasAsked: Bool

  /// Outputs that are looked at, at most.
  private static let limit = 32

  /// - Throws: ``ONNXError`` when the file has no output of the name asked for.
  init(_ file: ONNXModel, asked: String?) throws(ONNXError) {
    self.file = file
    declared = file.outputs.map(\.name)
    wasAsked = asked != nil
    if let asked {
      guard declared.contains(asked) || file.nodes.contains(where: { $0.outputs.contains(asked) })
      else {
        throw ONNXError(
          .mismatch,
          "\(file.path): there is no output \(asked.quotedForMessage); the file has "
            + OutputChoice.listed(declared))
      }
      candidates = [asked]
      return
    }
    guard declared.count > 1 else {
      candidates = declared
      return
    }
    let usable = file.outputs.prefix(OutputChoice.limit).filter {
      $0.elementType?.isFloatingPoint != false && $0.dimensions?.isEmpty != true
    }
    let ranked = usable.enumerated().map { index, output in
      let isNamed = output.name.lowercased().contains("logit")
      return (
        name: output.name, reach: file.parameterNames(behind: [output.name]).count,
        isNamed: isNamed, index: index
      )
    }.sorted {
      ($1.reach, $1.isNamed ? 1 : 0, $0.index) < ($0.reach, $0.isNamed ? 1 : 0, $1.index)
    }
    candidates = ranked.isEmpty ? [declared[0]] : ranked.map(\.name)
  }

  /// What the user should know when `output` is taken.
  func notes(taking output: String) -> [Sentence] {
    var notes: [Sentence] = []
    let behind = Set(file.parameterNames(behind: [output]))
    let all = file.parameterNames(behind: declared + [output])
    if declared.count > 1, !wasAsked {
      notes.append(
        """
        The file has \(declared.count) outputs (\(OutputChoice.listed(declared))); \
        \(output.quotedForMessage) is taken as the logits, which \(behind.count) of \
        \(all.count) parameters reach. \(.output, "NAME") takes another.
        """)
    }
    let left = all.filter { !behind.contains($0) }
    if !left.isEmpty {
      notes.append(
        """
        \(left.count) parameters do not reach the output \(output.quotedForMessage), have no gradient \
        there and are left out: \(OutputChoice.listed(left)).
        """)
    }
    return notes
  }

  private static func listed(_ names: [String]) -> String {
    names.prefix(6).map { String($0.prefix(60)).quotedForMessage }.joined(separator: ", ")
      + (names.count > 6 ? ", ..." : "")
  }
}
