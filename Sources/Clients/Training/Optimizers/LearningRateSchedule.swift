#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How a client's learning rate changes from step to step: the factor of the first step's nominal rate, counted in
/// the optimiser's steps from the client's first.
public enum LearningRateSchedule: Hashable, Sendable {
  /// Always 1.
  case constant
  /// `StepLR`: times `factor` after every `size` steps.
  case step(size: Int, factor: Double)
  /// `CosineAnnealingLR`: down half a cosine to `least` times the rate in `steps` steps.
  case cosine(steps: Int, least: Double)
  /// `get_linear_schedule_with_warmup` of Hugging Face: up from 0 in `warmUp` steps, then down to 0 at `steps`.
  case linear(steps: Int, warmUp: Int)

  /// The factor of a step, counted from 0.
  public func factor(ofStep step: Int) -> Double {
    switch self {
    case .constant: 1
    case .step(let size, let factor): pow(factor, Double(step / size))
    case .cosine(let steps, let least):
      least + (1 - least) * (1 + cos(Double.pi * Double(step) / Double(steps))) / 2
    case .linear(let steps, let warmUp):
      step < warmUp
        ? Double(step) / Double(max(warmUp, 1))
        : max(0, Double(steps - step) / Double(max(steps - warmUp, 1)))
    }
  }
}

extension LearningRateSchedule: CustomStringConvertible {
  /// As it is written: `step:10:0.1`, `cosine:100`, `cosine:100:0.01`, `linear:100:10`.
  public var description: String {
    switch self {
    case .constant: "constant"
    case .step(let size, let factor): "step:\(size):\(factor)"
    case .cosine(let steps, let least): least == 0 ? "cosine:\(steps)" : "cosine:\(steps):\(least)"
    case .linear(let steps, let warmUp):
      warmUp == 0 ? "linear:\(steps)" : "linear:\(steps):\(warmUp)"
    }
  }

  /// Every form, for help and messages.
  public static let forms =
    "constant, step:STEPS[:FACTOR], cosine:STEPS[:LEAST] or linear:STEPS[:WARM-UP]"

  /// Reads what ``description`` writes; numbers that are left out are PyTorch's defaults.
  ///
  /// - Throws: ``AttackError`` when it is none, or a number is out of range.
  public init(_ text: String) throws(AttackError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let range = 1...1_000_000
    func fail() -> AttackError {
      AttackError(
        "\"\(text.prefix(40))\" is no schedule of learning rates; give \(LearningRateSchedule.forms), "
          + "with steps from 1 to 1000000, a factor or least share from 0 to 1, and a warm-up below the "
          + "steps", .badInput)
    }
    guard parts.count <= 3 else { throw fail() }
    if parts == ["constant"] {
      self = .constant
      return
    }
    guard parts.count >= 2, let steps = Int(parts[1]), range.contains(steps) else { throw fail() }
    let second = parts.count == 3 ? Double(parts[2]) : nil
    guard parts.count == 2 || second != nil else { throw fail() }
    switch parts[0] {
    case "step":
      let factor = second ?? 0.1
      guard factor > 0, factor <= 1 else { throw fail() }
      self = .step(size: steps, factor: factor)
    case "cosine":
      let least = second ?? 0
      guard (0...1).contains(least) else { throw fail() }
      self = .cosine(steps: steps, least: least)
    case "linear":
      let warmUp = parts.count == 3 ? Int(parts[2]) : 0
      guard let warmUp, (0..<steps).contains(warmUp) else { throw fail() }
      self = .linear(steps: steps, warmUp: warmUp)
    default: throw fail()
    }
  }
}

/// As it is written.
extension LearningRateSchedule: Codable {
  /// Reads it from a file.
  public init(from decoder: any Decoder) throws {
    try self.init(try decoder.singleValueContainer().decode(String.self))
  }

  /// Writes it into a file.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
