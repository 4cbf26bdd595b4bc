/// Texts on their way to a place: words that have just changed are dimmed.
struct SettlingTexts {
  private var previous: [[Substring]] = []

  /// The lines for texts as they stand, each of at most `columns` columns.
  mutating func lines(_ texts: [String], columns: Int, rows: Int) -> [String] {
    let words = texts.prefix(max(rows, 0)).map { text in
      String(text.prefix(max(columns - 2, 0))).split(separator: " ")
    }
    defer { previous = words }
    return words.enumerated().map { index, line in
      let old = index < previous.count ? previous[index] : []
      let shown = line.enumerated().map { place, word in
        let isSettled = place < old.count && old[place] == word
        return isSettled ? String(word) : Terminal.styled(String(word), .dim, on: .standardError)
      }
      return "  " + shown.joined(separator: " ")
    }
  }
}
