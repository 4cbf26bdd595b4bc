import Audit
import Foundation

/// What an audit of a filter found, for people.
struct MechanismText {
  private let record: MechanismRecord

  init(_ record: MechanismRecord) {
    self.record = record
  }

  func print() {
    Terminal.printVerdict(sentence, style)
    Terminal.print()
    for fault in record.faults {
      Terminal.printParagraph(fault.sentence, head: "- ", indentation: 2)
    }
    for line in measured { Terminal.printParagraph(line, head: "- ", indentation: 2) }
    Terminal.print()
    Terminal.printParagraph(basis, indentation: 0)
  }

  private func text(_ number: Double) -> String { PrivacyNumbers.text(number) }
  private var claimed: String { text(record.claimedEpsilon ?? .nan) }

  private var style: Terminal.Style {
    switch record.verdict {
    case .refuted: .red
    case .doubtful: .yellow
    case .notRefuted: .bold
    case .noClaim: record.faults.isEmpty ? .bold : .red
    }
  }

  private var sentence: String {
    let stopped = record.wasStopped ? "Stopped early. " : ""
    let best = record.bounds.map(\.epsilon).max() ?? 0
    switch record.verdict {
    case .refuted where !record.faults.isEmpty:
      return
        "The claim of epsilon \(claimed) is refuted: no finite epsilon holds for what this filter does."
    case .refuted:
      return
        stopped
        + "The claim is refuted: epsilon is at least \(text(best)), and \(claimed) was claimed (95 % confidence)."
    case .doubtful:
      return
        stopped
        + "The claim is doubtful: epsilon looks like \(text(record.estimate?.epsilon.value ?? .nan)), and \(claimed) was "
        + "claimed; no bound refutes it."
    case .notRefuted:
      return stopped
        + "Nothing speaks against the claim of epsilon \(claimed), which proves nothing."
    case .noClaim where !record.faults.isEmpty:
      return "No finite epsilon holds for what this filter does."
    case .noClaim:
      return
        stopped
        + "Epsilon looks like \(text(record.estimate?.epsilon.value ?? .nan)), and is at least \(text(best)) (95 % "
        + "confidence)."
    }
  }

  private var measured: [String] {
    var lines = record.bounds.map { bound in
      "At least \(text(bound.epsilon)) in one round, by \(bound.method): \(bound.right) of \(bound.guesses) guesses right "
        + "whether a canary was there. So many could show \(text(bound.reach)) at most."
    }
    if let estimate = record.estimate {
      let about =
        estimate.isNormal
        ? "if the noise is normal, as it looks"
        : "as if the noise were normal, which it does not look like"
      lines.append(
        "About \(text(estimate.epsilon.value)) in all, and no less than \(text(estimate.leastEpsilon.value)), \(about): "
          + "an estimate, no bound. A canary moves its number by \(text(estimate.mu.value)) standard deviations of the noise."
      )
    }
    return lines
  }

  private var basis: String {
    "\(record.calls) calls; canaries of norm \(text(record.canary)) move their number by \(text(record.response))"
      + (record.clip.map { " (clip \(text($0)))" } ?? "")
      + ", noise of \(text(record.noise)). Delta \(text(record.delta)), "
      + "\(record.rounds == 1 ? "one round" : "\(record.rounds) rounds")"
      + (record.samplingRate < 1 ? ", sampling rate \(text(record.samplingRate))" : "")
      + ". Adjacency: an update in place of none."
  }
}
