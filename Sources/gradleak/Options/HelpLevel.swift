import ArgumentParser

extension ArgumentVisibility {
  /// Of options that few runs need: they are in what `--help-all` prints, in the manual and in completions, and
  /// not in the first help.
  static let rare: ArgumentVisibility = HelpLevel.isBrief ? .hidden : .default
}

/// How much of the options a help page lists.
enum HelpLevel {
  /// Asks for the help with all options.
  static let option = "--help-all"

  private static let isWhole = CommandLine.arguments.contains {
    [option, "--help-hidden"].contains($0)
  }

  /// Whether the first help is asked for, which has no room for rare options and long lists of values. All else,
  /// such as errors, completion scripts and the manual, knows every option.
  static let isBrief =
    !isWhole
    && CommandLine.arguments.dropFirst().contains { ["--help", "-h", "help"].contains($0) }

  /// What each value of an option means, which the first help has no room for.
  static func described(_ values: [String: String]) -> [String: String] { isBrief ? [:] : values }

  /// The command line as ArgumentParser knows it.
  static func arguments(_ given: [String]) -> [String] {
    let options = given.prefix { $0 != "--" }
    return options.map { $0 == option ? "--help" : $0 } + given.dropFirst(options.count)
  }

  /// A help page with a synopsis no wider than `width`, and a last line that says how to see the rest; other
  /// messages as they are.
  static func completed(_ message: String, width: Int) -> String {
    guard message.hasPrefix("OVERVIEW: ") else { return message }
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false).flatMap { line in
      line.hasPrefix("USAGE: ") && line.count > width
        ? wrappedSynopsis(line, width: width) : [String(line)]
    }
    let page = lines.joined(separator: "\n").trimmingSuffix { $0.isNewline }
    return isWhole ? String(page) : page + "\n\nAll options: \(option)"
  }

  /// A synopsis on several lines; what stands in brackets stays together.
  private static func wrappedSynopsis(_ synopsis: Substring, width: Int) -> [String] {
    var (lines, line, depth) = ([String](), "", 0)
    var part = ""
    func take(_ part: String) {
      if !line.isEmpty, line.count + 1 + part.count > width {
        lines.append(line)
        line = "       " + part
      } else {
        line += (line.isEmpty ? "" : " ") + part
      }
    }
    for word in synopsis.split(separator: " ") {
      part += (part.isEmpty ? "" : " ") + word
      depth += word.count { $0 == "[" } - word.count { $0 == "]" }
      guard depth <= 0 else { continue }
      take(part)
      part = ""
    }
    if !part.isEmpty { take(part) }
    return lines + [line]
  }
}

/// The titles that options are grouped under, fewer in the first help.
enum HelpTitle {
  static let data = "Data"
  static let plan = "Plan"
  static let update = "A client's update"
  static let client = "Model and client"
  static let model = HelpLevel.isBrief ? client : "Model"
  static let loss = HelpLevel.isBrief ? client : "Loss"
  static let training = HelpLevel.isBrief ? client : "Local training"
  static let defence = HelpLevel.isBrief ? client : "Defence"
  static let attack = "Attack"
  static let output = "Output"
}

extension String {
  fileprivate func trimmingSuffix(while matches: (Character) -> Bool) -> Substring {
    var text = self[...]
    while let last = text.last, matches(last) { text = text.dropLast() }
    return text
  }
}
