import ArgumentParser
import Audit
import Foundation
import Leakage
import ModelIO
import TensorGraph

/// Whether received weights were made to read data off gradients.
struct CheckModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-model",
    abstract: "Looks for weights that a malicious server planted to read data off gradients.",
    discussion: """
      Takes the weights that a server sent, before anything is trained or shared. Finds the imprint \
      block of Robbing the Fed, trap weights, and the last layers of class fishing. Nothing found is \
      no proof of honesty: the same tricks can be hidden better.

      Exit status: 0 when nothing was found, 1 when something was, 2 for wrong input.

      EXAMPLES
        gradleak check-model weights.safetensors
        gradleak check-model weights.safetensors --json
      """)

  @Argument(help: ArgumentHelp("Weights: a safetensors file.", valueName: "weights"))
  var weights: String

  @Flag(help: "Print JSON instead of sentences.")
  var json = false

  private struct Report: Encodable {
    let version = 1
    let tool = GradleakVersion.current
    let tensors: Int
    let findings: [PlantedWeightCheck.Finding]
  }

  func run() throws {
    let file = try SafetensorsFile(contentsOf: weights)
    let tensors = try file.names.map { (name: $0, tensor: try file.tensor(named: $0)) }
    let findings = PlantedWeightCheck.findings(in: tensors)
    if json {
      Terminal.print(try ResultWriter.json(Report(tensors: tensors.count, findings: findings)))
    } else if findings.isEmpty {
      Terminal.print(
        Terminal.styled("Nothing planted was found", .green) + " in \(tensors.count) tensors.")
      Terminal.printParagraph(
        "That is no proof: it looks for the weights of known attacks, not for all there could be.",
        indentation: 0)
    } else {
      Terminal.print(Terminal.styled("Do not train with these weights:", .red))
      for finding in findings {
        Terminal.printParagraph(
          finding.explanation, head: "  \(finding.kind.rawValue): ", indentation: 4)
      }
    }
    if !findings.isEmpty { throw FinishedWithStatus(status: ExitStatus.found) }
  }
}
