import Clients
import Solvers
import TensorGraph

/// One thing that a client does to its images, its model or its update before it shares it, at one
/// strength.
///
/// A kind of defence is a type that conforms to ``ImageDefence``, ``ModelDefence`` or ``UpdateDefence``,
/// whichever says where it acts, and a line in ``DefenceCatalog``. What tables, audits and checks know of
/// it is its ``descriptor``.
///
/// Noise is given by its **variance**, as in the DLG paper (Zhu et al. 2019, section 5.1), not by its
/// standard deviation.
public protocol Defence: Sendable, CustomStringConvertible {
  /// All that is known of the kind without applying it.
  static var descriptor: DefenceDescriptor { get }
  /// Where it acts; given by the protocols that refine this one.
  static var stage: DefenceStage { get }

  /// The numbers of the short form, in its order; none by default.
  var values: [Double] { get }
  /// What the short form has behind the colon; by default ``values`` with commas between them.
  var parameterText: String { get }

  /// Why this and another defence are not simulated in one chain, in either order; nil, the default,
  /// where they are.
  func conflict(with other: any Defence) -> String?
  /// Whether it can act on a model, besides what ``DefenceNeeds`` says; by default on each.
  ///
  /// - Throws: ``AttackError`` with what the model lacks.
  func check(_ model: Model) throws(AttackError)
  /// Whether it can act on tensors of these names; by default on all.
  ///
  /// - Throws: ``AttackError`` with what the names lack.
  func check(parameterNames names: [String]) throws(AttackError)
}

/// Where in a client's work a defence acts.
public enum DefenceStage: Int, Comparable, Sendable {
  /// On the images, before the model sees them.
  case images
  /// On the model: what of it is trained.
  case model
  /// On the update, before it is sent.
  case update

  /// Whether the left stage comes first.
  public static func < (left: DefenceStage, right: DefenceStage) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// A defence that changes the images before the model sees them, or adds other clients' images.
///
/// One that changes each image alone implements ``transform(_:using:)`` only.
public protocol ImageDefence: Defence {
  /// Changes a batch that is about to be fed to the model.
  ///
  /// - Parameters:
  ///   - batch: the client's own images first.
  ///   - round: what else it draws from.
  /// - Throws: ``AttackError`` when there are too few other images.
  func apply(
    to batch: inout EncodedBatch, in round: inout EncodingRound
  ) throws(AttackError)
  /// What it makes of one image [C, H, W] in f64, values in 0...1; by default the image.
  func transform(_ image: Tensor, using source: inout RandomSource) -> Tensor
  /// Clients in whose sum the update is hidden; 1 by default.
  var clientCount: Int { get }
  /// Whether there are enough images of others, which ``DefenceNeeds/companions`` asks for.
  ///
  /// - Throws: ``AttackError`` when a batch of `batchSize` needs more than `count`.
  func checkCompanions(_ count: Int, batchSize: Int) throws(AttackError)
}

/// A defence that changes what is trained.
public protocol ModelDefence: Defence {
  /// The model that is trained instead, as the server sends it.
  ///
  /// - Parameters:
  ///   - batchSize: of the client's batches.
  ///   - seed: of what is added, which the server draws.
  /// - Throws: ``AttackError`` when it does not fit the model.
  func extend(
    _ model: WeightedModel, batchSize: Int, seed: UInt64
  ) throws(AttackError) -> WeightedModel
  /// The extended model with the noise that the client draws in a round; by default there is none.
  func drawingNoise(
    for model: WeightedModel, using source: inout RandomSource
  ) -> WeightedModel
}

/// Normal noise on a sum of what was clipped, which differential privacy holds for.
public struct ClippedNoise: Sendable, Equatable {
  /// The norm that no example's gradient exceeds.
  public let clip: Double
  /// Standard deviation of the noise in clipping norms.
  public let multiplier: Double

  /// - Parameters:
  ///   - clip: above 0.
  ///   - multiplier: 0 or more.
  public init(clip: Double, multiplier: Double) {
    self.clip = clip
    self.multiplier = multiplier
  }
}

/// A defence that changes the update before it is sent.
public protocol UpdateDefence: Defence {
  /// Changes an update, and says what anybody who knows of the defence can tell about its errors and
  /// its size on the wire. What is kept for later rounds is kept in the value itself.
  ///
  /// - Parameters:
  ///   - round: what the client has besides its update.
  mutating func apply(to update: inout UpdateInTransit, in round: inout ClientRound)
  /// Of a defence that clips each example's gradient and adds normal noise to their sum: both, for a
  /// `PrivacyAccountant`. Nil by default.
  var guaranteedNoise: ClippedNoise? { get }
  /// The differential privacy that its settings are said to give to one update, right or wrong; nil, the default,
  /// where none is said.
  var claimedPrivacy: PrivacyClaim? { get }
}

extension Defence {
  /// All that is known of its kind without applying it.
  public var descriptor: DefenceDescriptor { Self.descriptor }

  /// The name of the short form.
  public var name: String { Self.descriptor.name }

  /// The short form, which ``DefenceCatalog/defence(_:among:)`` reads back.
  public var description: String {
    parameterText.isEmpty ? name : "\(name):\(parameterText)"
  }

  /// None.
  public var values: [Double] { [] }

  /// ``values`` with commas between them.
  public var parameterText: String { values.map(shortNumber).joined(separator: ",") }

  /// The number of the short form that strengths differ in, for tables and curves; nil without one.
  public var strength: Double? {
    Self.descriptor.strength.map { values[$0.parameter] }
  }

  /// None.
  public func conflict(with other: any Defence) -> String? { nil }

  /// Every model will do.
  public func check(_ model: Model) throws(AttackError) {}

  /// All names will do.
  public func check(parameterNames names: [String]) throws(AttackError) {}

  /// Clients in whose sum it hides the update.
  var clientCount: Int { (self as? any ImageDefence)?.clientCount ?? 1 }
}

extension ImageDefence {
  /// On the images.
  public static var stage: DefenceStage { .images }

  /// Each image by ``transform(_:using:)``.
  public func apply(
    to batch: inout EncodedBatch, in round: inout EncodingRound
  ) throws(AttackError) {
    batch.setImages(batch.elements.map { transform($0, using: &round.source).doubles })
  }

  /// The image as it is.
  public func transform(_ image: Tensor, using source: inout RandomSource) -> Tensor { image }

  /// 1: the update is not hidden in a sum.
  public var clientCount: Int { 1 }

  /// None are needed.
  public func checkCompanions(_ count: Int, batchSize: Int) throws(AttackError) {}
}

extension ModelDefence {
  /// On the model.
  public static var stage: DefenceStage { .model }

  /// The model as it is.
  public func drawingNoise(
    for model: WeightedModel, using source: inout RandomSource
  ) -> WeightedModel { model }
}

extension UpdateDefence {
  /// On the update.
  public static var stage: DefenceStage { .update }

  /// None.
  public var guaranteedNoise: ClippedNoise? { nil }

  /// None.
  public var claimedPrivacy: PrivacyClaim? { nil }
}

/// A number as a person would write it: `20` and `0.3`, and `1e-05` without its leading zero.
func shortNumber(_ value: Double) -> String {
  if let whole = Int(exactly: value), abs(whole) < 1_000_000 { return String(whole) }
  return "\(value)".replacing("e-0", with: "e-")
}
