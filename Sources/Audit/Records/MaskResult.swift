/// What came back of a segmentation's mask, a class for each pixel.
public struct MaskResult: Codable, Sendable, Equatable {
  /// In pixels.
  public var height: Int
  /// In pixels.
  public var width: Int
  /// The share of pixels whose class was found, 0...1; nil where the mask is not known.
  public var rightShare: JSONNumber?
  /// The intersection of found and true pixels over their union, averaged over the classes that the true mask has
  /// (Everingham et al. 2010, section 4.4), 0...1; nil likewise.
  public var meanIoU: JSONNumber?
  /// The share of the true mask's commonest class: what naming that everywhere gets; nil likewise.
  public var commonestShare: JSONNumber?
  /// The file beside the record with the classes found: .npy, f32, [H, W]; nil where no files were written.
  public var numbers: String?

  /// Share of right pixels from which on a mask counts as found.
  public static let rightFrom = 0.99

  /// Compares two masks of `height` times `width` classes in rows.
  ///
  /// - Parameter truth: nil where it is not known.
  public init(_ found: [Int], truth: [Int]?, height: Int, width: Int) {
    (self.height, self.width) = (height, width)
    guard let truth, truth.count == found.count, !truth.isEmpty else { return }
    let total = Double(truth.count)
    let right = zip(truth, found).count { $0 == $1 }
    rightShare = JSONNumber(Double(right) / total)
    let pixels = Dictionary(grouping: truth.indices) { truth[$0] }
    let ratios = pixels.map { label, own in
      let hits = own.count { found[$0] == label }
      let named = found.count { $0 == label }
      return Double(hits) / Double(own.count + named - hits)
    }
    // In the order of the classes, so that sums round alike.
    meanIoU = JSONNumber(ratios.sorted().reduce(0, +) / Double(ratios.count))
    commonestShare = JSONNumber(Double(pixels.values.map(\.count).max() ?? 0) / total)
  }

  /// Whether the share of right pixels is ``rightFrom`` or more; nil where the mask is not known.
  public var isRight: Bool? { rightShare.map { $0.value >= MaskResult.rightFrom } }

  /// For people, such as "mask 98 % right (commonest class 61 %)".
  var words: String {
    guard let rightShare, let commonestShare else { return "mask, truth not known" }
    return "mask \(MaskResult.percent(rightShare.value)) right (its commonest class "
      + "\(MaskResult.percent(commonestShare.value)))"
  }

  /// For tables, such as "mask 98 %".
  public var shortWords: String {
    rightShare.map { "mask \(MaskResult.percent($0.value))" } ?? "mask"
  }

  /// Rounded down, so that 100 % is all of it.
  private static func percent(_ share: Double) -> String {
    "\((1000 * share).rounded(.down) / 10) %".replacing(".0 %", with: " %")
  }
}

extension [Int] {
  /// The most frequent number, of equals the smallest; 0 of none.
  var commonest: Int {
    guard count > 1 else { return first ?? 0 }
    let counts = Dictionary(grouping: self) { $0 }.mapValues(\.count)
    return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0
  }
}
