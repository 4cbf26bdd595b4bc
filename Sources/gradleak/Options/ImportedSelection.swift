import ArgumentParser
import Foundation
import Leakage
import ModelIO
import TensorGraph

extension ModelSelection {
  func selectFile(_ batchSizes: Set<Int>, for use: Use) throws -> SelectedModel {
    var options = ImportOptions(batchSizes: batchSizes, mode: mode)
    options.inputShape = try imageShape(channels: nil)
    options.size = size
    options.dimensions = try openExtents()
    options.output = outputName
    let imported = try ImportedModel(contentsOf: model, options)
    let model = try normalizing(imported.weighted.model)
    try checkMemory(model, batchSizes: batchSizes, for: use)
    return SelectedModel(
      model: model, activation: imported.activations, mode: mode,
      given: SelectedModel.Given(
        weighted: WeightedModel(
          model: model, parameters: imported.weighted.parameters,
          buffers: imported.weighted.buffers),
        description: "of \(fileName(self.model))"),
      wanted: imported.wanted, ending: imported.ending, notes: imported.notes)
  }

  /// The extents of --shape by name.
  private func openExtents() throws -> [String: Int] {
    var extents: [String: Int] = [:]
    for text in dimensions {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let extent = Int(parts[1]), (1...1_000_000).contains(extent) else {
        throw ValidationError(
          "--shape is \(text.quotedForMessage); write NAME=EXTENT, such as height=224.")
      }
      extents[String(parts[0])] = extent
    }
    return extents
  }
}
