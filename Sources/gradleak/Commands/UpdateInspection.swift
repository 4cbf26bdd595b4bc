import ArgumentParser
import Attacks
import Audit
import Clients
import Foundation
import ModelIO
import TensorGraph

/// An update file as people want to see it.
struct UpdateInspection {
  private struct Entry: Encodable {
    /// In the file.
    let name: String
    /// Of its numbers, in the file.
    let type: String
    /// Its extents.
    let shape: [Int]
    /// Euclidean.
    let norm: JSONNumber
    /// The largest absolute value.
    let largest: JSONNumber
    /// Share of numbers that are exactly 0.
    let zeroShare: Double
    /// Numbers that are infinite or none.
    let nonFinite: Int
    /// What the numbers show of rounding, noise or pruning.
    let traces: [String]
    /// The model's parameter that it is taken for; missing for none.
    let parameter: String?
    /// How it was matched with the parameter.
    let match: String?
  }

  private struct Report: Encodable {
    /// The path, as it was given.
    let file: String
    /// What kind of file it is.
    let format: String
    /// What the file says of itself.
    let metadata: [String: String]
    /// One for each tensor of the file.
    let tensors: [Entry]
    /// Numbers in all tensors.
    let numbers: Int
    /// Euclidean norm over all tensors.
    let norm: JSONNumber
    /// The model that it was held against; missing for none.
    let model: String?
    /// Parameters of the model that have no tensor in the file.
    let missing: [String]
    /// What is worth knowing of how the file was read.
    let notes: [Sentence]
    /// Why the update cannot be the model's; missing for nothing.
    let objection: Sentence?
  }

  private let report: Report
  private let format: TensorFile.Format

  init(
    _ path: String, _ selected: SelectedModel?, _ choice: ModelChoice, batchSize: Int,
    _ loss: ClientLoss
  ) throws {
    let file = try TensorFile(contentsOf: path)
    let rules = try choice.tensorRenamings()
    let matching = selected.map { selected in
      TensorMatching(
        selected.wanted ?? selected.model.parameters.map { WantedTensor($0.name, $0.shape) },
        in: file.shapes, renamings: rules,
        buffers: selected.model.buffers.map { WantedTensor($0.name, $0.shape, isBuffer: true) },
        order: selected.order)
    }
    var entries: [Entry] = []
    for name in file.names {
      entries.append(try UpdateInspection.entry(name, in: file, matching))
    }
    var notes = [file.note].compactMap(\.self)
    var objection: Sentence?
    if let selected {
      do {
        var reading = UpdateReading(batchSize: batchSize, loss: loss, renamings: rules)
        reading.order = selected.order
        var update = try UpdateFile(
          contentsOf: path, for: selected.model, wanted: selected.wanted, reading)
        notes = update.matching.explanations + update.notes
        if !selected.drawsWeights {
          if let note = update.chooseEnding(selected.ending, selected.weighted(seed: 0)) {
            notes.append(Sentence(note))
          }
          objection = LossConsistency.objection(to: update.update, selected.weighted(seed: 0))
        }
      } catch {
        // What is wrong with the file is what this command is asked for.
        notes = [Sentence(of: error)]
      }
    }
    format = file.format
    report = Report(
      file: path, format: file.format.rawValue, metadata: file.metadata, tensors: entries,
      numbers: entries.reduce(0) { $0 + $1.shape.reduce(1, *) },
      norm: JSONNumber(entries.reduce(0) { $0 + $1.norm.value * $1.norm.value }.squareRoot()),
      model: selected?.model.name,
      missing: matching.map { found in found.missing.map { found.wanted[$0].name } } ?? [],
      notes: notes, objection: objection)
  }

  private static func entry(
    _ name: String, in file: TensorFile, _ matching: TensorMatching?
  ) throws -> Entry {
    let tensor = try file.tensor(named: name)
    let traces = NumberTraces(tensor)
    let match = matching?.matches.first { $0.fileName == name }
    let wrong = matching?.wrongShapes.first { $0.fileName == name }
    let parameter = (match?.wanted ?? wrong?.wanted).flatMap { matching?.wanted[$0].name }
    let reason =
      match.map { $0.reason.description + ($0.isTransposed ? ", transposed" : "") }
      ?? wrong.map { _ in "wrong shape" }
    return Entry(
      name: name, type: file.storedType(of: name)?.rawValue ?? "?",
      shape: tensor.shape.dimensions, norm: JSONNumber(traces.norm),
      largest: JSONNumber(traces.largest),
      zeroShare: Double(traces.zeroCount) / Double(max(traces.count, 1)),
      nonFinite: traces.nonFiniteCount,
      traces: tensor.dtype.isFloatingPoint
        ? words(traces, stored: file.storedType(of: name)) : ["integers"],
      parameter: parameter, match: reason)
  }

  /// What is remarkable about a tensor's numbers.
  private static func words(_ traces: NumberTraces, stored: StoredType?) -> [String] {
    guard traces.zeroCount < traces.count else { return ["all zeros"] }
    var words: [String] = []
    if traces.nonFiniteCount > 0 { words.append("\(traces.nonFiniteCount) not finite") }
    let format = traces.format.rawValue
    if traces.count >= 8, traces.format != .single || stored == .f64, traces.format != .double,
      stored?.rawValue.lowercased() != format
    {
      words.append("rounded to \(format)")
    }
    if let distinct = traces.distinctCount {
      words.append(
        traces.gridStep.map { String(format: "%d levels, step %.3g", distinct, $0) }
          ?? "\(distinct) different values")
    }
    if traces.zeroCount * 10 >= traces.count {
      words.append("\(traces.zeroCount * 100 / traces.count) % zeros")
    }
    return words
  }

  /// What the file is, where it is no safetensors.
  private var kind: String? {
    switch format {
    case .safetensors: nil
    case .pyTorch: "an archive of PyTorch (torch.save); nothing that it asks for was run"
    case .npz: "an archive of NumPy (npz)"
    case .npy: "an array of NumPy (npy)"
    case .npyFolder: "a folder of arrays of NumPy (npy)"
    }
  }

  func show(json: Bool, all: Bool) throws {
    if let kind { Notes.remark("\(report.file.quotedForMessage) is \(kind).") }
    guard !json else { return Terminal.print(try ResultWriter.json(report)) }
    Terminal.printParagraph(
      "\(report.tensors.count) tensors, \(grouped(report.numbers)) numbers, norm "
        + String(format: "%.4g.", report.norm.value))
    for (key, value) in report.metadata.sorted(by: { $0.key < $1.key }) {
      Terminal.printParagraph(
        "\(String(key.prefix(60))): \(String(value.prefix(200)))".escapingControlCharacters)
    }
    Terminal.print()
    let hasModel = report.model != nil
    var table = TextTable(
      [
        ("tensor", .left), ("type", .left), ("shape", .left), ("norm", .right), ("traces", .left),
      ] + (hasModel ? [("parameter", .left)] : []),
      dispensable: ["norm", "type"])
    for entry in report.tensors.prefix(all ? .max : tensorListLimit) {
      let parameter = entry.parameter.map { "\($0) (\(entry.match ?? ""))" } ?? "none"
      table.append(
        [
          entry.name.escapingControlCharacters, entry.type, Shape(entry.shape).description,
          String(format: "%.3g", entry.norm.value), entry.traces.joined(separator: ", "),
        ] + (hasModel ? [entry.match == "same name" ? "same name" : parameter] : []))
    }
    Terminal.print(table)
    let left = report.tensors.count - tensorListLimit
    if left > 0, !all { Terminal.print("... and \(left) more; --all lists them.") }
    if !report.notes.isEmpty || report.objection != nil { Terminal.print() }
    for note in report.notes { Terminal.printParagraph(note, head: "Note: ") }
    if let objection = report.objection { Terminal.printParagraph(objection, head: "Warning: ") }
  }
}
