/// The tokens of a vocabulary and their numbers.
///
/// Tokens are told apart by their bytes: Swift's strings would take two spellings of one accented
/// letter for the same token.
struct TokenTable: Sendable {
  /// More tokens than any vocabulary has.
  static let countLimit = 4_000_000

  /// The token of each number; nil where a number is not used.
  private(set) var tokens: [String?] = []
  private var ids: [[UInt8]: Int] = [:]

  var count: Int { tokens.count }

  /// - Returns: false when the number is out of range, or token or number are taken by others.
  mutating func insert(_ token: String, id: Int) -> Bool {
    guard (0..<TokenTable.countLimit).contains(id) else { return false }
    let key = Array(token.utf8)
    if let known = ids[key] { return known == id }
    if id >= tokens.count {
      tokens.append(contentsOf: repeatElement(nil, count: id + 1 - tokens.count))
    }
    guard tokens[id] == nil else { return false }
    tokens[id] = token
    ids[key] = id
    return true
  }

  func id(of token: String) -> Int? { ids[Array(token.utf8)] }

  func id(of scalars: some Sequence<Unicode.Scalar>) -> Int? {
    var key: [UInt8] = []
    for scalar in scalars { key.append(contentsOf: UTF8.encode(scalar) ?? .init()) }
    return ids[key]
  }
}
