import Clients
import Solvers
import TensorGraph

/// What a text is given with besides its tokens, where that is not the usual: the segments of a pair of texts,
/// and padding before the text.
package struct TextLayout: Hashable, Sendable {
  /// The segment of each token; nil where all are in the first.
  package var segments: [Int]?
  /// Whether each token is attended to; nil where all are. The others pad the text.
  package var isAttended: [Bool]?

  package init(segments: [Int]? = nil, isAttended: [Bool]? = nil) {
    (self.segments, self.isAttended) = (segments, isAttended)
  }

  /// One text after another, all in the first segment.
  package static let plain = TextLayout()
}

/// Texts with their labels, as token numbers: what a client holds, or what an attack found.
package struct TextBatch: Hashable, Sendable {
  /// Special tokens included; texts may differ in length.
  package var tokens: [[Int]]
  /// What the loss compares with.
  package var labels: Labels
  /// What each text is given with.
  package var layouts: [TextLayout]

  package enum Labels: Hashable, Sendable {
    /// A class for each text.
    case classes([Int])
    /// For each text a number for each logit.
    case values([[Double]])
    /// The texts themselves: every token but the first of its text.
    case nextTokens
    /// The same for some tokens only, as where a prompt is no label: whether the loss asks for each.
    case someNextTokens([[Bool]])
    /// For each token the one that the loss asks for there, or nil where it asks for none.
    case masked([[Int?]])
  }

  /// - Parameter layouts: one for each text; ``TextLayout/plain`` for all by default.
  package init(tokens: [[Int]], labels: Labels, layouts: [TextLayout]? = nil) {
    precondition(!tokens.isEmpty, "a batch of no texts")
    self.tokens = tokens
    self.labels = labels
    self.layouts = layouts ?? tokens.map { _ in .plain }
    precondition(
      self.layouts.count == tokens.count
        && zip(self.layouts, tokens).allSatisfy { layout, text in
          layout.segments?.count ?? text.count == text.count
            && layout.isAttended?.count ?? text.count == text.count
        }, "layouts that do not fit the texts")
  }

  /// The texts before words of them were masked: those that the loss asks for are private too.
  package var unmasked: [[Int]] {
    guard case .masked(let masked) = labels else { return tokens }
    return zip(tokens, masked).map { zip($0, $1).map { $1 ?? $0 } }
  }

  /// Number of tokens of the longest text.
  package var length: Int { tokens.map(\.count).max() ?? 0 }

  /// Whether a text has tokens of another segment than the first.
  var hasSegments: Bool { layouts.contains { $0.segments?.contains { $0 != 0 } ?? false } }

  /// Token numbers, padded at the end: [N, length].
  func paddedTokens(length: Int) -> Tensor { padded(tokens, length: length) }

  /// Segments, padded at the end with the first: [N, length].
  func paddedSegments(length: Int) -> Tensor {
    padded(zip(tokens, layouts).map { $1.segments ?? $0.map { _ in 0 } }, length: length)
  }

  private func padded(_ rows: [[Int]], length: Int) -> Tensor {
    Tensor(
      [tokens.count, length],
      .i32(
        rows.flatMap { row in
          row.map { Int32($0) } + [Int32](repeating: 0, count: length - row.count)
        }))
  }

  /// 1 for tokens and 0 for padding: [N, length].
  func mask(length: Int, _ dtype: DType) -> Tensor {
    Tensor(
      [tokens.count, length], dtype,
      zip(tokens, layouts).flatMap { text, layout in
        (0..<length).map { $0 < text.count && layout.isAttended?[$0] ?? true ? 1.0 : 0.0 }
      })
  }

  /// What a model's labelled rows are compared with: class indices, -100 for none, or numbers [N, K].
  func labelTensor(length: Int, _ dtype: DType) -> Tensor {
    let none: Int32 = -100
    let rows: [Int32]
    switch labels {
    case .classes(let classes):
      rows = classes.map { Int32($0) }
    case .values(let values):
      return Tensor([values.count, values.first?.count ?? 0], dtype, values.flatMap(\.self))
    case .nextTokens:
      rows = tokens.flatMap { text in
        (1..<max(length, 1)).map { $0 < text.count ? Int32(text[$0]) : none }
      }
    case .someNextTokens(let counts):
      rows = zip(tokens, counts).flatMap { text, counts in
        (1..<max(length, 1)).map { $0 < text.count && counts[$0] ? Int32(text[$0]) : none }
      }
    case .masked(let masked):
      rows = masked.flatMap { text in
        (0..<length).map { $0 < text.count ? text[$0].map { Int32($0) } ?? none : none }
      }
    }
    return Tensor([rows.count], .i32(rows))
  }

  /// Some of the texts with their labels.
  func texts(at positions: [Int]) -> TextBatch {
    func some<Element>(_ all: [Element]) -> [Element] { positions.map { all[$0] } }
    let labels: Labels =
      switch labels {
      case .classes(let all): .classes(some(all))
      case .values(let all): .values(some(all))
      case .nextTokens: .nextTokens
      case .someNextTokens(let all): .someNextTokens(some(all))
      case .masked(let all): .masked(some(all))
      }
    return TextBatch(tokens: some(tokens), labels: labels, layouts: some(layouts))
  }
}

/// A language model with weights: what a server sends to its clients.
package struct WeightedTextModel: Sendable {
  package let model: TextModel
  /// One tensor per parameter, in the model's order.
  package let parameters: [Tensor]

  package init(model: TextModel, parameters: [Tensor]) {
    precondition(
      parameters.map(\.shape) == model.parameters.map(\.shape), "the tensors do not fit the model")
    self.model = model
    self.parameters = parameters
  }

  /// A model with freshly drawn weights.
  package init(untrained model: TextModel, seed: UInt64, dtype: DType = .f32) {
    self.init(
      model: model,
      parameters: model.parameters.map { $0.drawn(seed: seed, dtype) })
  }

  /// A parameter by its name; traps when the model has none so named.
  func parameter(_ name: String) -> Tensor {
    guard let index = model.parameters.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("\(model.name) has no parameter \(name)")
    }
    return parameters[index]
  }
}

extension ParameterSpec {
  /// A tensor drawn from the initialiser, from a stream of this parameter's own.
  func drawn(seed: UInt64, _ dtype: DType) -> Tensor {
    var stream = RandomSource(seed: seed).derive(label: name)
    return initializer.tensor(shape, dtype, from: &stream)
  }
}
