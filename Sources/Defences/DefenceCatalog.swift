import Clients
import ModelIO

/// The kinds of defences.
public enum DefenceCatalog {
  /// In the order of the documentation. Another one is one more line.
  public static let all: [DefenceDescriptor] = [
    GaussianNoise.descriptor,
    LaplacianNoise.descriptor,
    Pruning.descriptor,
    TopK.descriptor,
    RandomK.descriptor,
    DeepGradientCompression.descriptor,
    Float16Rounding.descriptor,
    BFloat16Rounding.descriptor,
    Float8E4M3Rounding.descriptor,
    Float8E5M2Rounding.descriptor,
    Int8Rounding.descriptor,
    StochasticInt8Rounding.descriptor,
    QSGD.descriptor,
    TernGrad.descriptor,
    SignSGD.descriptor,
    NormClipping.descriptor,
    DPSGD.descriptor,
    Freezing.descriptor,
    Soteria.descriptor,
    NVFlarePercentile.descriptor,
    NVFlareSparseVector.descriptor,
    NVFlareExclusion.descriptor,
    LayerEncryption.descriptor,
    FlowerFixedClipping.descriptor,
    FlowerLocalPrivacy.descriptor,
    AdapterTraining.descriptor,
    VariationalBottleneck.descriptor,
    ImageTransformation.descriptor,
    MixUp.descriptor,
    InstaHide.descriptor,
    SecureAggregation.descriptor,
  ]

  /// Reads a short form such as `gaussian:1e-2`, `fp16` or `dp-sgd:1,1.1`.
  ///
  /// - Parameter kinds: those that have a name; ``all`` and a program's own.
  /// - Throws: ``DefenceError`` for an unknown name, with the nearest spelling, or a wrong number.
  public static func defence(
    _ text: String, among kinds: [DefenceDescriptor] = all
  ) throws(DefenceError) -> any Defence {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    guard let kind = kinds.first(where: { $0.name == name }) else {
      let hint =
        nearestSpelling(to: name, in: kinds.map(\.name)).map { "did you mean \($0)? " } ?? ""
      throw DefenceError(
        "there is no defence called \(name.quotedForMessage); \(hint)see 'gradleak defences'")
    }
    return try kind.read(kind, parts.count > 1 ? String(parts[1]) : nil)
  }
}

/// A defence's short form that cannot be read.
public struct DefenceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// One sentence: what is wrong, and what to write instead.
  public let message: String

  /// An error with its sentence.
  public init(_ message: String) {
    self.message = message
  }

  /// The sentence.
  public var description: String { message }
}

extension DefenceDescriptor {
  /// The numbers of a short form, with those that were left out.
  func numbers(_ text: String?) throws(DefenceError) -> [Double] {
    let given = text?.split(separator: ",", omittingEmptySubsequences: false).map(String.init) ?? []
    let required = parameters.count { $0.fallback == nil }
    guard (required...parameters.count).contains(given.count) else {
      throw DefenceError(
        "\(name) takes \(parameters.isEmpty ? "no number" : "the form \(usage)"), and "
          + "\(text.map { "\($0.quotedForMessage) was given" } ?? "nothing was given")")
    }
    var numbers: [Double] = []
    for (index, parameter) in parameters.enumerated() {
      guard index < given.count else {
        if let fallback = parameter.fallback { numbers.append(fallback) }
        continue
      }
      guard let number = Double(given[index]), parameter.range.contains(number),
        !parameter.isWhole || number == number.rounded()
      else {
        throw DefenceError(
          "the \(parameter.name) of \(name) is \(given[index].quotedForMessage); give a "
            + "\(parameter.isWhole ? "whole " : "")number from "
            + "\(shortNumber(parameter.range.lowerBound)) to "
            + "\(shortNumber(parameter.range.upperBound))")
      }
      numbers.append(number)
    }
    return numbers
  }
}
