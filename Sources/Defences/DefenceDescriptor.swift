import ModelIO

/// A kind of defence as people, tables and audits meet it: its short form, what it does, where it comes
/// from, what it needs, and what an attacker who knows of it does about it.
public struct DefenceDescriptor: Sendable {
  /// One number of the short form.
  public struct Parameter: Sendable {
    /// For messages, and in capitals for the form.
    public let name: String
    /// Other numbers are refused.
    public let range: ClosedRange<Double>
    /// Whether fractions are refused.
    public let isWhole: Bool
    /// Used when the number is left out; nil when it must be given.
    public let fallback: Double?
    /// Whether it is a text, such as a pattern, and all of the short form behind the colon.
    public let isText: Bool

    /// A number of the short form; `fallback` makes it optional.
    public init(
      _ name: String, _ range: ClosedRange<Double>, isWhole: Bool = false, fallback: Double? = nil
    ) {
      self.name = name
      self.range = range
      self.isWhole = isWhole
      self.fallback = fallback
      isText = false
    }

    private init(text name: String) {
      self.name = name
      (range, isWhole, fallback, isText) = (0...0, false, nil, true)
    }

    /// A text, which the descriptor's `read` makes a defence of.
    public static func text(_ name: String) -> Parameter { Parameter(text: name) }

    static let share = Parameter("share", 0...1)
    static let variance = Parameter("variance", 0...1e12)
    static let norm = Parameter("norm", 1e-30...1e30)
  }

  /// The number that strengths differ in.
  public struct Strength: Sendable {
    /// Its meaning, for the axis of a chart: "variance of the noise".
    public let axis: String
    /// Whether a smaller number defends better.
    public let isStrongerWhenSmaller: Bool
    /// Its place among the numbers of the short form.
    public let parameter: Int

    /// Strengths by the number at index `parameter` of the short form.
    public init(_ axis: String, isStrongerWhenSmaller: Bool = false, parameter: Int = 0) {
      self.axis = axis
      self.isStrongerWhenSmaller = isStrongerWhenSmaller
      self.parameter = parameter
    }
  }

  /// Strengths among which an audit looks for the weakest that is enough.
  public struct Strengths: Sendable {
    /// What attacks on updates behind it take.
    public enum Effort: Int, Comparable, Sendable {
      case usual
      /// Systems of deficient rank.
      case deficient
      /// Systems of several images, or with unknown labels.
      case large

      /// Whether the left takes less time.
      public static func < (left: Effort, right: Effort) -> Bool { left.rawValue < right.rawValue }
    }

    /// From the weakest to the strongest, given the Euclidean norm of an undefended update.
    public let defences: @Sendable (_ updateNorm: Double) -> [any Defence]
    /// Whether audits search it when they are not told which.
    public let isStandard: Bool
    /// Audits search kinds of less effort first.
    public let effort: Effort

    /// - Parameter defences: from the weakest to the strongest, given the Euclidean norm of an update.
    public init(
      isStandard: Bool = false, effort: Effort = .usual,
      scaled defences: @escaping @Sendable (_ updateNorm: Double) -> [any Defence]
    ) {
      self.defences = defences
      self.isStandard = isStandard
      self.effort = effort
    }

    /// - Parameter defences: from the weakest to the strongest.
    public init(_ defences: [any Defence], isStandard: Bool = false, effort: Effort = .usual) {
      self.init(isStandard: isStandard, effort: effort) { _ in defences }
    }
  }

  /// What the attack does that knows of the defence; see ``CounterAttack``. What it weighs by, errors
  /// and what was left out, follows from the update (``UpdateInTransit``).
  public struct Answer: Sendable {
    /// For people, without a full stop.
    public let summary: String
    /// Whether an image may get several labels, each for a share, so that labels are sought too.
    public let seeksShares: Bool
    /// Whether the model's noise is read off the update first.
    public let readsNoise: Bool

    /// What the attack does that knows of the defence.
    public init(_ summary: String, seeksShares: Bool = false, readsNoise: Bool = false) {
      self.summary = summary
      self.seeksShares = seeksShares
      self.readsNoise = readsNoise
    }

    static let underNoise = Answer(
      "most probable images under the known noise and a smooth Gaussian prior (Balunovic et al. 2022)"
    )
    static let ofWhatWasSent = Answer("matches only the numbers that were sent")
    static let ofIntervals = Answer(
      "matches intervals where the filter tells no number: at least the limit in that sign where it clipped, at most "
        + "the least number left where it zeroed")
    static let byStep = Answer("weighs each tensor by its rounding error, which its step tells")
  }

  /// Of the short form, unlike any other's.
  public let name: String
  /// The numbers of the short form.
  public let parameters: [Parameter]
  /// What it does, without a full stop.
  public let summary: String
  /// Paper, section or equation.
  public let source: String
  /// What the attack does that knows of it.
  public let answer: Answer
  /// Nil where all are alike.
  public let strength: Strength?
  /// Nil where audits do not look for a strength.
  public let strengths: Strengths?
  /// What it takes of a client.
  public let needs: DefenceNeeds
  /// What it says about differential privacy; nil where it says nothing.
  public let privacy: PrivacyStatement?
  /// Strengths that a list of prices has.
  public let priced: [any Defence]
  /// Where it acts.
  public let stage: DefenceStage
  /// Reads what stands behind the colon of the short form; nil without a colon.
  let read: @Sendable (_ descriptor: DefenceDescriptor, String?) throws(DefenceError) -> any Defence

  /// - Parameters:
  ///   - privacy: what it says about differential privacy.
  ///   - read: for a short form that is no list of numbers; empty where it has none. Texts of one, such as patterns, are
  ///     refused beforehand where they are longer than ``longestText`` or hold what no line of a terminal may.
  ///   - make: a defence from one number for each parameter, within its range; nil with `read`.
  public init<Kind: Defence>(
    name: String, parameters: [Parameter] = [], summary: String, source: String, answer: Answer,
    strength: Strength? = nil, strengths: Strengths? = nil, needs: DefenceNeeds = DefenceNeeds(),
    priced: [Kind] = [], privacy: PrivacyStatement? = nil,
    read: (@Sendable (String) throws(DefenceError) -> Kind)? = nil,
    make: (@Sendable (_ values: [Double]) -> Kind)? = nil
  ) {
    precondition(make != nil || read != nil, "nothing makes the defence \(name)")
    self.name = name
    self.parameters = parameters
    self.summary = summary
    self.source = source
    self.answer = answer
    self.strength = strength
    self.strengths = strengths
    self.needs = needs
    self.priced = priced
    self.privacy = privacy
    stage = Kind.stage
    self.read = { descriptor, text throws(DefenceError) in
      if let read { return try read(try descriptor.checked(text ?? "")) }
      guard let make else { preconditionFailure("nothing makes the defence \(descriptor.name)") }
      return make(try descriptor.numbers(text))
    }
  }

  /// Such as `dp-sgd:NORM,NOISE`.
  public var usage: String {
    guard !parameters.isEmpty else { return name }
    return name + ":" + parameters.map { $0.name.uppercased() }.joined(separator: ",")
  }

  /// Characters behind the colon of a short form that is no list of numbers, at most.
  public static let longestText = 200

  private func checked(_ text: String) throws(DefenceError) -> String {
    guard text.count <= Self.longestText,
      text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
    else {
      throw DefenceError(
        "what stands behind \(name): is \(text.quotedForMessage); give at most \(Self.longestText) characters, none of "
          + "which is a control character")
    }
    return text
  }

  /// Whether it can be applied to a finished update.
  public var needsOnlyTheUpdate: Bool { stage == .update && !needs.representation }
}
