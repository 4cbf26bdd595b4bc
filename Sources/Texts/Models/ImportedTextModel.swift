import Clients
import ModelIO
import TensorGraph

/// A BERT- or GPT-2-type model from an ONNX file, as `torch.onnx.export` writes those of Hugging Face's
/// `transformers`.
///
/// The file gives weights and, where exporters keep them, names; weights of matrix products whose names are
/// lost are found by the bias that is added after them, else by their order. What a file does not tell (heads,
/// the activation, the normalisation's epsilon) is found by trying: a model is taken only when its
/// logits are those that the file itself computes.
package struct ImportedTextModel: Sendable {
  package let weighted: WeightedTextModel
  /// How the file was understood, as far as that was not plain. One sentence each.
  package let notes: [String]

  /// Relative difference of logits that rounding of f32 constants in the file may leave.
  private static let tolerance = 1e-4

  /// - Throws: ``ModelError`` when the file is no model of that kind, or computes something else.
  package init(contentsOf path: String, backend: any Backend) throws(ModelError) {
    do {
      let file = try ONNXModel(contentsOf: path)
      let probe = try TextProbe(file)
      let weights = ONNXTextWeights(file, probe.program, values: try probe.parameterValues())
      let expected = try probe.logits(backend)
      var best: (weighted: WeightedTextModel, error: Double)?
      var closest = Double.infinity
      for configuration in try weights.configurations(logits: expected.shape) {
        guard let model = try? TextModel(configuration) else { continue }
        let weighted = try weights.weighted(model)
        let found = try weighted.logits(of: probe.tokens, backend: backend)
        let error = probe.error(found, expected)
        closest = min(closest, error)
        if error < best?.error ?? ImportedTextModel.tolerance { best = (weighted, error) }
        // Epsilons differ by little, everything else by much.
        if error < 1e-9 { break }
      }
      guard let best else {
        throw ModelError(
          "\(path) has the weights of a \(weights.architecture.rawValue) model and computes something "
            + "else than such a model does (logits differ by \(rounded(closest)) of their size); give the "
            + "folder that save_pretrained wrote")
      }
      weighted = best.weighted
      notes = weights.notes(for: best.weighted.model)
    } catch let error as ONNXError {
      throw ModelError(advising: error.sentence)
    } catch let error as ModelError {
      throw error
    } catch {
      throw ModelError("\(path): \(error)")
    }
  }
}

/// Two digits.
private func rounded(_ value: Double) -> String {
  guard value.isFinite, value > 0 else { return "all" }
  var (scaled, exponent) = (value, 0)
  while scaled < 1 { (scaled, exponent) = (scaled * 10, exponent - 1) }
  while scaled >= 10 { (scaled, exponent) = (scaled / 10, exponent + 1) }
  return "\((scaled * 10).rounded() / 10)e\(exponent)"
}

/// Some tokens, and what the file computes for them.
struct TextProbe {
  let program: ONNXProgram
  let tokens: [[Int]]
  private let path: String
  private let roles: [Role]

  private enum Role {
    case tokens
    case mask
    case segments
  }

  private static let usualLength = 7
  /// Any vocabulary has more.
  static let largestToken = 11

  init(_ file: ONNXModel) throws(ModelError) {
    path = file.path
    var shapes: [String: [Int]] = [:]
    var roleOfName: [String: Role] = [:]
    var (count, length) = (2, TextProbe.usualLength)
    for input in file.inputs {
      let isInteger = input.elementType?.isInteger ?? false
      guard isInteger, let dimensions = input.dimensions, dimensions.count == 2 else {
        throw ModelError(
          "\(file.path): the input \(input.name.quotedForMessage) is \(input.shapeDescription), and a "
            + "language model takes whole numbers [N, L]: input_ids, attention_mask, token_type_ids"
        )
      }
      let name = input.name
      roleOfName[name] =
        name.contains("mask")
        ? .mask
        : name.contains("type") || name.contains("segment")
          ? .segments : .tokens
      if case .fixed(let extent) = dimensions[0] { count = extent }
      if case .fixed(let extent) = dimensions[1] { length = extent }
    }
    guard roleOfName.values.filter({ $0 == .tokens }).count == 1 else {
      throw ModelError(
        "\(file.path): a language model has one input of token numbers, input_ids, and this file has "
          + "the inputs \(file.inputs.map(\.name).joined(separator: ", ").escapingControlCharacters)"
      )
    }
    guard (1...64).contains(count), (2...4096).contains(length) else {
      throw ModelError("\(file.path): inputs [\(count), \(length)] are out of range")
    }
    for input in file.inputs { shapes[input.name] = [count, length] }
    var options = ONNXOptions()
    options.outputs = file.outputs.first.map { [$0.name] }
    do throws(ONNXError) {
      program = try file.specialized(inputShapes: shapes, options: options)
    } catch {
      throw ModelError(advising: error.sentence)
    }
    roles = program.inputs.map { roleOfName[$0.name] ?? .tokens }
    // Numbers that any vocabulary has; a text of its own in every row.
    tokens = (0..<count).map { row in
      (0..<length).map { 1 + ($0 * 5 + row * 3) % TextProbe.largestToken }
    }
  }

  func parameterValues() throws(ONNXError) -> [Tensor] {
    try program.parameterValues(floating: .f32)
  }

  func logits(_ backend: any Backend) throws(ModelError) -> Tensor {
    let inputs = zip(program.inputs, roles).map { spec, role -> Tensor in
      let numbers: [Double] =
        switch role {
        case .tokens: tokens.flatMap { $0.map(Double.init) }
        case .mask: tokens.flatMap { $0.map { _ in 1.0 } }
        case .segments: tokens.flatMap { $0.map { _ in 0.0 } }
        }
      return Tensor(spec.shape, spec.elementType.dtype(floating: .f64), numbers)
    }
    do {
      let parameters = try program.parameterValues(floating: .f64)
      let graph = try program.graph(mode: .evaluation, floating: .f64)
      return try backend.evaluate(
        graph, inputs + parameters + program.bufferValues(floating: .f64))[0]
    } catch {
      throw ModelError("\(path) cannot be run: \(error)")
    }
  }

  /// The largest difference, relative to the largest logit; infinite where shapes differ.
  func error(_ found: Tensor, _ expected: Tensor) -> Double {
    guard found.shape == expected.shape else { return .infinity }
    let largest = expected.doubles.reduce(1e-30) { max($0, abs($1)) }
    return zip(found.doubles, expected.doubles).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
  }
}

extension WeightedTextModel {
  /// Logits of texts of one length, in f64.
  fileprivate func logits(
    of texts: [[Int]], backend: any Backend
  ) throws(ModelError) -> Tensor {
    let batch = TextBatch(tokens: texts, labels: .nextTokens)
    let builder = GraphBuilder()
    let shape: Shape = [texts.count, batch.length]
    let tokens = builder.input("tokens", shape, .i32)
    let mask = builder.input("mask", shape, .f64)
    let values = builder.parameters(of: model, .f64)
    let logits = model.pass(builder, values, .f64).forward(tokens: tokens, mask: mask).logits
    do {
      return try backend.evaluate(
        builder.build(outputs: [logits]),
        [batch.paddedTokens(length: batch.length), batch.mask(length: batch.length, .f64)]
          + parameters.map { $0.converted(to: .f64) })[0]
    } catch {
      throw ModelError("\(model.name) cannot be run: \(error)")
    }
  }
}
