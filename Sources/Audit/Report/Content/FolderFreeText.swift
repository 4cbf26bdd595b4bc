extension String {
  /// The text with absolute paths cut to the names of their files: a report is handed on, and folders tell
  /// names of users, projects and patients. Addresses with a scheme other than `file:` stay as they are.
  var withoutFolders: String {
    guard utf8.contains(UInt8(ascii: "/")) else { return self }
    var result = ""
    var rest = unicodeScalars[...]
    var last: Unicode.Scalar?
    while let scalar = rest.first {
      if scalar == "/", String.mayPrecedePath(last, result), let next = rest.dropFirst().first,
        !String.endsPath(next), !(last == ":" && next == "/" && !result.hasSuffix("file:"))
      {
        // Between quotation marks a path may hold spaces.
        let quote = last.flatMap { "'\"`".unicodeScalars.contains($0) ? $0 : nil }
        let path =
          quote.flatMap { mark in
            rest.contains(mark) ? rest.prefix { $0 != mark } : nil
          } ?? rest.prefix { !String.endsPath($0) }
        rest = rest.dropFirst(path.count)
        let names = path.split(separator: "/")
        // The end of an element is no path.
        let isPath = !names.isEmpty && (last != "<" || names.count > 1)
        let name = isPath ? names.last.map { String($0) } ?? "" : String(path)
        if result.hasSuffix("file:") { result.removeLast(5) }
        result += name
        last = name.unicodeScalars.last
      } else {
        result.unicodeScalars.append(scalar)
        last = scalar
        rest = rest.dropFirst()
      }
    }
    return result
  }

  private static func mayPrecedePath(_ scalar: Unicode.Scalar?, _ before: String) -> Bool {
    guard let scalar else { return true }
    return scalar.properties.isWhitespace || "'\"`“”‘’«([{<=,;:|+@>".unicodeScalars.contains(scalar)
  }

  private static func endsPath(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || "'\"`“”‘’»,;|()[]{}<>".unicodeScalars.contains(scalar)
  }
}
