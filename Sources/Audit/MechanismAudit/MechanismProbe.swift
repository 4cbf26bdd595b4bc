import Foundation
import Privacy

/// What a few calls of a filter tell of it: whether it adds noise everywhere, anew each time, and whether what comes out is
/// bounded.
struct MechanismProbe {
  /// What was seen, with the tensors in which it was.
  private(set) var faults: [(fault: MechanismFault, tensors: [String])] = []
  /// Standard deviation of the noise in each tensor, on an update of zeros.
  private(set) var deviations: [Double] = []
  /// The same by medians, which a few large numbers do not move.
  private var spreads: [Double] = []
  /// By how much a large canary moves its own number of ``tensor``: the sensitivity as seen.
  private(set) var response = 0.0
  /// The tensor in which canaries are put: the largest.
  let tensor: Int
  /// How large they are: the largest for which anything was probed.
  private(set) var canary = 0.0

  private let updates: FilteredUpdates

  /// Canaries of every size that updates have, and more.
  private static let sizes: [Double] = [1e-2, 1, 100, 1e4, 1e6]
  /// Tensors in which canaries are tried.
  static let mostTensors = 32

  /// - Parameter clip: the norm that is claimed; 1 where none is.
  init(_ updates: FilteredUpdates, clip: Double) throws {
    self.updates = updates
    tensor = updates.layout.indices.max { updates.layout[$0].count < updates.layout[$1].count } ?? 0
    let zeros = try (0..<2).map { _ in try updates.output([:]) }
    readNoise(zeros)
    try readResponses(clip: clip)
  }

  /// Calls of the filter that probing a layout takes.
  static func calls(tensors: Int) -> Int { 2 + sizes.count * min(tensors, mostTensors) }

  private func names(_ tensors: [Int]) -> [String] { tensors.map { updates.layout[$0].name } }

  private mutating func add(_ fault: MechanismFault, _ tensors: [Int]) {
    if !tensors.isEmpty { faults.append((fault, names(tensors))) }
  }

  private mutating func readNoise(_ zeros: [[[Double]]]) {
    let all = Array(zeros[0].indices)
    deviations = all.map { SampleMoments(zeros[0][$0] + zeros[1][$0]).deviation }
    spreads = all.map { spread(zeros[0][$0] + zeros[1][$0]) }
    let same = all.filter { zeros[0][$0] == zeros[1][$0] }
    // The same numbers each time: without noise a constant, with noise of a fixed seed numbers all over.
    let scattered = same.filter { Set(zeros[0][$0]).count > 2 }
    let silent = same.filter { !scattered.contains($0) }
    let single = all.filter { updates.layout[$0].count > 1 && !same.contains($0) }
    let shared = single.filter { Set(zeros[0][$0]).count == 1 }
    if silent.count == all.count {
      add(.noNoise, silent)
    } else {
      add(.noiselessTensors, silent)
      add(.repeatedNoise, scattered)
      add(.sharedNoise, shared)
      if scattered.isEmpty, hasTwins(zeros[0]) { add(.repeatedNoise, all) }
    }
  }

  /// Whether two tensors begin with the same noise.
  private func hasTwins(_ output: [[Double]]) -> Bool {
    let heads = output.filter { $0.count >= 4 && Set($0.prefix(4)).count == 4 }.map {
      values -> [Double] in
      let size = values.prefix(4).reduce(0) { $0 + $1 * $1 }.squareRoot()
      return values.prefix(4).map { ($0 / size * 1e5).rounded() }
    }
    return Set(heads).count < heads.count
  }

  private mutating func readResponses(clip: Double) throws {
    let largest = Self.sizes.map { $0 * clip }.max() ?? clip
    canary = largest
    var (unbounded, shrinking, growing): ([Int], [Int], [Int]) = ([], [], [])
    var others = updates.layout.indices.filter { $0 != tensor }
    if others.count >= Self.mostTensors {
      // Evenly spread over the layout.
      let step = Double(others.count) / Double(Self.mostTensors - 1)
      others = (0..<Self.mostTensors - 1).map { others[Int(Double($0) * step)] }
    }
    for place in [tensor] + others {
      let outputs = try Self.sizes.map { size in
        try updates.output([FilteredUpdates.Place(tensor: place, index: 0): size * clip])
      }
      let moved = outputs.map { $0[place][0] }
      let noise = deviations[place]
      // The last step is a factor of 100; a bounded response stands still but for noise.
      let (before, last) = (abs(moved[moved.count - 2]), abs(moved[moved.count - 1]))
      if last > 20 * noise, last > 10 * before + 20 * noise, last > 0 { unbounded.append(place) }
      if place == tensor { response = plateau(moved, noise: noise, clip: clip) }
      let rest = outputs.suffix(2).map { spread(Array($0[place].dropFirst())) }
      let usual = spreads[place]
      if usual > 0, updates.layout[place].count >= 32 {
        if rest.allSatisfy({ $0 < usual / 3 }) { shrinking.append(place) }
        if rest.allSatisfy({ $0 > usual * 3 }) { growing.append(place) }
      }
    }
    add(.unboundedResponse, unbounded)
    add(.shrinkingNoise, shrinking)
    add(.growingNoise, growing)
  }

  /// What the largest canaries move, where a clip holds: the mean of those beyond it.
  private func plateau(_ moved: [Double], noise: Double, clip: Double) -> Double {
    let beyond = zip(moved, Self.sizes).filter { $0.1 >= 100 }.map(\.0)
    return beyond.reduce(0, +) / Double(max(beyond.count, 1))
  }

  /// The median distance from the median.
  private func spread(_ values: [Double]) -> Double {
    guard values.count > 1 else { return 0 }
    let middle = median(values)
    return median(values.map { abs($0 - middle) })
  }
}
