extension ONNXOperator {
  /// The name with its domain, but for the standard one.
  public var qualifiedName: String { domain.isEmpty ? name : domain + "." + name }

  /// The page docs/onnx-operators.md.
  public static var markdownPage: String {
    var lines = [
      "# ONNX operators",
      "",
      "Models in the ONNX format may use these \(all.count) operators, from the given operator set on;",
      "they are checked up to operator set \(latestOpset). Functions that a model brings with it are",
      "inlined, and an `If` whose condition is constant is decided while the model is read.",
      "",
      "Not supported: loops and conditions that depend on the data, optional values and strings, random",
      "numbers, quantised arithmetic, complex numbers, floating-point numbers below 16 bits, and shapes",
      "that depend on the data.",
      "",
      "Half precision (`float16`, `bfloat16`) is computed in the precision that is asked for (`f32` or",
      "`f64`), and casts between floating-point types do not round.",
      "",
      "This page is made by `gradleak onnx-operators`.",
      "",
      "| operator | from opset | restrictions |",
      "| --- | --- | --- |",
    ]
    for entry in all {
      lines.append("| `\(entry.qualifiedName)` | \(entry.since) | \(entry.restrictions) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
