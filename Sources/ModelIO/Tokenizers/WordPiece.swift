/// WordPiece: the longest token that a word begins with, then the longest that the rest begins with,
/// and so on (Wu et al. 2016, arXiv 1609.08144, section 4.1; Devlin et al. 2019).
struct WordPiece: Sendable {
  var table: TokenTable
  let unknown: String
  /// Marks tokens that continue a word: "##".
  let continuation: String
  /// Longer words are unknown, in characters.
  let wordLimit: Int

  func encode(_ word: [Unicode.Scalar]) -> [Int] {
    let unknownID = table.id(of: unknown).map { [$0] } ?? []
    guard word.count <= wordLimit else { return unknownID }
    let prefix = Array(continuation.unicodeScalars)
    var ids: [Int] = []
    var start = 0
    while start < word.count {
      var end = word.count
      var found: Int?
      while end > start {
        let head = start > 0 ? prefix + word[start..<end] : Array(word[start..<end])
        found = table.id(of: head)
        if found != nil { break }
        end -= 1
      }
      guard let found else { return unknownID }
      ids.append(found)
      start = end
    }
    return ids
  }
}
