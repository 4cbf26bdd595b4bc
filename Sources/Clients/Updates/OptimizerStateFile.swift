import ModelIO
import TensorGraph

extension OptimizerState {
  /// Reads what an optimiser kept from any file of tensors: those called `exp_avg.NAME`, `NAME.exp_avg` or, as
  /// PyTorch numbers parameters in an optimiser's `state_dict()`, `state.0.exp_avg`, and the steps taken as `step`,
  /// alone or likewise for each parameter.
  ///
  /// - Parameter wanted: the model's parameters, in its order.
  /// - Throws: `FileError` when the file is malformed or lacks a tensor, or one has another shape or is not finite.
  public init(
    contentsOf path: String, of optimizer: ClientOptimizer, for wanted: [WantedTensor]
  ) throws(FileError) {
    let file = try TensorFile(contentsOf: path)
    var tensors: [String: [Tensor]] = [:]
    for kind in optimizer.stateNames {
      tensors[kind] = try OptimizerState.tensors(kind, in: file, wanted)
    }
    self.init(step: try OptimizerState.step(in: file, of: optimizer), tensors: tensors)
  }

  private static func tensors(
    _ kind: String, in file: TensorFile, _ wanted: [WantedTensor]
  ) throws(FileError) -> [Tensor] {
    var places: [String: String] = [:]
    for name in file.names {
      guard let parameter = parameter(of: name, kind) else { continue }
      places[WrapperNames.stripped(parameter)] = name
    }
    var tensors: [Tensor] = []
    for (index, parameter) in wanted.enumerated() {
      let name = places[WrapperNames.stripped(parameter.name)] ?? places["\(index)"]
      guard let name, let type = file.type(of: name) else {
        throw FileError(
          path: file.path, problem: "there is no \(kind) of \(parameter.name)",
          remedy: "save the optimiser's tensors under names such as \(kind).\(parameter.name)")
      }
      guard type.shape == parameter.shape, type.dtype.isFloatingPoint else {
        throw FileError(
          path: file.path,
          problem:
            "tensor \(name.quotedForMessage) is \(type), and \(parameter.name) is \(parameter.shape)",
          remedy: "give the state of the optimiser that trains this very model")
      }
      let tensor = try file.tensor(named: name)
      try WeightCheck.requireFinite(tensor, named: name, in: file.path)
      tensors.append(tensor)
    }
    return tensors
  }

  /// The parameter whose tensor of this kind is called so; nil where it is another kind.
  private static func parameter(of name: String, _ kind: String) -> String? {
    var name = name[...]
    if name.hasPrefix("state.") { name = name.dropFirst("state.".count) }
    if name.hasPrefix(kind + ".") { return String(name.dropFirst(kind.count + 1)) }
    guard name.hasSuffix("." + kind) else { return nil }
    return String(name.dropLast(kind.count + 1))
  }

  private static func step(
    in file: TensorFile, of optimizer: ClientOptimizer
  ) throws(FileError) -> Int {
    let name = file.names.first { $0 == "step" || parameter(of: $0, "step") != nil }
    guard let name else {
      // Others do not count them.
      guard optimizer.countsSteps else { return 1 }
      throw FileError(
        path: file.path, problem: "it does not say how many steps the optimiser has taken",
        remedy: "save them as a tensor called step")
    }
    let steps = try file.tensor(named: name).doubles.first ?? 0
    guard steps >= 1, steps < 1e15, steps == steps.rounded() else {
      throw FileError(
        path: file.path,
        problem: "\(name.quotedForMessage) is \(steps), which is no number of steps",
        remedy: "give the state of an optimiser that has taken 1 step or more")
    }
    return Int(steps)
  }
}
