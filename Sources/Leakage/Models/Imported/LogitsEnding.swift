import ModelIO

/// Where a file's logits are: its first output, or, when that is their softmax, what the softmax takes.
struct LogitsEnding: Hashable, Sendable {
  let output: String
  /// What was left out, for the user.
  let note: String?

  init(of file: ONNXModel) {
    let declared = file.outputs.first?.name ?? ""
    let last = file.nodes.last { $0.outputs.contains(declared) }
    let takesLast = last?.inputs.first.flatMap { $0.isEmpty ? nil : $0 }
    switch (last?.operatorName, takesLast) {
    case ("Softmax", let logits?):
      output = logits
      note =
        "The file ends in a softmax, which is left out: losses here take logits, as PyTorch's "
        + "CrossEntropyLoss does. If the client applied that loss to the softmax's values, its "
        + "gradient is another one."
    case ("Sigmoid", let logits?):
      output = logits
      note =
        "The file ends in a sigmoid, which is left out: --loss bce takes logits. If the client "
        + "used a squared error of the sigmoid's values, its gradient is another one."
    case ("LogSoftmax", _):
      // Cross entropy does not change when its input is normalised already.
      output = declared
      note = "The file ends in a log-softmax; cross entropy on it is the same as NLLLoss."
    default:
      output = declared
      note = nil
    }
  }
}

/// Names of parameters that exporters replaced by their own, found by the layers they stand in.
enum LostNames {
  /// For each lost weight of a matrix product the name that belongs to the bias added after it:
  /// `encoder.fc.bias` tells `encoder.fc.weight`.
  static func likelyNames(in nodes: [ONNXNode], lost: Set<String>) -> [String: String] {
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
