import ArgumentParser
import Attacks
import Audit
import Clients
import Foundation
import ModelIO
import TensorGraph

/// Whether received weights were made to read data off gradients.
struct CheckModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-model",
    abstract: "Looks for weights that a malicious server planted.",
    discussion: """
      Takes what a server sent, before anything is trained or shared. Finds the imprint block of Robbing \
      the Fed, trap weights, and the last layers of class fishing. Nothing found is no proof of honesty: \
      the same tricks can be hidden better.

      Exit status: 0 when nothing was found, 1 when something was, 2 for wrong input.

      EXAMPLES
        gradleak gradient --input chelsea --label 3 --out g.st --save-weights w.st
        gradleak check-model w.st
        gradleak check-model w.st --model lenet --json
      """)

  @Argument(
    help: ArgumentHelp(
      "A file of weights (safetensors, .pt, .npz), or an ONNX file.", valueName: "weights"),
    completion: .file(extensions: ["onnx", "safetensors", "pt", "pth", "bin", "npz"]))
  var file: String?

  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Processor threads; all by default.", valueName: "n", visibility: .rare))
  var threads: Int?

  @Flag(help: "Print JSON instead of sentences.")
  var json = false

  private struct Report: Encodable {
    /// Of the format.
    let version = 1
    /// Version of gradleak that made it.
    let tool = GradleakVersion.current
    /// Number of tensors that were looked at.
    let tensors: Int
    /// The model whose layers were tried; nil where the tensors alone were looked at.
    let model: String?
    /// What looks planted.
    let findings: [PlantedWeightCheck.Finding]
  }

  func validate() throws {
    if let threads { try check("--threads", threads, 1...1024) }
    guard let file else {
      if !selection.isFile, selection.weights == nil {
        throw ValidationError(
          "give the weights that were received: a file of tensors or an ONNX file.")
      }
      return
    }
    if selection.weights != nil {
      throw ValidationError("give the weights once: as an argument or with --weights.")
    }
    if selection.isFile {
      throw ValidationError(
        "\(fileName(selection.model)) holds its own weights; leave \(fileName(file)) out.")
    }
  }

  func run() throws {
    let check = PlantedWeightCheck(
      samples: BundledImages.samples,
      backend: try BackendChoice.cpu.backend(threads: threads))
    let report = try report(of: check)
    if json {
      Terminal.print(try ResultWriter.json(report))
    } else if report.findings.isEmpty {
      Terminal.printVerdict(
        "Nothing planted was found in \(report.tensors) tensors"
          + (report.model.map { " of \($0)." } ?? "."), .yellow)
      Terminal.printParagraph(
        "That is no proof: it looks for the weights of known attacks, not for all there could be.",
        indentation: 0)
    } else {
      Terminal.print(Terminal.styled("Do not train with these weights:", .red))
      for finding in report.findings {
        Terminal.printParagraph(
          finding.explanation, head: "  \(finding.kind.rawValue): ", indentation: 4)
      }
    }
    if !report.findings.isEmpty { throw FinishedWithStatus(status: ExitStatus.found) }
  }

  // MARK: - What was received

  private func report(of check: PlantedWeightCheck) throws -> Report {
    var selection = selection
    if let file {
      if file.lowercased().hasSuffix(".onnx") {
        selection.model = file
      } else {
        selection.weights = file
      }
    }
    if selection.isFile { return try reportOnONNX(selection, check) }
    guard let path = selection.weights else {
      throw ValidationError("give weights to look at.")
    }
    // Without --model the weights are nobody's; the default's if they are made for it.
    do {
      let selected = try selection.select(for: .gradient(.f32))
      return try report(on: selected.weighted(seed: 0), check)
    } catch let error {
      guard file != nil, selection.model == "lenet", error is FileError else { throw error }
    }
    let weights = try TensorFile(contentsOf: path)
    return try report(
      on: try weights.names.map { (name: $0, tensor: try weights.tensor(named: $0)) }, check)
  }

  private func reportOnONNX(
    _ selection: ModelSelection, _ check: PlantedWeightCheck
  ) throws -> Report {
    let model = try ONNXModel(contentsOf: selection.model)
    var problem: (any Error)?
    // As many images at once as the file takes: it may have been made for one, or for a number.
    var sizes = [PlantedWeightCheck.batchSize, 1]
    if case .fixed(let extent)? = model.inputs.first?.dimensions?.first, extent >= 1 {
      sizes = [extent]
    }
    for size in sizes {
      do {
        let selected = try selection.select(batchSizes: [size], for: .gradient(.f32))
        return try report(on: selected.weighted(seed: 0), batchSize: size, check)
      } catch {
        problem = problem ?? error
      }
    }
    // A model of texts, or one with an operator that is not supported: its tensors can be read.
    let tensors = try model.initializers.map {
      (name: $0.name, tensor: try model.initializerValue(named: $0.name))
    }
    let matrices = Set(tensors.filter { $0.tensor.shape.rank == 2 }.map(\.name))
    let transposed = model.nodes.compactMap { node -> String? in
      guard node.operatorName == "MatMul", node.inputs.count == 2 else { return nil }
      return matrices.contains(node.inputs[1]) ? node.inputs[1] : nil
    }
    Notes.warn(
      """
      The model's layers could not be tried with images, so its tensors alone were looked at: \
      \(problem.map { Sentence(of: $0) } ?? "it takes no images.")
      """)
    return try report(on: tensors, transposed: Set(transposed), check)
  }

  private func report(
    on weighted: WeightedModel, batchSize: Int = PlantedWeightCheck.batchSize,
    _ check: PlantedWeightCheck
  ) throws -> Report {
    Report(
      tensors: weighted.parameters.count, model: weighted.model.name,
      findings: try check.findings(in: weighted, batchSize: batchSize))
  }

  private func report(
    on tensors: [(name: String, tensor: Tensor)], transposed: Set<String> = [],
    _ check: PlantedWeightCheck
  ) throws -> Report {
    Report(
      tensors: tensors.count, model: nil,
      findings: try check.findings(in: tensors, transposed: transposed))
  }
}
