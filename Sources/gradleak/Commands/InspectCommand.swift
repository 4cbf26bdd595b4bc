import ArgumentParser
import Audit
import Clients
import Foundation
import ModelIO
import TensorGraph

/// What a file holds.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Tells what a model or update file holds.",
    discussion: """
      Of an ONNX model: input, layers, parameters, and what hinders gradient matching. Of a file of tensors: \
      names, shapes, norms and traces of rounding; with --model which tensor belongs to which parameter, and \
      whether the last layer's gradient fits the loss.

      EXAMPLES
        gradleak gradient --input chelsea --label 3 --out g.safetensors
        gradleak inspect g.safetensors
        gradleak inspect g.safetensors --model lenet --json
      """)

  @Argument(
    help: ArgumentHelp("An ONNX model or a file of tensors.", valueName: "file"),
    completion: .file(extensions: ["onnx", "safetensors", "pt", "pth", "bin", "npz", "npy"]))
  var file: String

  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection

  @Option(help: ArgumentHelp("Images behind the update.", valueName: "n"))
  var batchSize = 1

  @OptionGroup(title: HelpTitle.model) var loss: LossOptions

  @Flag(help: "Print JSON instead of tables.")
  var json = false

  @Flag(help: "List every tensor, however many there are.")
  var all = false

  func validate() throws {
    try check("--batch-size", batchSize, 1...100_000)
  }

  func run() throws {
    if file.lowercased().hasSuffix(".onnx") {
      if selection.chosenModel != nil {
        throw ValidationError("--model is for updates; \(file.quotedForMessage) is a model itself.")
      }
      let choice = try selection.choice(of: file)
      try naming { try ModelInspection(file, choice, selection.mode) }.show(json: json, all: all)
    } else {
      let selected = try selection.chosenModel.map { _ in
        try selection.select(batchSizes: [batchSize])
      }
      let clientLoss = try selected.map { try loss.clientLoss(of: $0) } ?? loss.clientLoss()
      try UpdateInspection(
        file, selected, try selection.choice(), batchSize: batchSize, clientLoss
      ).show(json: json, all: all)
    }
  }
}

/// Numbers with thousands separated.
func grouped(_ number: Int) -> String {
  number.formatted(.number.locale(Locale(identifier: "en_US")))
}

/// The most tensors that are listed without being asked for all.
let tensorListLimit = 40

/// A model file as people want to see it.
struct ModelInspection {
  private struct Parameter: Encodable {
    /// In the file.
    let name: String
    /// Its extents.
    let shape: [Int]
    /// Euclidean.
    let norm: JSONNumber
    /// What PyTorch probably calls it, where the file has lost its name.
    let likelyName: String?
  }

  private struct Report: Encodable {
    /// The path, as it was given.
    let file: String
    /// The program that wrote the file.
    let producer: String
    /// Versions of operator sets, by domain.
    let opsets: [String: Int]
    /// The graph's inputs, in words.
    let inputs: [String]
    /// The graph's outputs, in words.
    let outputs: [String]
    /// Channels, height and width of one input.
    let imageShape: [Int]
    /// Logits of one example.
    let classCount: Int
    /// Numbers in all parameters.
    let parameterCount: Int
    /// How often each operator is there, by its name.
    let operators: [String: Int]
    /// Its nonlinearities and how often each is there.
    let activations: String
    /// Whether the model ends in a fully connected layer, off which labels are read.
    let hasClassifier: Bool
    /// Whether searches by second derivatives are at home.
    let isTwiceDifferentiable: Bool
    /// Where the model is not smooth, in words.
    let smoothness: String
    /// One for each tensor that has a gradient.
    let parameters: [Parameter]
    /// Tensors that no gradient reaches, such as running statistics.
    let buffers: [String]
    /// What is worth knowing of how the file was read.
    let notes: [Sentence]
  }

  private let report: Report

  init(_ path: String, _ choice: ModelChoice, _ mode: ForwardMode) throws {
    let file: ONNXModel
    do {
      file = try ONNXModel(contentsOf: path)
    } catch {
      throw ModelError(advising: error.sentence)
    }
    let selected = try choice.select(mode: mode)
    let (model, weighted) = (selected.model, selected.weighted(seed: 0))
    let smoothness = model.smoothness(mode: selected.mode)
    func described(_ values: [ONNXValueInfo]) -> [String] {
      values.map { "\($0.name) \($0.shapeDescription)".escapingControlCharacters }
    }
    report = Report(
      file: path, producer: file.producer.escapingControlCharacters, opsets: file.opsets,
      inputs: described(file.inputs), outputs: described(file.outputs),
      imageShape: model.inputShape.dimensions, classCount: model.classCount,
      parameterCount: model.parameterCount,
      operators: Dictionary(
        file.nodes.map { ($0.operatorName.escapingControlCharacters, 1) }, uniquingKeysWith: +),
      activations: selected.activation, hasClassifier: model.classifier != nil,
      isTwiceDifferentiable: smoothness.isSmooth, smoothness: smoothness.explanation,
      parameters: zip(model.parameters, weighted.parameters).enumerated().map { index, pair in
        Parameter(
          name: pair.0.name, shape: pair.0.shape.dimensions,
          norm: JSONNumber(NumberTraces(pair.1).norm),
          likelyName: selected.wanted?[index].likelyName)
      },
      buffers: model.buffers.map(\.name), notes: selected.notes)
  }

  func show(json: Bool, all: Bool) throws {
    guard !json else { return Terminal.print(try ResultWriter.json(report)) }
    let opset = report.opsets.sorted { $0.key < $1.key }
      .map { $0.key.isEmpty ? "opset \($0.value)" : "\($0.key) \($0.value)" }
    Terminal.printParagraph(
      ([report.producer] + opset).filter { !$0.isEmpty }.joined(separator: ", "),
      head: "Written by ")
    Terminal.printParagraph(report.inputs.joined(separator: "; "), head: "Input: ")
    Terminal.printParagraph(report.outputs.joined(separator: "; "), head: "Output: ")
    let operators = report.operators.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.value) \($0.key)" }
    Terminal.printParagraph(operators.joined(separator: ", "), head: "Operators: ")
    Terminal.printParagraph(
      "images \(Shape(report.imageShape)), \(report.classCount) classes, "
        + "\(grouped(report.parameterCount)) parameters in \(report.parameters.count) tensors, "
        + "activations: \(report.activations)", head: "Model: ")
    Terminal.printParagraph(
      report.hasClassifier
        ? "The last layer is fully connected, so that labels can be read off its gradient."
        : "The last layer is not fully connected, so that labels must be sought.")
    Terminal.print()
    var table = TextTable(
      [("parameter", .left), ("shape", .left), ("norm", .right)], dispensable: ["norm"])
    for parameter in report.parameters.prefix(all ? .max : tensorListLimit) {
      let name = parameter.likelyName.map { "\(parameter.name) (\($0)?)" } ?? parameter.name
      table.append([
        name.escapingControlCharacters, Shape(parameter.shape).description,
        String(format: "%.3g", parameter.norm.value),
      ])
    }
    Terminal.print(table)
    let left = report.parameters.count - tensorListLimit
    if left > 0, !all { Terminal.print("... and \(left) more; --all lists them.") }
    Terminal.print()
    Terminal.printParagraph(report.smoothness)
    for note in report.notes { Terminal.printParagraph(note, head: "Note: ") }
  }
}
