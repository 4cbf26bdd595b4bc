import TensorGraph

/// How one operator of one domain is lowered.
struct OperatorEntry: Sendable {
  typealias Handler = @Sendable (OperatorCall) throws(ONNXError) -> [Operand]

  let domain: String
  let name: String
  /// The first operator set version that the handler implements; it implements all later ones.
  let since: Int
  /// What is left out; empty when nothing is.
  let restrictions: String
  let handler: Handler

  init(
    _ name: String, since: Int = 6, domain: String = "", restrictions: String = "",
    _ handler: @escaping Handler
  ) {
    self.domain = domain
    self.name = name
    self.since = since
    self.restrictions = restrictions
    self.handler = handler
  }

  /// An operator with one result of the first input's element type.
  static func uniform(
    _ name: String, since: Int = 6, domain: String = "", restrictions: String = "",
    _ body: @escaping @Sendable (OperatorCall) throws(ONNXError) -> Term
  ) -> OperatorEntry {
    OperatorEntry(name, since: since, domain: domain, restrictions: restrictions) {
      call throws(ONNXError) in try call.result(body(call))
    }
  }

  /// An elementwise function of one operand.
  static func function(
    _ name: String, since: Int = 6, _ body: @escaping @Sendable (Term) throws(ONNXError) -> Term
  ) -> OperatorEntry {
    .uniform(name, since: since) { call throws(ONNXError) in try body(call.term(0)) }
  }
}

/// All operators that can be lowered.
enum OperatorTable {
  static let entries: [OperatorEntry] =
    (arithmeticOperators + functionOperators + activationOperators + comparisonOperators
    + conversionOperators + reductionOperators + contractionOperators + convolutionOperators
    + poolingOperators + normalizationOperators + structuralOperators + bitwiseOperators
    + indexingOperators + sourceOperators + lossOperators + attentionOperators
    + resizingOperators + recurrentOperators)
    .sorted { ($0.domain, $0.name) < ($1.domain, $1.name) }

  private static let byName: [String: OperatorEntry] = Dictionary(
    entries.map { ($0.domain + ":" + $0.name, $0) }, uniquingKeysWith: { first, _ in first })

  static func entry(_ domain: String, _ name: String) -> OperatorEntry? {
    byName[(isStandard(domain) ? "" : domain) + ":" + name]
  }

  static func isStandard(_ domain: String) -> Bool { domain.isEmpty || domain == "ai.onnx" }
}

/// The table of supported operators, for documentation.
public struct ONNXOperator: Hashable, Sendable {
  /// Empty for the standard operators.
  public let domain: String
  /// The operator's type in files, such as `Conv`.
  public let name: String
  /// The first operator set version that is supported; all later ones up to
  /// ``ONNXOperator/latestOpset`` are.
  public let since: Int
  /// What is left out; empty when nothing is.
  public let restrictions: String

  /// The latest version of the standard operator set that has been checked.
  public static let latestOpset = 25

  /// Every operator that can be lowered, sorted by domain and name.
  public static var all: [ONNXOperator] {
    let entries = OperatorTable.entries.map {
      ONNXOperator(
        domain: $0.domain, name: $0.name, since: $0.since, restrictions: $0.restrictions)
    }
    let onLists = SequenceOperator.allCases.map {
      ONNXOperator(
        domain: "", name: $0.rawValue, since: SequenceOperator.since,
        restrictions: "lists made in the same graph, constant positions")
    }
    return (entries + onLists).sorted { ($0.domain, $0.name) < ($1.domain, $1.name) }
  }
}
