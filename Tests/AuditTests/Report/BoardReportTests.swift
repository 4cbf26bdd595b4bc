import Clients
import Defences
import Foundation
import ModelIO
import TestSupport
import Testing

@testable import Audit

/// Records of images in updates of their own.
private func records(
  _ images: [ImageResult], defence: String? = nil, cut: Bool = false
) throws -> [RunRecord] {
  try images.enumerated().map { index, image in
    var image = image
    image.name += "\(index)"
    return sampleRecord(
      images: [image], defence: try defence.map { try DefenceChain($0) }, update: "\(index)",
      reason: cut ? .timeLimit : .stagnated)
  }
}

private func report(
  _ records: [RunRecord], title: String? = nil, date: String? = nil
) -> Report {
  Report(
    ReportInput(records: records, folder: nil, path: "run.json"), title: title,
    date: date.flatMap { ReportDate($0) })
}

/// What a reader of the page reads first.
private func summary(_ records: [RunRecord]) throws -> String {
  let section = try #require(report(records).content.sections.first)
  #expect(section.id == "summary")
  return section.blocks.map { block in
    switch block {
    case .facts(let facts): facts.map { "\($0.term): \($0.text.plain)" }.joined(separator: "\n")
    case .list(let items): items.map(\.plain).joined(separator: "\n")
    case .heading(let title): title
    default: ""
    }
  }.joined(separator: "\n")
}

/// What someone reads who knows nothing of gradients.
@Suite struct BoardReportTests {
  @Test func everyQuestionIsAnswered() throws {
    let text = try summary(records([result(50), result(25), result(12)]))
    for question in [
      "What was tested: ", "What came back: ", "How sure this is: ", "What it means: ",
      "What to do next",
    ] {
      #expect(text.contains(question), "\(question)")
    }
    #expect(text.contains("1 of 3 private images came back in full, as copies"))
    #expect(text.contains("; 1 more can be recognised."))
    #expect(text.contains("Evidence: attack succeeded. What came back was compared"))
    #expect(text.contains("Of updates made in the same way, 21 to 94 % can be expected to leak"))
    #expect(
      text.contains("3 updates of the model lenet, made from 3 private images, were attacked"))
    #expect(text.contains("none was tried here"))
  }

  @Test func aFailedAttackReassuresNobody() throws {
    let nothing = result(12, label: 4)
    let good = try summary(records(Array(repeating: nothing, count: 16)))
    #expect(report(try records(Array(repeating: nothing, count: 16))).verdict.grade == .B)
    #expect(good.contains("None of 16 private images was brought back by these attacks."))
    #expect(good.contains("Evidence: attack failed, no bound."))
    #expect(good.contains("That is no proof"))
    #expect(
      good.contains("but nothing bounds better ones. This does not show that the data are safe"))
    #expect(good.contains("may succeed on up to 19 % of such updates"))
    #expect(good.contains("Do not take this for an approval"))
    let few = try summary(records([nothing]))
    #expect(few.contains("too few independent updates were tried to tell"))
    #expect(few.contains("Attack at least 16 independent updates; here there were 1."))
    let labels = try summary(records(Array(repeating: result(12), count: 16)))
    #expect(labels.contains("they found the labels, which are private as well"))
    #expect(labels.contains("was found for 16 of 16; guessing gives 1 in 100"))
  }

  @Test func halfALeakIsALeak() throws {
    let some = try summary(records([result(25), result(12), result(12)]))
    #expect(some.contains("1 of 3 private images can be recognised: the copies are coarse"))
    #expect(some.contains("can recognise some of the images. Which ones cannot be told beforehand"))
    let most = try summary(records([result(25)]))
    #expect(most.contains("can recognise most of the images"))
  }

  @Test func notShownIsNotSafe() throws {
    let cut = try summary(records([result(12)], cut: true))
    #expect(cut.contains("For 1 of 1 private image nothing can be said: an attack was ended"))
    #expect(cut.contains("Evidence: not shown. Nothing is shown either way."))
    #expect(cut.contains("up to 100 % of such updates may leak"))
    #expect(cut.contains("This is no all-clear."))
    #expect(cut.contains("Repeat the audit with more time"))
    for text in [cut] { #expect(!text.contains("brought back")) }
    var unknown = sampleRecord(
      images: [ImageResult(name: "x", recoveredLabel: 1)], diagnosis: .stuck)
    #expect(try summary([unknown]).contains("nobody knows the originals"))
    unknown = sampleRecord(
      images: [ImageResult(name: "x", recoveredLabel: 1)], diagnosis: .recovered)
    #expect(try summary([unknown]).contains("Evidence: proved. The update alone proves the leak"))
    let misfit = sampleRecord(images: [result(12)], diagnosis: .doesNotFit)
    #expect(try summary([misfit]).contains("does not fit the model as it was described"))
  }

  @Test func defencesAreAdvisedByWhatTheyReached() throws {
    var all = [sampleRecord(images: [result(50)])]
    for (strength, psnr) in [("gaussian:1e-4", 45.0), ("gaussian:1", 11.0), ("fp16", 45.0)] {
      for seed in 0..<20 {
        all.append(
          sampleRecord(
            images: [result(psnr)], seed: UInt64(seed), defence: try DefenceChain(strength)))
      }
    }
    let text = try summary(all)
    #expect(text.contains("Another 60 runs attacked updates behind 2 kinds of defence"))
    #expect(text.contains("Those that stopped the attacks they were tried against: gaussian:1;"))
    #expect(text.contains("They are not proved to stop others."))
    #expect(text.contains("Do not rely on fp16: not shown to stop"))
    let defended = try summary(records([result(50)], defence: "fp16"))
    #expect(defended.contains("every update was defended before it was shared (fp16)"))
    #expect(defended.contains("This holds for the defence at its strength: fp16."))
  }

  @Test func titleAndDateAreShown() throws {
    let given = report(try records([result(50)]), title: "Ward <7>", date: "2026-02-03")
    let page = try given.text(.html)
    #expect(page.contains("<title>Ward &lt;7&gt;: 1 of 1 private image came back in full</title>"))
    #expect(page.contains("<strong>Ward &lt;7&gt;</strong><br>3 February 2026"))
    #expect(try given.text(.markdown).contains("**Ward \\<7\\>**, 3 February 2026"))
    let usual = try report(try records([result(50)])).text(.html)
    #expect(usual.contains("<strong>Leakage audit of lenet</strong></p>"))
  }

  @Test func datesAreDays() {
    #expect(ReportDate("2026-11-28")?.description == "28 November 2026")
    #expect(ReportDate("2024-02-29")?.digits == "20240229")
    #expect(ReportDate(epoch: "1700000000")?.description == "14 November 2023")
    for text in ["", "2026-2-3", "2026-02-30", "2026-13-01", "28 November 2026", "２026-01-01"] {
      #expect(ReportDate(text) == nil, "\(text)")
    }
    for text in ["", "-1", "x", "99999999999999999999", "253402300800"] {
      #expect(ReportDate(epoch: text) == nil, "\(text)")
    }
  }

  @Test func theDateIsThatOfTheNewestRecords() throws {
    let folder = TestFolder()
    for (name, seconds) in [("a", 1_700_000_000.0), ("b", 1_600_000_000.0)] {
      folder.file("\(name).json", Array(try ResultWriter.json(records([result(50)])).utf8))
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: seconds)],
        ofItemAtPath: folder("\(name).json"))
    }
    var input = ReportInput()
    for name in ["a", "b"] { try input.add(path: folder("\(name).json")) }
    #expect(try Report(input).text(.html).contains("<br>14 November 2023"))
  }

  @Test func termsThatOccurAreExplained() throws {
    func terms(_ records: [RunRecord]) throws -> [String] {
      let glossary = try #require(report(records).content.sections.first { $0.id == "glossary" })
      guard case .facts(let facts) = glossary.blocks[0] else { return [] }
      return facts.map(\.term)
    }
    let plain = try terms(records([result(50)]))
    for term in ["Gradient", "Update", "Batch", "PSNR", "Threat model", "Defence", "In full"] {
      #expect(plain.contains(term), "\(term)")
    }
    #expect(!plain.contains("ROUGE") && !plain.contains("ε"))
    #expect(Glossary.terms.allSatisfy { !$0.meaning.hasSuffix(".") })
    let all = report(try records([result(50)])).content
    #expect(all.sections.map(\.id).suffix(2) == ["glossary", "repeat"])
  }

  @Test func theWarningComesBeforeAnythingPrivate() throws {
    let page = try report(try records([result(50)])).text(.html)
    let warning = try #require(page.range(of: "do not forward it"))
    let summary = try #require(page.range(of: "<section id=\"summary\""))
    #expect(warning.lowerBound < summary.lowerBound)
    // Grades are not folded.
    let grades = try #require(page.range(of: "<section id=\"grades\""))
    #expect(page[grades.upperBound...].contains("<dt>A</dt>"))
    #expect(!page.contains("<details><summary>What the grades mean"))
  }

  @Test func noFolderIsTold() throws {
    let home = "/home/alice/ward 7"
    var record = sampleRecord(images: [result(50, name: "\(home)/patient.png")])
    record.model.name = "\(home)/model.onnx"
    record.model.weights = .file("/home/alice/weights.pt")
    record.update.loss = "of '\(home)/loss.py'"
    let report = Report(
      ReportInput(records: [record], folder: nil, path: "/home/alice/out/run.json"),
      remarks: ["The attack dlg on x: /home/alice/x.png: the file is empty."],
      makeCommands: { _ in
        [
          ReproductionCommand(
            arguments: ["reconstruct", "\(home)/patient.png", "--model=/home/alice/m.onnx"],
            note: "See /home/alice/notes.")
        ]
      })
    for format in [Report.Format.html, .markdown] {
      let text = try report.text(format)
      #expect(!text.contains("/home") && !text.contains("alice"), "\(format)")
      #expect(text.contains("patient.png"))
      #expect(text.contains("Folders are left out of these commands"))
    }
    let pdf = readPDF(report.content.pdf(PDFSettings(fontFolders: [], isCompressed: false)).bytes)
    #expect(!pdf.text.contains("alice") && pdf.text.contains("model.onnx"))
    #expect(!pdf.raw.contains("/home"))
    #expect(try report.text(.json).contains("/home/alice"))
  }

  @Test(arguments: [
    ("/a/b.c", "b.c"), ("in /a/b.c.", "in b.c."), ("'/a b/c d.e' f", "'c d.e' f"),
    ("x=/a/b,/c/d", "x=b,d"), ("file:///a/b c", "b c"), ("a/b and/or 1/2", "a/b and/or 1/2"),
    ("https://a.b/c", "https://a.b/c"), ("../a/b", "../a/b"), ("a / b", "a / b"), ("/", "/"),
    ("(/tmp)", "(tmp)"), ("<a></a>", "<a></a>"), ("</a/b>", "<b>"), ("// a", "// a"),
    ("\"/a/b", "\"b"), ("//a//b//", "b"), ("JᵀJ/n", "JᵀJ/n"), ("", ""),
  ])
  func pathsBecomeNames(_ text: String, _ expected: String) {
    #expect(text.withoutFolders == expected)
  }

  @Test func textsAreSummedUpAsTexts() throws {
    var record = sampleRecord(images: [])
    var example = ExampleResult(
      name: "text-1", original: "see /etc/passwd", recovered: "see /etc/passwd", level: .full,
      score: 1)
    example.fingerprint = "t"
    record.kind = .texts
    record.examples = [example]
    let text = try summary([record])
    #expect(text.contains("1 of 1 private text came back in full, word for word."))
    #expect(text.contains("tried to compute the private texts back"))
    // What is private is shown as it is.
    #expect(try report([record]).text(.html).contains("<td class=\"text\">see /etc/passwd</td>"))
  }

  @Test func hugeTextsAreCut() throws {
    let name = String(repeating: "ü", count: 1_000_000)
    var record = sampleRecord(images: [result(50, name: name)])
    record.model.name = name
    record.update.fingerprint = name
    let page = try report([record]).text(.html)
    #expect(page.utf8.count < 200_000)
    #expect(page.contains("… (996000 more characters)"))
  }

  @Test func sweepsAloneHaveASummary() throws {
    let sweep = try #require(
      SweepReport(records: [sampleRecord(images: [result(1)], defence: DefenceChain("fp16"))]))
    var input = ReportInput()
    input.sweeps = [sweep]
    let page = try Report(input).text(.html)
    #expect(
      page.contains("No grade is given") && page.contains("Nothing here shows that data are safe."))
  }
}
