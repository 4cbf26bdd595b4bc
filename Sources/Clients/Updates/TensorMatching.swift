import ModelIO
import TensorGraph

/// A tensor of a model that is looked for in a file.
public struct WantedTensor: Hashable, Sendable {
  /// In the model.
  public let name: String
  /// In the model.
  public let shape: Shape
  /// The name that training code most likely gave it, where an exporter made up another.
  public let likelyName: String?
  /// Whether the name was made up, so that the tensor may be found by its shape.
  public let isAnonymous: Bool
  /// Whether the model stores it as the transpose of what training code has.
  public let isTransposed: Bool
  /// Whether it stands where training code has it among the parameters.
  public let isInOrder: Bool
  /// Whether it is a buffer, such as a running mean.
  public let isBuffer: Bool

  /// A tensor, with what is known of it in training code.
  public init(
    _ name: String, _ shape: Shape, likelyName: String? = nil, isAnonymous: Bool = false,
    isTransposed: Bool = false, isInOrder: Bool = true, isBuffer: Bool = false
  ) {
    self.name = name
    self.shape = shape
    self.likelyName = likelyName
    self.isAnonymous = isAnonymous
    self.isTransposed = isTransposed
    self.isInOrder = isInOrder
    self.isBuffer = isBuffer
  }
}

/// Which tensor of a file is which of a model's.
public struct TensorMatching: Sendable {
  /// Why two tensors are taken for one, from the surest to the least sure.
  public enum Reason: Hashable, Sendable {
    case sameName
    /// By a rule of the user's.
    case renamed
    /// The same but for what wrappers add, such as `module.`.
    case wrapperNames
    /// The exporter's name was undone by that of the bias beside it.
    case layerOfBias
    /// By shape and order, in a file that only numbers its tensors.
    case position
    /// The only ones of their shape without another partner.
    case uniqueShape
  }

  /// A tensor of the file that belongs to a wanted one.
  public struct Match: Hashable, Sendable {
    /// Index of the model's tensor.
    public let wanted: Int
    /// Its name in the file.
    public let fileName: String
    /// Why they belong together.
    public let reason: Reason
    /// Whether the file holds the transpose.
    public let isTransposed: Bool
  }

  /// A tensor of the right name and a wrong shape.
  public struct WrongShape: Hashable, Sendable {
    /// Index into the wanted tensors.
    public let wanted: Int
    /// Its name in the file.
    public let fileName: String
    /// Its shape in the file.
    public let shape: Shape
  }

  /// In the model's order.
  public private(set) var matches: [Match] = []
  /// Of a list without names that fits the model in several ways a table with two of them, its head first; empty
  /// otherwise.
  public private(set) var unclearList: [[String]] = []
  /// Why a list without names fits the model in no way; nil otherwise.
  public private(set) var strangeList: String?
  /// Tensors that are named like wanted ones and have other shapes.
  public private(set) var wrongShapes: [WrongShape] = []
  /// Indices of the model's tensors that the file lacks.
  public var missing: [Int] {
    let found = Set(matches.map(\.wanted) + wrongShapes.map(\.wanted))
    return wanted.indices.filter { !found.contains($0) }
  }
  /// Names in the file that are none of the model's.
  public var extras: [String] {
    let used = Set(matches.map(\.fileName) + wrongShapes.map(\.fileName))
    return fileNames.filter { !used.contains($0) }
  }

  /// What was looked for, in the model's order.
  public let wanted: [WantedTensor]
  private let fileNames: [String]
  private let shapes: [String: Shape]

  /// - Parameters:
  ///   - wanted: the model's tensors, with names of their own.
  ///   - file: names and shapes in the file.
  ///   - renamings: the first that applies to a name is used.
  ///   - buffers: of the model, where they are not wanted; a list may have them among the parameters.
  ///   - order: names of the model's tensors in training code's order, as a named file of its weights has them;
  ///     empty where only the model's own is known.
  public init(
    _ wanted: [WantedTensor], in file: [(name: String, shape: Shape)],
    renamings: [TensorRenaming] = [], buffers: [WantedTensor] = [], order: [String] = []
  ) {
    self.wanted = wanted
    fileNames = file.map(\.name)
    shapes = Dictionary(file.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
    matchRenamed(renamings)
    match(.sameName, by: { $0 }, wantedName: \.name)
    match(.wrapperNames, by: WrapperNames.stripped) { WrapperNames.stripped($0.name) }
    match(.layerOfBias, by: WrapperNames.stripped) { tensor in
      tensor.likelyName.map(WrapperNames.stripped)
    }
    matchList(buffers, order)
    matchUniqueShapes()
    matches.sort { $0.wanted < $1.wanted }
  }

  // MARK: - Steps

  private mutating func matchRenamed(_ renamings: [TensorRenaming]) {
    for fileName in fileNames {
      guard let new = renamings.lazy.compactMap({ $0.applied(to: fileName) }).first else {
        continue
      }
      let index =
        missing.first { wanted[$0].name == new } ?? missing.first { wanted[$0].likelyName == new }
      if let index { pair(index, fileName, .renamed) }
    }
  }

  /// Pairs what is left and has one name on both sides; a name that occurs twice pairs nothing.
  private mutating func match(
    _ reason: Reason, by fileKey: (String) -> String, wantedName: (WantedTensor) -> String?
  ) {
    let candidates = Dictionary(grouping: extras, by: fileKey)
    let open = Dictionary(
      grouping: missing.compactMap { index in wantedName(wanted[index]).map { (index, $0) } },
      by: \.1)
    for (name, indices) in open.sorted(by: { $0.key < $1.key }) {
      guard indices.count == 1, let names = candidates[name], names.count == 1 else { continue }
      pair(indices[0].0, names[0], reason)
    }
  }

  /// Files that only number their tensors ("0", "1", ... or "arr_0", ...), as lists of arrays become.
  private mutating func matchList(_ buffers: [WantedTensor], _ order: [String]) {
    guard matches.isEmpty, wrongShapes.isEmpty, let items = ListMatching.items(fileNames, shapes),
      !items.isEmpty
    else { return }
    switch ListMatching(wanted, buffers: buffers, items, order: order).result() {
    case .matched(let pairs):
      for (wanted, fileName) in pairs { pair(wanted, fileName, .position) }
    case .unclear(let table): unclearList = table
    case .none(let problem): strangeList = problem
    }
  }

  private mutating func matchUniqueShapes() {
    guard unclearList.isEmpty else { return }
    let (open, left) = (missing.filter { wanted[$0].isAnonymous }, extras)
    func partners(_ index: Int) -> [String] {
      left.filter {
        TensorMatching.orientation(wanted[index], shapes[$0] ?? [], isNamed: false) != nil
      }
    }
    for index in open {
      let names = partners(index)
      let rivals = open.filter { partners($0).contains { names.contains($0) } }
      if names.count == 1, rivals == [index] { pair(index, names[0], .uniqueShape) }
    }
  }

  private mutating func pair(_ index: Int, _ fileName: String, _ reason: Reason) {
    let shape = shapes[fileName] ?? []
    let isNamed = reason == .sameName || reason == .renamed || reason == .wrapperNames
    if let isTransposed = TensorMatching.orientation(wanted[index], shape, isNamed: isNamed) {
      matches.append(
        Match(wanted: index, fileName: fileName, reason: reason, isTransposed: isTransposed))
    } else {
      wrongShapes.append(WrongShape(wanted: index, fileName: fileName, shape: shape))
    }
  }

  /// Whether a tensor of this shape is the transpose of the wanted one; nil when it is neither.
  static func orientation(_ tensor: WantedTensor, _ shape: Shape, isNamed: Bool) -> Bool? {
    let reversed = Shape(shape.dimensions.reversed())
    let isMatrix = shape.rank == 2
    if !isNamed, tensor.isTransposed { return isMatrix && reversed == tensor.shape ? true : nil }
    if shape == tensor.shape { return false }
    return isMatrix && reversed == tensor.shape ? true : nil
  }
}

extension TensorMatching.Reason {
  /// For tables.
  public var description: String {
    switch self {
    case .sameName: "same name"
    case .renamed: "renamed"
    case .wrapperNames: "wrapper names left out"
    case .layerOfBias: "named after its bias"
    case .position: "by position"
    case .uniqueShape: "only one of its shape"
    }
  }
}

extension TensorMatching {
  /// How names that differ were understood, one sentence for each way; empty when all are the same.
  public var explanations: [Sentence] {
    let reasons: [Reason] = [.renamed, .wrapperNames, .layerOfBias, .position, .uniqueShape]
    return reasons.compactMap { reason in
      let alike = matches.filter { $0.reason == reason }
      guard let first = alike.first else { return nil }
      let turned = alike.count { $0.isTransposed }
      let end: Sentence =
        reason == .renamed ? "." : "; mend it with \(.renaming) where that is wrong."
      return """
        \(alike.count) of \(wanted.count) tensors were matched (\(reason.description)\
        \(turned > 0 ? ", \(turned) of them transposed" : "")), such as \
        \(first.fileName.quotedForMessage) for \(wanted[first.wanted].name.quotedForMessage)\(end)
        """
    }
  }
}

extension TensorMatching {
  /// Refuses a list without names that fits the model in several ways, or in none.
  ///
  /// - Throws: `FileError`, with a table of the ways.
  package func checkList(of path: String, for model: String) throws(FileError) {
    if !unclearList.isEmpty {
      throw FileError(
        path: path,
        problem: "it is a list of tensors without names, which fits \(model) in more than one way",
        advising: """
          save them by name, or tell which is which with \(.renaming, "OLD=NEW") for each that differs
          """, table: unclearList)
    }
    if matches.isEmpty, let strangeList {
      throw FileError(
        path: path, problem: strangeList,
        advising: """
          give the tensors of \(model) in the order of model.parameters() or model.state_dict().values(), or \
          save them by name
          """)
    }
  }
}
