import Attacks
import Clients
import Foundation
import TensorGraph

/// A kind of private data: how experiments on it are run, and how what came back is told.
///
/// To add one: a file with a type that conforms to this and its runner, and its line in ``DataKinds/all``.
/// Experiments, sweeps, audits, records, verdicts and reports then know it.
public protocol DataKind: Sendable {
  var descriptor: DataKindDescriptor { get }

  /// - Throws: ``ExperimentError`` when members of an experiment on such data do not go together.
  func check(_ experiment: Experiment) throws(ExperimentError)

  /// A runner of experiments that share model, mode, client training and prior of this one.
  ///
  /// - Parameter batchSizes: of all clients together, that the model will be run with.
  /// - Throws: ``ExperimentError``, `ModelError` or `FileError` when the model cannot be had.
  func runner(
    for experiment: Experiment, batchSizes: Set<Int>, backend: any Backend
  ) throws -> any ExperimentRunner
}

/// What sentences and tables say of a kind of data.
public struct DataKindDescriptor: Sendable {
  /// The key of the examples in files.
  public let name: DataKindName
  /// One example, such as "image".
  public let singular: String
  /// Several examples.
  public let plural: String
  /// When an example came back in full, a phrase.
  public let fullRule: String
  /// When it can be recognised, a phrase.
  public let recognisableRule: String
  /// The measure that ranks results, such as "PSNR".
  public let score: String
  /// Behind its numbers, such as " dB"; may be empty.
  public let unit: String
  /// The model where none is named.
  public let usualModel: String
  /// Iterations from which on a search that its own limit ended counts as run.
  public let leastIterations: Int
  /// What an audit tries after `AttackName.automatic` where that did not bring everything back; nil for nothing.
  public let secondAttack: AttackName?

  /// Of the properties of these names.
  public init(
    name: DataKindName, singular: String, plural: String, fullRule: String,
    recognisableRule: String, score: String, unit: String = "", usualModel: String,
    leastIterations: Int, secondAttack: AttackName? = nil
  ) {
    self.name = name
    self.singular = singular
    self.plural = plural
    self.fullRule = fullRule
    self.recognisableRule = recognisableRule
    self.score = score
    self.unit = unit
    self.usualModel = usualModel
    self.leastIterations = leastIterations
    self.secondAttack = secondAttack
  }

  /// A number in the measure that ranks results, without its unit; a dash for an unknown one.
  package func text(_ score: Double) -> String {
    guard !score.isNaN else { return "–" }
    return unit == " dB" ? ResultWriter.decibels(score) : String(format: "%.2f", score)
  }
}

/// Every kind of data that this build knows. To add one is to add its line.
public enum DataKinds {
  /// In the order of lists.
  public static let all: [any DataKind] = [PictureData(), TextData(), RowData(), SignalData()]

  /// - Throws: ``ExperimentError`` with the nearest spelling.
  public static func kind(_ name: DataKindName) throws(ExperimentError) -> any DataKind {
    if let kind = all.first(where: { $0.descriptor.name == name }) { return kind }
    let names = all.map(\.descriptor.name.rawValue)
    let hint = nearestSpelling(to: name.rawValue, in: names).map { "did you mean \($0)? " } ?? ""
    throw ExperimentError(
      "data",
      "is of the kind \(name.rawValue.quotedForMessage), which there is not; \(hint)The kinds are "
        + names.joined(separator: ", "))
  }

  /// What is said of a kind; of examples in general where there is none of that name.
  public static func descriptor(_ name: DataKindName) -> DataKindDescriptor {
    all.first { $0.descriptor.name == name }?.descriptor ?? mixed
  }

  /// Of examples of several kinds.
  static let mixed = DataKindDescriptor(
    name: "examples", singular: "example", plural: "examples",
    fullRule: "as the tables of each kind say", recognisableRule: "as the tables of each kind say",
    score: "score", usualModel: "lenet", leastIterations: 300)
}
