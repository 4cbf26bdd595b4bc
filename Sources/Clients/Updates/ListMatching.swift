import ModelIO
import TensorGraph

/// Which of a model's tensors the members of a list are that has no names: by shape and order, as
/// `model.parameters()` or `model.state_dict().values()` give them, the latter with the buffers of each module behind
/// its parameters.
struct ListMatching {
  /// A tensor of the list.
  struct Item: Hashable {
    let number: Int
    let fileName: String
    let shape: Shape
  }

  /// A tensor of the model.
  private struct Place {
    let tensor: WantedTensor
    /// Among the wanted ones; nil for a buffer that is not wanted.
    let wanted: Int?
  }

  /// An item for each place of a layout, in the layout's order.
  private typealias Way = [(place: Place, item: Item)]

  enum Result {
    /// Items by the wanted tensors that they are.
    case matched([(wanted: Int, fileName: String)])
    /// More than one way fits: a table of the list with two of them.
    case unclear([[String]])
    /// None fits, for this reason.
    case none(String)
  }

  private let parameters: [Place]
  private let buffers: [Place]
  /// Both, in the order that was given.
  private let inOrder: [Place]
  private let items: [Item]
  /// Whether no number is left out.
  private let isContiguous: Bool
  /// Whether parameters and buffers stand in training code's order, all of them together.
  private let isOrderGiven: Bool

  /// - Parameters:
  ///   - wanted: parameters, and buffers where those are wanted too.
  ///   - buffers: of the model where they are not wanted.
  ///   - items: in order.
  ///   - order: names of the model's tensors in training code's order, as a named file has them; empty where it is
  ///     not known.
  init(
    _ wanted: [WantedTensor], buffers: [WantedTensor], _ items: [Item], order: [String] = []
  ) {
    var places =
      wanted.enumerated().map { Place(tensor: $1, wanted: $0) }
      + buffers.map { Place(tensor: $0, wanted: nil) }
    let ranks = Dictionary(
      order.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let isOrderGiven = places.allSatisfy { ranks[$0.tensor.name] != nil }
    if isOrderGiven {
      places.sort { (ranks[$0.tensor.name] ?? 0) < (ranks[$1.tensor.name] ?? 0) }
    }
    self.isOrderGiven = isOrderGiven
    inOrder = places
    parameters = places.filter { !$0.tensor.isBuffer }
    self.buffers = places.filter(\.tensor.isBuffer)
    isContiguous =
      items.first.flatMap { first in
        items.last.map { $0.number - first.number == items.count - 1 }
      } ?? true
    // Counters, such as num_batches_tracked, are no tensors of a graph.
    let hasScalars = (parameters + self.buffers).contains { $0.tensor.shape.isScalar }
    self.items = hasScalars ? items : items.filter { !$0.shape.isScalar }
  }

  /// Members of a list by the numbers that their names end in; nil where they are more than numbered.
  static func items(_ names: [String], _ shapes: [String: Shape]) -> [Item]? {
    let items = names.compactMap { name -> Item? in
      let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }.reversed()
      return Int(String(digits)).map {
        Item(number: $0, fileName: name, shape: shapes[name] ?? [])
      }
    }.sorted { $0.number < $1.number }
    let prefixes = Set(names.map { $0.prefix { !$0.isNumber } })
    guard items.count == names.count, prefixes.count == 1,
      zip(items, items.dropFirst()).allSatisfy({ $0.number < $1.number })
    else { return nil }
    return items
  }

  /// The one way in which the list fits the model.
  func result() -> Result {
    let all = parameters + buffers
    if !isOrderGiven, !all.allSatisfy(\.tensor.isInOrder) { return byShape() }
    var ways: [Way] = []
    if isContiguous {
      if items.count == parameters.count, let way = way(parameters) { ways.append(way) }
      if items.count == all.count, !buffers.isEmpty {
        ways += isOrderGiven ? [way(inOrder)].compactMap(\.self) : interleaved()
        if let way = way(all) { ways.append(way) }
      }
    } else if let way = withHoles() {
      ways.append(way)
    }
    guard let first = ways.first else { return .none(problem) }
    if let other = ways.dropFirst().first(where: { !isSame($0, first) }) {
      return .unclear(table(first, other))
    }
    return .matched(pairs(first))
  }

  private func pairs(_ way: Way) -> [(wanted: Int, fileName: String)] {
    way.compactMap { pair in pair.place.wanted.map { ($0, pair.item.fileName) } }
  }

  private func isSame(_ first: Way, _ second: Way) -> Bool {
    func names(_ way: Way) -> [String: String] {
      Dictionary(
        way.map { ($0.item.fileName, $0.place.tensor.name) },
        uniquingKeysWith: { first, _ in first })
    }
    return names(first) == names(second)
  }

  // MARK: - Layouts

  private func fits(_ place: Place, _ item: Item) -> Bool {
    TensorMatching.orientation(place.tensor, item.shape, isNamed: false) != nil
  }

  private func way(_ places: [Place]) -> Way? {
    guard zip(places, items).allSatisfy(fits) else { return nil }
    return Array(zip(places, items))
  }

  /// A list of which some members are missing, such as the gradients of frozen parameters.
  private func withHoles() -> Way? {
    var way: Way = []
    for item in items {
      guard parameters.indices.contains(item.number), fits(parameters[item.number], item) else {
        return nil
      }
      way.append((parameters[item.number], item))
    }
    return way
  }

  /// The ways in which parameters and buffers, each in their order, make up the list; two at most. Buffers stand
  /// behind the last parameter of their module; those of a module without parameters anywhere.
  private func interleaved() -> [Way] {
    let (rows, columns) = (parameters.count + 1, buffers.count + 1)
    guard rows * columns <= 4_000_000 else { return [] }
    var lastIndices: [Substring: Int] = [:]
    for (index, place) in parameters.enumerated() {
      lastIndices[ListMatching.module(place.tensor.name)] = index
    }
    let due = buffers.map { lastIndices[ListMatching.module($0.tensor.name)].map { $0 + 1 } }
    func takesParameter(_ i: Int, _ j: Int) -> Bool {
      i < parameters.count && (j == buffers.count || due[j] != i)
        && fits(parameters[i], items[i + j])
    }
    func takesBuffer(_ i: Int, _ j: Int) -> Bool {
      j < buffers.count && (due[j] ?? i) == i && fits(buffers[j], items[i + j])
    }
    // Ways from here to the end, counted up to two.
    var counts = [UInt8](repeating: 0, count: rows * columns)
    counts[rows * columns - 1] = 1
    for i in (0..<rows).reversed() {
      for j in (0..<columns).reversed() where i + j < items.count {
        let count =
          (takesParameter(i, j) ? counts[(i + 1) * columns + j] : 0)
          + (takesBuffer(i, j) ? counts[i * columns + j + 1] : 0)
        counts[i * columns + j] = min(count, 2)
      }
    }
    /// The first way, or the one that leaves it at the last fork.
    func way(leavingFirst: Bool) -> Way {
      var (i, j, isOff) = (0, 0, !leavingFirst)
      var way: Way = []
      while i + j < items.count {
        let parameter = takesParameter(i, j) && counts[(i + 1) * columns + j] > 0
        let buffer = takesBuffer(i, j) && counts[i * columns + j + 1] > 0
        let turns = !isOff && parameter && buffer
        if turns { isOff = true }
        if parameter, !turns {
          way.append((parameters[i], items[i + j]))
          i += 1
        } else {
          way.append((buffers[j], items[i + j]))
          j += 1
        }
      }
      return way
    }
    switch counts[0] {
    case 0: return []
    case 1: return [way(leavingFirst: false)]
    default: return [way(leavingFirst: false), way(leavingFirst: true)]
    }
  }

  /// What stands before the last dot of a name.
  private static func module(_ name: String) -> Substring {
    name.lastIndex(of: ".").map { name[..<$0] } ?? ""
  }

  /// Of a model whose parameters are not in training code's order only shapes tell.
  private func byShape() -> Result {
    let places = items.count == parameters.count ? parameters : parameters + buffers
    guard items.count == places.count else { return .none(problem) }
    let candidates = items.map { item in places.filter { fits($0, item) } }
    guard candidates.allSatisfy({ !$0.isEmpty }) else { return .none(problem) }
    let isClear =
      candidates.allSatisfy { $0.count == 1 }
      && Set(candidates.compactMap { $0.first?.tensor.name }).count == items.count
    if isClear { return .matched(pairs(zip(candidates, items).map { ($0[0], $1) })) }
    return .unclear(
      [["tensor", "shape", "may be"]]
        + zip(items, candidates).map { item, places in
          [
            item.fileName, "\(item.shape)",
            places.map(\.tensor.name).joined(separator: " or "),
          ]
        })
  }

  // MARK: - Words

  private func table(_ first: Way, _ second: Way) -> [[String]] {
    func names(_ way: Way) -> [String: String] {
      Dictionary(
        way.map { ($0.item.fileName, $0.place.tensor.name) },
        uniquingKeysWith: { first, _ in first })
    }
    let (one, other) = (names(first), names(second))
    return [["tensor", "shape", "one way", "another"]]
      + items.map {
        [$0.fileName, "\($0.shape)", one[$0.fileName] ?? "-", other[$0.fileName] ?? "-"]
      }
  }

  /// Why the list fits in no way.
  private var problem: String {
    let counts =
      "\(parameters.count) parameters"
      + (buffers.isEmpty ? "" : ", or \(parameters.count + buffers.count) tensors with its buffers")
    let places =
      items.count == parameters.count
      ? parameters : items.count == parameters.count + buffers.count ? parameters + buffers : []
    guard let pair = zip(places, items).first(where: { !fits($0, $1) }),
      buffers.isEmpty || places.count == parameters.count
    else {
      return
        "it is a list of \(items.count) tensors without names that do not fit the model's \(counts), in any order "
        + "that training code gives them"
    }
    return
      "it is a list without names, and \(pair.1.fileName.quotedForMessage) has the shape \(pair.1.shape) where "
      + "\(pair.0.tensor.name) of the model is \(pair.0.tensor.shape)"
  }
}
