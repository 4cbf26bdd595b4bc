import ModelIO

/// Where a file's logits are: at its output, or, when that is their softmax or sigmoid, where that takes
/// them from.
struct LogitsEnding: Hashable, Sendable {
  let output: String
  /// What is left out of the model, and belongs to the loss where the client had it there.
  let kind: LossEnding?

  /// Nodes that only rearrange or pass on.
  private static let passing: Set = ["Squeeze", "Reshape", "Flatten", "Identity", "Unsqueeze"]

  init(of file: ONNXModel, output declared: String) {
    var producers: [String: ONNXNode] = [:]
    for node in file.nodes where node.domain.isEmpty || node.domain == "ai.onnx" {
      for name in node.outputs { producers[name] = node }
    }
    var name = declared
    for _ in 0..<8 {
      guard let node = producers[name], let input = node.inputs.first, !input.isEmpty,
        LogitsEnding.passing.contains(node.operatorName)
      else { break }
      name = input
    }
    let functions: [String: LossEnding] = [
      "Softmax": .softmax, "Sigmoid": .sigmoid, "LogSoftmax": .logSoftmax,
    ]
    guard let last = producers[name], let kind = functions[last.operatorName],
      let logits = last.inputs.first, !logits.isEmpty
    else {
      (output, kind) = (declared, nil)
      return
    }
    (output, self.kind) = (logits, kind)
  }

  /// What was left out, for the user.
  var note: Sentence? {
    switch kind {
    case nil: nil
    case .softmax:
      """
      The file ends in a softmax. Losses here take what goes into it, as training code does that adds \
      the softmax for use only; where the client applied its loss to the softmax's values, say so \
      with \(.keptSoftmax).
      """
    case .sigmoid:
      """
      The file ends in a sigmoid. \(.loss, "bce") is then BCELoss of the sigmoid's values, the same as \
      BCEWithLogitsLoss of what goes into it; where the client applied another loss to the \
      sigmoid's values, say so with \(.keptSoftmax).
      """
    case .logSoftmax:
      "The file ends in a log-softmax; cross entropy on it is the same as NLLLoss."
    }
  }
}

/// Names of parameters that exporters replaced by their own, found by the layers they stand in.
package enum LostNames {
  /// For each lost weight of a matrix product the name that belongs to the bias added after it:
  /// `encoder.fc.bias` tells `encoder.fc.weight`.
  package static func likelyNames(in nodes: [ONNXNode], lost: Set<String>) -> [String: String] {
    var products: [String: String] = [:]
    var names: [String: String] = [:]
    for node in nodes {
      switch node.operatorName {
      case "MatMul":
        if let weight = node.inputs.first(where: lost.contains), let output = node.outputs.first {
          products[output] = weight
        }
      case "Gemm", "Conv":
        guard node.inputs.count == 3, lost.contains(node.inputs[1]) else { continue }
        names[node.inputs[1]] = weightName(besides: node.inputs[2])
      case "Add":
        guard let product = node.inputs.first(where: { products[$0] != nil }),
          let weight = products[product],
          let bias = node.inputs.first(where: { $0 != product })
        else { continue }
        names[weight] = weightName(besides: bias)
      default: continue
      }
    }
    return names
  }

  private static func weightName(besides bias: String) -> String? {
    bias.hasSuffix(".bias") ? bias.dropLast(4) + "weight" : nil
  }
}
