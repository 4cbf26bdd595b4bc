import Federation
import Foundation
import ModelIO
import Solvers

/// Private texts with their classes.
package struct LabelledTexts: Sendable {
  /// As they were read.
  package var texts: [String] = []
  /// A class for each.
  package var labels: [Int] = []

  /// Some of them, in the order asked for.
  package func choosing(_ positions: some Sequence<Int>) -> LabelledTexts {
    LabelledTexts(
      texts: positions.map { texts[$0] }, labels: positions.map { labels[$0] })
  }
}

extension FederationData {
  /// What texts a federation's workers train on.
  package enum TextSource: Hashable, Sendable {
    /// The bundled ones, with classes drawn at random.
    case bundled
    /// One text a line, with classes drawn at random.
    case file(String)
    /// A folder with a file for each class, one text a line.
    case folder(String)

    /// Classes that are drawn where none are given.
    fileprivate static let drawnClassCount = 2
  }

  /// Number of classes of texts.
  ///
  /// - Throws: `FileError` when a folder cannot be read.
  static func classCount(of source: TextSource) throws(FileError) -> Int {
    guard case .folder(let path) = source else { return TextSource.drawnClassCount }
    return try classFiles(of: path).count
  }

  /// The files of a folder that have texts, by name.
  private static func classFiles(of path: String) throws(FileError) -> [String] {
    let names = textFiles(in: path)
    guard names.count >= 2 else {
      throw FileError(
        path: path, problem: "it has \(names.count) text files",
        remedy: "give a folder with a .txt file for each of 2 classes or more, one text a line")
    }
    return names
  }

  /// Names of the text files in a folder.
  static func textFiles(in path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
      .filter { !$0.hasPrefix(".") && $0.lowercased().hasSuffix(".txt") }.sorted()
  }

  /// Reads texts: those to train on, and those held out.
  ///
  /// - Parameter seed: of what is chosen and drawn.
  /// - Throws: `FileError` when they cannot be read, ``FederationError`` when there are too few.
  package func readTexts(
    _ source: TextSource, workers: Int, seed: UInt64
  ) throws -> (training: LabelledTexts, heldOut: LabelledTexts) {
    var all = LabelledTexts()
    func draw(_ texts: [String]) {
      var random = RandomSource(seed: seed).derive(label: "classes of texts")
      all.texts = texts
      all.labels = texts.map { _ in random.integer(below: TextSource.drawnClassCount) }
    }
    switch source {
    case .bundled: draw(BundledText.privateTexts)
    case .file(let path): draw(try TextFile.lines(of: path))
    case .folder(let path):
      for (label, name) in try FederationData.classFiles(of: path).enumerated() {
        let lines = try TextFile.lines(of: path + "/" + name)
        all.texts += lines
        all.labels += lines.map { _ in label }
      }
    }
    var random = RandomSource(seed: seed).derive(label: "held out")
    let order = random.permutation(of: all.texts.count)
    let heldOut = min(self.heldOut, max(order.count / 5, 1))
    let chosen = order.dropFirst(heldOut).prefix(count ?? order.count)
    guard chosen.count >= workers else {
      throw FederationError(
        "\(chosen.count) texts do not go round among \(workers) workers; take fewer workers or more texts",
        .badInput)
    }
    return (all.choosing(chosen), all.choosing(order.prefix(heldOut)))
  }
}
