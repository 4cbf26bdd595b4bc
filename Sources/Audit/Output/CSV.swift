import ModelIO

/// A text as a field of CSV (RFC 4180): quoted where it must be, control characters but line ends as their
/// numbers, and with an apostrophe in front where a spreadsheet would take it for a formula (OWASP, CSV
/// injection). Numbers stay as they are.
func csvField(_ text: String) -> String {
  var plain = ""
  for scalar in text.unicodeScalars {
    plain +=
      scalar == "\n" || scalar == "\r" ? String(scalar) : String(scalar).escapingControlCharacters
  }
  // The full-width forms are formulas too, in Japanese and Chinese settings.
  let formulas = "=+-@\u{FF1D}\u{FF0B}\u{FF0D}\u{FF20}".unicodeScalars
  let scalars = text.unicodeScalars
  let isFormula =
    scalars.first { !$0.properties.isWhitespace }.map(formulas.contains) == true
    || scalars.first.map { "\t\r\n".unicodeScalars.contains($0) } == true
  if isFormula, Double(text) == nil { plain = "'" + plain }
  // Semicolons separate where commas are decimal points.
  guard plain.unicodeScalars.contains(where: { ",;\"\n\r".unicodeScalars.contains($0) }) else {
    return plain
  }
  return "\"" + plain.replacing("\"", with: "\"\"") + "\""
}
