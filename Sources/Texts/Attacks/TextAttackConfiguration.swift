import Attacks
import Clients
import TensorGraph

/// How texts are sought in an update; raw values are the names on the command line and in records.
package enum TextAttackKind: String, Codable, Sendable, CaseIterable {
  /// The surest that applies: closed form, then DAGER, then LAMP within the bag of words.
  case automatic = "auto"
  /// Closed form from the gradients of token and position embeddings, for one text.
  case embedding
  /// Membership in the span of attention gradients (Petrov et al. 2024, arXiv 2405.15586).
  case dager
  /// Which tokens the batch holds, in no order.
  case bag
  /// Gradient matching over dummy embeddings (Zhu et al. 2019, arXiv 1906.08935, section 4.3).
  case dlg
  /// The same with an L1 term (Deng et al. 2021, arXiv 2103.06819).
  case tag
  /// With a prior on the embeddings' lengths and discrete moves (Balunović et al. 2022, arXiv
  /// 2202.08827).
  case lamp

  /// What it is and takes. Carletti et al. class attacks on images alone; categories follow from their table.
  package var descriptor: AttackDescriptor {
    switch self {
    case .automatic:
      descriptor("the surest that applies", needs: [], nil)
    case .embedding:
      descriptor("closed form from embedding gradients, for one text")
    case .dager:
      descriptor(
        "exact, through the span of attention gradients",
        paper: "Petrov et al. 2024, arXiv 2405.15586")
    case .bag:
      descriptor(
        "which tokens the batch holds, in no order",
        needs: [AttackNeed(.architecture), AttackNeed(.tokenizer)])
    case .dlg:
      descriptor(
        "dummy embeddings, L2 distance of gradients", paper: "Zhu et al. 2019, arXiv 1906.08935",
        searches: true)
    case .tag:
      descriptor(
        "the same with an L1 term", paper: "Deng et al. 2021, arXiv 2103.06819", searches: true)
    case .lamp:
      descriptor(
        "cosine distance, embedding lengths, discrete moves",
        paper: "Balunović et al. 2022, arXiv 2202.08827", searches: true)
    }
  }

  private static let needs =
    AttackNeed.gradient + AttackNeed.localSteps + [AttackNeed(.tokenizer)]

  /// Iterations of its search at most; those of LAMP for ``automatic``, which ends with it.
  package var usualIterations: Int {
    switch self {
    case .dlg: 100
    case .tag: 2500
    case .automatic, .embedding, .dager, .bag, .lamp: 2000
    }
  }

  private func descriptor(
    _ summary: String, paper: String? = nil, needs: [AttackNeed] = Self.needs,
    _ category: ThreatModel.Category? = .eavesdropper, searches: Bool = false
  ) -> AttackDescriptor {
    AttackDescriptor(
      name: AttackName(rawValue: rawValue), summary: summary, paper: paper, needs: needs,
      category: category, searches: searches, data: [.texts])
  }

  /// Who can run the attack.
  ///
  /// - Parameters:
  ///   - hasPrior: whether a language model, learnt from other texts, weighs the texts.
  ///   - followsTraining: whether the update comes from several local steps.
  package func category(hasPrior: Bool, followsTraining: Bool) -> ThreatModel.Category {
    if self == .lamp, hasPrior { return .dataEnhancedEavesdropper }
    let (category, needs) = (descriptor.category ?? .eavesdropper, descriptor.needs)
    return followsTraining ? category.afterLocalSteps(needs) : category
  }
}

extension TextAttackKind {
  /// - Throws: ``AttackError`` that suggests the name nearest in spelling.
  package init(named name: String) throws(AttackError) {
    guard let attack = TextAttackKind(rawValue: name) else {
      let names = TextAttackKind.allCases.map(\.rawValue)
      let hint = nearestSpelling(to: name, in: names).map { "did you mean \($0)? The" } ?? "the"
      throw AttackError(
        "there is no attack on texts called \(name.quotedForMessage); \(hint) attacks are "
          + names.joined(separator: ", "), .badInput)
    }
    self = attack
  }
}

extension AttackConfiguration {
  /// The usual settings of an attack on texts.
  package init(_ attack: TextAttackKind) {
    self.init(
      attack: AttackName(rawValue: attack.rawValue), precision: .f32, trials: 1,
      iterations: attack.usualIterations, snapshots: 0)
  }
}

/// Settings of an attack on texts, and what the attacker knows besides model and update.
package struct TextAttackConfiguration: Sendable, Equatable {
  package var attack: TextAttackKind
  package var precision: Precision
  package var seed: UInt64
  /// Iterations of a search at most.
  package var iterations: Int
  /// Seconds at most; nil for no limit.
  package var timeLimit: Double?
  /// The tokens that every text begins with, such as `[CLS]`.
  package var beginning: [Int]
  /// The tokens that every text ends with, such as `[SEP]`.
  package var ending: [Int]
  /// Tokens that stand for no text; searches do not guess them.
  package var specialTokens: Set<Int>
  /// The token that stands for masked ones.
  package var maskToken: Int?
  /// Numbers of tokens of the texts, where the attacker knows them; searches need them.
  package var lengths: [Int]?
  /// Facts that the attacker is not granted: attacks that need one are refused.
  package var unknown: Set<ThreatModel.Fact>

  /// - Parameter iterations: nil for ``TextAttackKind/usualIterations``.
  package init(
    attack: TextAttackKind = .automatic, precision: Precision = .f32, seed: UInt64 = 0,
    iterations: Int? = nil, timeLimit: Double? = nil, beginning: [Int] = [], ending: [Int] = [],
    specialTokens: Set<Int> = [], maskToken: Int? = nil, lengths: [Int]? = nil,
    unknown: Set<ThreatModel.Fact> = []
  ) {
    self.attack = attack
    self.precision = precision
    self.seed = seed
    self.iterations = iterations ?? attack.usualIterations
    self.unknown = unknown
    self.timeLimit = timeLimit
    self.beginning = beginning
    self.ending = ending
    self.specialTokens = specialTokens
    self.maskToken = maskToken
    self.lengths = lengths
  }
}

/// How far a running attack on texts is.
package struct TextAttackProgress: Sendable {
  /// What it is doing: "checking tokens", "placing tokens", "matching".
  package let stage: String
  package let step: Int
  package let steps: Int
  /// The texts as they stand.
  package let texts: [[Int]]
  /// The matching loss, where one is minimised.
  package let loss: Double?
}

/// The spans that DAGER worked with, and whether its condition holds.
package struct SpanReport: Sendable, Equatable {
  /// Independent directions in the first layer's attention gradients.
  package let firstRank: Int
  /// The same of the second layer; nil when it was not needed.
  package let secondRank: Int?
  /// Features of a token: what the ranks must stay below.
  package let width: Int
  package let holds: Bool
  /// Tokens that were checked at each position.
  package let tokensChecked: Int
  package let positions: Int
}

/// A guess on the way.
package struct TextSnapshot: Sendable {
  package let iteration: Int
  package let loss: Double
  package let texts: [[Int]]
}

/// What an attack on texts gave.
package struct TextAttackResult: Sendable {
  /// What was recovered, masked words filled in; fewer texts than the batch has when the rest was not
  /// found.
  package internal(set) var texts: [[Int]]
  /// What each text was given with besides its tokens; empty where that was not asked.
  package internal(set) var layouts: [TextLayout]
  /// Classes of the texts, where the head has any and they were found.
  package let classes: [Int]?
  /// The numbers that the loss compares each text's logits with, where it does and they were found.
  package let targets: [[Double]]?
  /// What gave the texts: an attack, not `auto`.
  package let method: TextAttackKind
  /// The squared distance between the texts' gradient and the shared one, relative to the squared norm
  /// of the latter; nil when the texts are no whole batch.
  package let relativeDistance: Double?
  /// The same without what the rounding of f32 weights explains, where no near miss of the texts is
  /// explained as well; nil where nothing was rounded.
  package let unexplainedDistance: Double?
  /// Whether near misses of the texts have the shared update as well, as far as rounding lets that be told.
  package let isAmbiguous: Bool
  /// Tokens of the batch in no order, where the update tells them.
  package let bag: BagOfWords?
  package let span: SpanReport?
  package internal(set) var snapshots: [TextSnapshot]
  /// Gradients of the model that were computed.
  package let evaluations: Int
  package let seconds: Double
  package let wasInterrupted: Bool
  /// Whether the user or the time limit ended the attack before it was done.
  package let wasCutShort: Bool
  /// What the attack ended in; nil before it has ended.
  package internal(set) var diagnosis: Diagnosis?
  /// What ``TextAttackKind/automatic`` left out, since it needs what the attacker does not know.
  package internal(set) var skipped: [SkippedAttack] = []

  /// Above rounding of f32, and far below what one wrong token costs.
  static let certainDistance = 1e-8

  /// Whether the texts' own gradient is the shared one up to rounding, and that of no near miss is.
  package var isCertain: Bool {
    !isAmbiguous
      && (unexplainedDistance ?? relativeDistance).map { $0 <= TextAttackResult.certainDistance }
        ?? false
  }
}

extension TextAttackResult {
  /// The same without the padding before texts that nothing attended to.
  var withoutPaddingBefore: TextAttackResult {
    var result = self
    guard layouts.count == texts.count else { return result }
    for (index, layout) in layouts.enumerated() {
      guard let isAttended = layout.isAttended else { continue }
      let kept = texts[index].indices.filter { isAttended[$0] }
      result.texts[index] = kept.map { texts[index][$0] }
      result.layouts[index] = TextLayout(
        segments: layout.segments.map { segments in kept.map { segments[$0] } })
    }
    return result
  }
}
