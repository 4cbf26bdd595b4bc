import ArgumentParser
import Audit
import Foundation

/// What clips and noises private records, and what is claimed of it.
struct PrivacyOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Norm that no record's gradient exceeds.", valueName: "norm"))
  var clip: Double?

  @Option(
    help: ArgumentHelp(
      "What is clipped: each record, each layer of it, or the batch after records were added.",
      valueName: "unit"))
  var clipOf: PrivacySetting.ClippedUnit?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("With --clip-of layer: how many are clipped.", valueName: "n"))
  var layers: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Standard deviation of the noise on the sum, in clips (or in --sensitivity).",
      valueName: "z"))
  var noiseMultiplier: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Or the standard deviation itself.", valueName: "sigma"))
  var noise: Double?

  @Option(help: ArgumentHelp("What noise is added to: sum or mean.", valueName: "quantity"))
  var noiseOn: PrivacySetting.NoisyQuantity?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("What the noise was set for, if not the clip.", valueName: "s"))
  var sensitivity: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Clients whose noise adds up to it.", valueName: "n"))
  var noiseShares: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("Records of a round.", valueName: "n"))
  var batchSize: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Records that they are drawn from.", valueName: "n"))
  var records: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Share of records in a round. (default: --batch-size of --records, else 1)", valueName: "q"))
  var sampleRate: Double?

  @Option(
    help: ArgumentHelp(
      "How they are drawn: poisson, a fixed number, or from a shuffled list.", valueName: "way"))
  var sampling: PrivacySetting.Sampling?

  @Option(parsing: .unconditional, help: ArgumentHelp("Rounds or steps.", valueName: "n"))
  var rounds: Int?

  @Option(
    help: ArgumentHelp(
      "What must be hard to tell: add-remove or replace-one.", valueName: "relation"))
  var adjacency: PrivacySetting.Adjacency?

  @Option(
    name: .customLong("flaw"),
    help: ArgumentHelp(
      "Known of the code; repeat for more: "
        + "\(PrivacySetting.Flaw.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "flaw"))
  var flaws: [PrivacySetting.Flaw] = []

  @Option(parsing: .unconditional, help: ArgumentHelp("Delta. (default: 1e-5)", valueName: "d"))
  var delta: Double?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("The epsilon that is claimed.", valueName: "e"))
  var claimedEpsilon: Double?

  func validate() throws {
    try check("--clip", clip)
    try check("--noise-multiplier", noiseMultiplier, allowsZero: true)
    try check("--noise", noise, allowsZero: true)
    try check("--sensitivity", sensitivity)
    try check("--claimed-epsilon", claimedEpsilon)
    try check("--sample-rate", sampleRate, atMost: 1)
    if let layers { try check("--layers", layers, 1...1_000_000) }
    if let noiseShares { try check("--noise-shares", noiseShares, 1...1_000_000_000) }
    if let batchSize { try check("--batch-size", batchSize, 1...1_000_000_000) }
    if let records { try check("--records", records, 1...1_000_000_000_000) }
    if let rounds { try check("--rounds", rounds, 1...10_000_000) }
    if let delta, !(delta > 0 && delta < 1) {
      throw ValidationError("--delta is \(delta); give a number between 0 and 1.")
    }
    if noiseMultiplier != nil, noise != nil {
      throw ValidationError("--noise-multiplier and --noise both say how much; leave one out.")
    }
    if let batchSize, let records, batchSize > records {
      throw ValidationError(
        "--batch-size is \(batchSize), more than the --records \(records); mend one of them.")
    }
  }

  /// What these options say, over what is known already.
  func setting(over known: PrivacySetting?) throws -> PrivacySetting {
    var setting = known ?? PrivacySetting()
    setting.clip = clip ?? setting.clip
    setting.clipped = clipOf ?? setting.clipped
    setting.layers = layers ?? setting.layers
    if noise != nil || noiseMultiplier != nil {
      (setting.noise, setting.noiseMultiplier) = (noise, noiseMultiplier)
    }
    setting.noiseOn = noiseOn ?? setting.noiseOn
    setting.sensitivity = sensitivity ?? setting.sensitivity
    setting.noiseShares = noiseShares ?? setting.noiseShares
    setting.batchSize = batchSize ?? setting.batchSize
    setting.records = records ?? setting.records
    setting.samplingRate = sampleRate ?? setting.impliedRate ?? setting.samplingRate
    setting.sampling = sampling ?? setting.sampling
    setting.rounds = rounds ?? setting.rounds
    setting.adjacency = adjacency ?? setting.adjacency
    setting.flaws += flaws.filter { !setting.flaws.contains($0) }
    setting.delta = delta ?? setting.delta
    setting.claimedEpsilon = claimedEpsilon ?? setting.claimedEpsilon
    try checkWhole(setting)
    return setting
  }

  /// That all is there which numbers depend on.
  private func checkWhole(_ setting: PrivacySetting) throws {
    if setting.noise == nil, setting.noiseMultiplier == nil {
      throw ValidationError(
        "Nothing says how much noise is added; give --noise-multiplier or --noise, which may be 0.")
    }
    if setting.clipped == .layer, setting.layers == 1 {
      throw ValidationError("--clip-of layer needs to know how many are clipped; give --layers.")
    }
    if layers != nil, setting.clipped != .layer {
      throw ValidationError("--layers counts what --clip-of layer clips; give both.")
    }
    if setting.noiseOn == .mean, setting.clipped != .batch, setting.batchSize == nil {
      throw ValidationError(
        "Noise on the mean is divided by the batch; say by how much with --batch-size.")
    }
    if setting.noiseOn == .mean, setting.noiseMultiplier != nil {
      throw ValidationError(
        "--noise-multiplier is of the sum; for noise on the mean give its standard deviation with --noise."
      )
    }
  }
}

extension PrivacySetting.ClippedUnit: ExpressibleByArgument {}
extension PrivacySetting.NoisyQuantity: ExpressibleByArgument {}
extension PrivacySetting.Sampling: ExpressibleByArgument {}
extension PrivacySetting.Adjacency: ExpressibleByArgument {}
extension PrivacySetting.Flaw: ExpressibleByArgument {}
