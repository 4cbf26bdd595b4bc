import Audit
import Foundation

/// What becomes of a privacy claim, for people.
struct PrivacyClaimText {
  private let record: PrivacyClaimRecord

  init(_ record: PrivacyClaimRecord) {
    self.record = record
  }

  func print() {
    Terminal.printVerdict(sentence, style)
    Terminal.print()
    for finding in record.findings {
      Terminal.printParagraph(
        finding.sentence + (finding.epsilonWithout.map(without) ?? ""), head: "- ", indentation: 2)
    }
    if let needed = record.neededNoise {
      Terminal.printParagraph(
        "\(PrivacyNumbers.text(needed)) times the noise would make the claim true.", head: "- ",
        indentation: 2)
    }
    if !record.findings.isEmpty || record.neededNoise != nil { Terminal.print() }
    Terminal.print(candidates)
    Terminal.print()
    Terminal.printParagraph(basis, indentation: 0)
  }

  private var epsilon: String { PrivacyNumbers.text(record.epsilon.value) }
  private var delta: String { PrivacyNumbers.text(record.setting.delta) }
  private var claimed: String { PrivacyNumbers.text(record.setting.claimedEpsilon ?? .nan) }

  private var style: Terminal.Style {
    switch record.verdict {
    case .holds: .green
    case .fails: .red
    case .notShown: .yellow
    case .noClaim: record.epsilon.value.isFinite ? .bold : .red
    }
  }

  private var sentence: String {
    let least = record.leastEpsilon.value
    let isTight = least == record.epsilon.value
    let between =
      isTight
      ? "\(epsilon)"
      : least > 0
        ? "between \(PrivacyNumbers.text(least)) and \(epsilon)" : "at most \(epsilon)"
    switch record.verdict {
    case .holds:
      return
        "The claim holds: epsilon is \(isTight ? "" : "at most ")\(epsilon), and \(claimed) was claimed, at delta "
        + "\(delta)."
    case .fails:
      return
        "The claim does not hold: epsilon is \(between), and not \(claimed), at delta \(delta)."
    case .notShown:
      if record.isWorthless {
        return "The claim is worth nothing: epsilon is \(between), but at a delta of \(delta)."
      }
      return
        "The claim is not shown: epsilon is \(between) as far as can be proved, and \(claimed) was claimed, at "
        + "delta \(delta)."
    case .noClaim:
      return
        "Epsilon is \(between) at delta \(delta)\(record.epsilon.value.isFinite ? "." : ": there is no guarantee.")"
    }
  }

  private func without(_ epsilon: JSONNumber) -> String {
    " Without this epsilon would be \(PrivacyNumbers.text(epsilon.value))."
  }

  private var candidates: TextTable {
    var table = TextTable([
      ("candidates", .right), ("guessing finds", .right), ("nobody finds more than", .right),
    ])
    for row in record.candidates {
      table.append([
        "\(row.count)", PrivacyNumbers.percent(row.guess), PrivacyNumbers.percent(row.success),
      ])
    }
    return table
  }

  private var basis: String {
    let setting = record.setting
    let accounting =
      setting.samplingRate == 1 || setting.sampling == .shuffled
      ? "exact (Gaussian mechanism)" : "by distributions of the privacy loss"
    return
      "How often somebody who knows all other records picks the right one of so many, all equally likely to him, from "
      + "\(setting.rounds == 1 ? "one round" : "all \(setting.rounds) rounds"), whatever he computes. Adjacency: \(setting.adjacency.rawValue). "
      + "Accounting: \(accounting). It is of the setting as given: whether the code does this, it cannot tell."
  }
}
