/// How many operators a model runs when the calls of its functions are expanded: counted before that
/// is done, since a few functions that call each other twice are millions.
struct OperatorCount {
  private let functions: [String: FunctionProto]
  private let limits: ONNXLimits
  private var known: [String: Int] = [:]

  init(_ functions: [String: FunctionProto], _ limits: ONNXLimits) {
    self.functions = functions
    self.limits = limits
  }

  /// - Throws: ``ONNXError`` when the nodes are more operators than allowed.
  mutating func check(_ nodes: some Sequence<NodeProto>) throws(ONNXError) {
    let count = try count(nodes, depth: 0)
    guard count <= limits.maximumNodes else {
      let words = count == .max ? "far more" : "\(count) operators, more"
      throw ONNXError(
        .tooLarge, "the model runs \(words) than the \(limits.maximumNodes) operators allowed")
    }
  }

  private mutating func count(
    _ nodes: some Sequence<NodeProto>, depth: Int
  ) throws(ONNXError) -> Int {
    guard depth <= limits.maximumDepth else {
      throw ONNXError(
        .tooLarge, "functions and branches are nested deeper than \(limits.maximumDepth)")
    }
    var total = 0
    for node in nodes {
      var inner = 1
      let key = OperatorCount.key(node.domain, node.opType, node.overload)
      if let function = functions[key] {
        if known[key] == nil { known[key] = try count(function.node, depth: depth + 1) }
        inner = saturating(inner, known[key] ?? 0)
      }
      var branches = 0
      for attribute in node.attribute where attribute.hasG {
        branches = max(branches, try count(attribute.g.node, depth: depth + 1))
      }
      total = saturating(total, saturating(inner, branches))
    }
    return total
  }

  private func saturating(_ left: Int, _ right: Int) -> Int {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
  }

  /// What a function is looked up by.
  static func key(_ domain: String, _ name: String, _ overload: String) -> String {
    "\(domain):\(name):\(overload)"
  }

  /// The functions of a model by ``key(_:_:_:)``; the first of equal names counts.
  static func functions(of model: ModelProto) -> [String: FunctionProto] {
    Dictionary(
      model.functions.map { (key($0.domain, $0.name, $0.overload), $0) },
      uniquingKeysWith: { first, _ in first })
  }
}
