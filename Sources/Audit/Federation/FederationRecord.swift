import Clients
import Federation
import Foundation

/// What became of a federation: written as `federation.json`.
package struct FederationRecord: Codable, Sendable {
  /// The format's version.
  package var version = 1
  /// The program's version.
  package var tool = GradleakVersion.current
  /// All that its parties had agreed upon.
  package let plan: FederationPlan
  /// What the server did in tapped rounds.
  package let adversary: Adversary
  /// What the workers trained.
  package let model: String
  /// Numbers that each of them shares.
  package let parameterCount: Int
  /// Held-out pictures that accuracy is measured by.
  package let heldOutCount: Int
  /// Of these, how many the untrained model gets right.
  package let rightBefore: Int
  /// In their order.
  package var rounds: [Round] = []
  /// What observers saw, and what came back from it.
  package var observations: [Seen] = []
  /// What happened that was not asked for: who was refused, came late or left.
  package var notes: [Roster.Note] = []
  /// Why the training ended before its last round; nil where it did not.
  package var failure: String?

  /// The share of held-out examples that the weights after a round get right, 0...1.
  ///
  /// - Parameter round: from 0; before it, the untrained model's.
  package func accuracy(after round: Int) -> Double {
    Double(rounds.indices.contains(round) ? rounds[round].right : rightBefore)
      / Double(max(heldOutCount, 1))
  }

  /// One round of training.
  package struct Round: Codable, Sendable {
    /// From 1.
    package let number: Int
    /// Workers whose shares are in the mean, from 1.
    package let members: [Int]
    /// Workers that began and are not in it, from 1.
    package let missing: [Int]
    /// How often it was begun.
    package let attempts: Int
    /// The members' mean loss at the round's beginning.
    package let loss: JSONNumber
    /// Held-out pictures that the weights at its end get right.
    package let right: Int
    /// Bytes that the server received; in a ring, that neighbours sent.
    package let received: Int
    /// Bytes that the server sent; in a ring, that neighbours sent.
    package let sent: Int
    /// A fingerprint of the weights at its end.
    package let weights: String
  }

  /// What an observer saw of a round, and what an attack made of it.
  package struct Seen: Codable, Sendable {
    /// Who looked on.
    package let observer: Observer
    /// From 1.
    package let round: Int
    /// The workers whose data are in it, from 1.
    package let workers: [Int]
    /// Share of the update's numbers that was seen, 0...1.
    package let share: Double
    /// Where the update lies.
    package let file: String
    /// Private examples behind it.
    package let examples: Int
    /// Examples that came back in full; nil where it was not attacked.
    package var full: Int?
    /// Examples that can be recognised, those in full among them; nil likewise.
    package var recognisable: Int?
    /// Examples of which nothing tells, as the attack was cut short or its update does not fit; nil likewise.
    package var undetermined: Int?
    /// Of each example, in its kind's measure: of pictures PSNR in dB, of texts ROUGE-1; empty likewise.
    package var scores: [JSONNumber] = []
    /// What the attack says of itself, or why there was none.
    package var verdict: String?
  }
}
