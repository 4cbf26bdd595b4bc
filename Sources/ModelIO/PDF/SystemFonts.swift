import Foundation

/// The TrueType fonts of a machine, read when a character needs one.
package struct SystemFonts {
  /// Where systems and users keep fonts.
  package static var folders: [String] {
    let home = NSHomeDirectory()
    return [
      "/usr/share/fonts", "/usr/local/share/fonts", "\(home)/.local/share/fonts",
      "\(home)/.fonts", "/System/Library/Fonts", "/Library/Fonts", "\(home)/Library/Fonts",
    ]
  }

  private static let fileLimit = 4000
  /// Fonts that are read for one character at most.
  private static let readLimit = 300

  /// Fonts of these files, the plain ones of wide coverage first.
  private var paths: [String]?
  private let folders: [String]
  /// Fonts that were read, nil for files that are none.
  private var fonts: [String: TrueTypeFont?] = [:]

  package init(folders: [String] = SystemFonts.folders) {
    self.folders = folders
  }

  /// A font that has a character; nil where none has.
  mutating func font(with scalar: Unicode.Scalar) -> (path: String, font: TrueTypeFont)? {
    let paths = paths ?? SystemFonts.files(in: folders)
    self.paths = paths
    for path in paths.prefix(SystemFonts.readLimit) {
      if fonts[path] == nil {
        let bytes = try? InputFile.bytes(
          at: path, expected: "a font", limit: TrueTypeFont.byteLimit)
        fonts[path] = .some(bytes.flatMap { TrueTypeFont($0) })
      }
      if let font = fonts[path] ?? nil, font.glyph(of: scalar) != nil { return (path, font) }
    }
    return nil
  }

  /// All font files, in an order that does not depend on the file system.
  private static func files(in folders: [String]) -> [String] {
    var found: [String] = []
    for folder in folders {
      guard let names = FileManager.default.enumerator(atPath: folder) else { continue }
      for case let name as String in names {
        guard found.count < fileLimit else { break }
        let ending = (name as NSString).pathExtension.lowercased()
        if ["ttf", "ttc"].contains(ending) { found.append(folder + "/" + name) }
      }
    }
    return found.map { (rank($0), $0) }.sorted { $0 < $1 }.map(\.1)
  }

  /// Plain ones first, of the families that are made to cover much.
  private static func rank(_ path: String) -> Int {
    let name = (path as NSString).lastPathComponent.lowercased()
    let families = ["dejavusans.ttf", "notosans-regular.ttf", "liberationsans-regular.ttf"]
    if let place = families.firstIndex(of: name) { return place }
    let isStyled = ["bold", "italic", "oblique", "light", "thin", "black", "mono", "condensed"]
      .contains { name.contains($0) }
    return isStyled ? 20 : name.contains("sans") ? 10 : 11
  }
}
