import Audit

/// The audit on one page of a terminal.
struct AuditSummary {
  let result: LeakageAudit.Result
  let report: Report

  func print() {
    let verdict = report.verdict
    let style: Terminal.Style =
      switch verdict.grade {
      case .A: .green
      case .B, .notShown: .yellow
      case .C, .D, .E, .F: .red
      }
    Terminal.print(
      Terminal.styled("\(verdict.grade.title): \(verdict.grade.headline(verdict.kind)).", style))
    if !result.remarks.isEmpty {
      Terminal.printParagraph(
        "Left out or cut short: \(result.remarks.count) \(result.remarks.count == 1 ? "item" : "items"), "
          + "which the list of what was not tested names.")
    }
    for sentence in verdict.sentences { Terminal.printParagraph(sentence) }
    let prepared = result.undefended.flatMap(\.record.judged).compactMap { example in
      example.preparation.map { "Prepared \(example.name): \($0)." }
    }
    for line in Set(prepared).sorted() { Terminal.printParagraph(line) }
    if !result.findings.isEmpty {
      Terminal.print()
      Terminal.print(Terminal.styled("Defences, against attacks that know of them:", .bold))
      for finding in result.findings {
        Terminal.printParagraph(
          finding.sentence + (result.caveat(on: finding).map { " \($0)" } ?? ""), head: "  ",
          indentation: 4)
      }
      Terminal.printParagraph(
        "What they cost in accuracy: 'gradleak price --defence' measures it.", head: "  ",
        indentation: 4)
    }
    Terminal.print()
    Terminal.print(Terminal.styled("What cryptography would leave:", .bold))
    for sentence in report.protections {
      Terminal.printParagraph(sentence, head: "  ", indentation: 4)
    }
    Terminal.print()
    Terminal.print(Terminal.styled("Not tested:", .bold))
    for sentence in report.untested {
      Terminal.printParagraph(sentence, head: "  ", indentation: 4)
    }
  }
}
