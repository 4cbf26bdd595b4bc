import Foundation

/// Names for pictures in tables and result files, made of the names of their files.
package enum PictureNames {
  /// The files' names without extension, made unique and safe for file names. A result of an earlier
  /// run, such as `photo-original.png`, is `photo` again, unless its own results in `outputFolder`
  /// would then replace it.
  package static func unique(_ paths: [String], outputFolder: String?) -> [String] {
    var used: Set<String> = []
    let inputs = Set(paths.map(resolved))
    return paths.map { path in
      var base = safe(fileStem(path))
      for suffix in ["-original", "-reconstruction"] where base.hasSuffix(suffix) {
        let shorter = String(base.dropLast(suffix.count))
        let targets = ["-original", "-reconstruction"].map {
          resolved((outputFolder ?? ".") + "/" + shorter + $0 + ".png")
        }
        if !shorter.isEmpty, inputs.isDisjoint(with: targets) { base = shorter }
      }
      var name = base
      var count = 2
      while !used.insert(name).inserted {
        name = "\(base)-\(count)"
        count += 1
      }
      return name
    }
  }

  /// The text with what file names should not have replaced, and never empty.
  package static func safe(_ stem: String) -> String {
    let safe = stem.map { $0.isLetter || $0.isNumber || "-_.".contains($0) ? $0 : "_" }
    return safe.isEmpty ? "image" : String(safe).prefix(utf8Count: 120)
  }

  private static func resolved(_ path: String) -> String {
    URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
  }
}

extension String {
  /// The longest beginning of at most `utf8Count` bytes that cuts no scalar. File systems limit names
  /// to 255 bytes, and one character may have any number of them.
  fileprivate func prefix(utf8Count: Int) -> String {
    var result = ""
    for scalar in unicodeScalars {
      guard result.utf8.count + String(scalar).utf8.count <= utf8Count else { break }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}
