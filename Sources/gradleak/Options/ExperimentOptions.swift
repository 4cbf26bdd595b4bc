import Attacks
import Audit
import Clients

extension Experiment {
  /// What the options that most commands share say of client and attacker.
  ///
  /// - Parameters:
  ///   - attack: with the attack to take where none is named.
  ///   - data: whose usual model is taken where none is named.
  ///   - seedOffset: is added to the seed.
  init(
    _ selection: ModelSelection, loss: LossOptions? = nil, attack: AttackOptions,
    by threat: AttackerOptions,
    default kind: AttackName, on data: DataKindName = .pictures, seedOffset: UInt64 = 0
  ) throws {
    self.init()
    self.data = ExperimentData(data)
    model = try selection.choice(
      of: selection.chosenModel ?? DataKinds.descriptor(data).usualModel)
    mode = selection.mode
    if let loss { self.loss = try loss.choice() }
    self.attack = try attack.configuration(
      attack.chosenAttack ?? kind, by: threat, seed: attack.seed &+ seedOffset)
    start = attack.start
  }

  /// Adds what the client does before it shares its update.
  mutating func add(_ options: DefenceOptions) throws {
    let choice = try options.choice()
    defences = choice.chain
    isAdaptive = choice.isAdaptive
  }
}
