import ModelIO
import TensorGraph

/// What a file is given for the examples of an attack.
enum FileInputs: Hashable, Sendable {
  case pictures(InputLayout)
  case rows(RowInputs)

  /// - Throws: ``ModelError`` when the file does not take such examples.
  init(_ file: ONNXModel, _ options: ImportOptions) throws(ModelError) {
    let path = file.path
    if let shape = options.inputShape,
      let rows = try RowInputs(
        file.inputs, words: options.words, width: shape.elementCount, path: path)
    {
      self = .rows(rows)
      return
    }
    guard file.inputs.count == 1, let input = file.inputs.first else {
      throw ModelError(
        "\(path): the model has \(file.inputs.count) inputs, and attacks need one, or of rows with columns of words one of numbers "
          + "and one of integers")
    }
    self = .pictures(try InputLayout(input, options, path: path))
  }

  /// Of one example, [C, H, W].
  var exampleShape: Shape {
    switch self {
    case .pictures(let layout): layout.imageShape
    case .rows(let rows): rows.inputShape
    }
  }

  /// Whether pictures come as [N, H, W, C].
  var hasChannelsLast: Bool {
    if case .pictures(let layout) = self { layout.arrangement == .channelsLast } else { false }
  }

  /// By the inputs' names.
  func shapes(batchSize: Int) -> [String: [Int]] {
    switch self {
    case .pictures(let layout): [layout.inputName: layout.shape(batchSize: batchSize)]
    case .rows(let rows): rows.shapes(batchSize: batchSize)
    }
  }
}

/// How rows of a table become a file's inputs: numbers as they are, and words as the places of their values, which the model looks
/// up in embeddings.
///
/// Rows are given as [N, 1, 1, D] with one input for each value of a column of words, of which one is 1. Where the file looks a place up
/// in an embedding, the graph has the product of these inputs with the embedding: the same numbers, and a gradient for searches.
struct RowInputs: Hashable, Sendable {
  /// A file's input.
  private enum Part: Hashable, Sendable {
    /// [N, F], numbers.
    case numbers
    /// [N, C], places.
    case places
  }

  private let parts: [Part]
  private let names: [String]
  /// The inputs of each column of words, and all others.
  private let words: [Range<Int>]
  private let numbers: [Int]

  /// - Parameters:
  ///   - words: the inputs of each column of words.
  ///   - width: all inputs of a row.
  /// - Returns: nil where no input of the file is made of integers, or there are no words.
  /// - Throws: ``ModelError`` when integers are there and do not fit the columns.
  init?(
    _ inputs: [ONNXValueInfo], words: [Range<Int>], width: Int, path: String
  ) throws(ModelError) {
    guard inputs.contains(where: { $0.elementType?.isInteger == true }), !words.isEmpty else {
      return nil
    }
    let isWord = Set(words.flatMap(Array.init))
    let numbers = (0..<width).filter { !isWord.contains($0) }
    func problem(_ text: String) -> ModelError {
      ModelError(
        "\(path): \(text); a model of rows takes numbers [N, \(numbers.count)] and, as integers, the places of words "
          + "[N, \(words.count)], each in the order of the table's columns")
    }
    var parts: [Part] = []
    for input in inputs {
      let name = input.name.quotedForMessage
      let isInteger = input.elementType?.isInteger == true
      guard isInteger || input.elementType?.isFloatingPoint == true else {
        throw problem("the input \(name) is made neither of numbers nor of integers")
      }
      let part: Part = isInteger ? .places : .numbers
      guard !parts.contains(part) else {
        throw problem("the input \(name) is one of several of its kind")
      }
      let count = isInteger ? words.count : numbers.count
      guard let dimensions = input.dimensions, dimensions.count == 2, dimensions[1].fits(count)
      else { throw problem("the input \(name) is \(input.shapeDescription)") }
      parts.append(part)
    }
    guard numbers.isEmpty || parts.contains(.numbers) else {
      throw problem("there is no input of numbers")
    }
    (self.parts, self.words, self.numbers) = (parts, words, numbers)
    names = inputs.map(\.name)
  }

  /// Of one row: [1, 1, D].
  var inputShape: Shape { [1, 1, numbers.count + words.reduce(0) { $0 + $1.count }] }

  func shapes(batchSize: Int) -> [String: [Int]] {
    Dictionary(
      uniqueKeysWithValues: zip(names, parts).map { name, part in
        (name, [batchSize, part == .places ? words.count : numbers.count])
      })
  }

  /// The outputs of a file's program for rows.
  ///
  /// - Parameters:
  ///   - rows: [N, 1, 1, D].
  ///   - emit: builds the program in another graph, of these inputs and of tensors that stand for the last ones.
  ///   - fixed: parameters and buffers.
  ///   - constants: the values of some of `fixed` that never change, by their places.
  func outputs(
    of rows: Value, _ program: ONNXProgram, fixed: [Value], constants: [Int: Tensor],
    emit: (GraphBuilder, [Value], [Value]) throws(ONNXError) -> [Value]
  ) throws(ONNXError) -> [Value] {
    let count = rows.shape[0]
    let flat = rows.reshape(to: [count, rows.shape.elementCount / count])
    let own = GraphBuilder()
    let inputs = program.inputs.map { spec in
      let type = spec.type(floating: rows.dtype)
      return own.input(spec.name, type.shape, type.dtype)
    }
    let tensors = fixed.enumerated().map { own.input("\($0)", $1.shape, $1.dtype) }
    let graph = own.build(outputs: try emit(own, inputs, tensors))
    let values = zip(inputs, parts).map { input, part in
      part == .places ? places(flat).convert(to: input.dtype) : numberColumns(flat)
    }
    let lookups = PlaceLookups(
      graph, input: parts.firstIndex(of: .places) ?? 0, columns: words.count,
      constants: Dictionary(
        uniqueKeysWithValues: constants.map { ($0.key + inputs.count, $0.value.doubles) }))
    do throws(GraphError) {
      return try lookups.inlined(in: rows.builder, inputs: values + fixed) { column, embedding in
        let block = flat.slice(axis: 1, words[column])
        // Places beyond the embedding have no row there.
        let known = min(words[column].count, embedding.shape[0])
        return block.slice(axis: 1, 0..<known).matmul(embedding.slice(axis: 0, 0..<known))
      }
    } catch {
      throw ONNXError(.mismatch, error.message)
    }
  }

  /// The place of the 1 in each block of words: [N, C].
  private func places(_ flat: Value) -> Value {
    let count = flat.shape[0]
    return Value.concatenate(
      words.map { flat.slice(axis: 1, $0).argmax(axis: 1).reshape(to: [count, 1]) }, axis: 1)
  }

  /// [N, F].
  private func numberColumns(_ flat: Value) -> Value {
    Value.concatenate(numbers.map { flat.slice(axis: 1, $0..<$0 + 1) }, axis: 1)
  }
}

extension ONNXDimension {
  /// Whether the extent can be this one.
  fileprivate func fits(_ extent: Int) -> Bool {
    switch self {
    case .fixed(let own): own == extent
    case .symbolic, .unknown: true
    }
  }
}
