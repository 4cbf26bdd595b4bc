/// The candidate that `word` most likely means: the first that begins with it, or else the one that
/// takes the fewest edits (insert, delete or replace a character), when those are at most half of
/// the word's length. Case is free; the first candidate wins a tie.
package func nearestSpelling(to word: String, in candidates: [String]) -> String? {
  // Longer words are no misspelling, and the cost grows with the square.
  guard word.count <= 100 else { return nil }
  let word = word.lowercased()
  guard !word.isEmpty else { return nil }
  if let longer = candidates.first(where: { $0.lowercased().hasPrefix(word) }) { return longer }
  let distances = candidates.map { editDistance(word, $0.lowercased()) }
  guard let least = distances.min(), least * 2 <= word.count,
    let index = distances.firstIndex(of: least)
  else { return nil }
  return candidates[index]
}

/// Levenshtein's distance, row by row of its dynamic programme.
private func editDistance(_ left: String, _ right: String) -> Int {
  let right = Array(right)
  var row = Array(0...right.count)
  for (i, character) in left.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in right.indices {
      let replaced = diagonal + (character == right[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
    }
  }
  return row[right.count]
}
