import Defences
import Foundation
import ModelIO
import TestSupport
import Testing

@testable import Audit

private func report(_ records: [RunRecord], folder: String? = nil) -> Report {
  Report(
    ReportInput(records: records, folder: folder, path: "run.json"), title: "Ward 7",
    date: ReportDate("2026-11-28"),
    makeCommands: { experiments in
      experiments.map {
        ReproductionCommand(arguments: ["reconstruct", $0.defences.description], note: nil)
      }
    })
}

private func pdf(_ report: Report) -> ReadPDF {
  readPDF(report.content.pdf(unpacked(report)).bytes)
}

private func unpacked(_ report: Report) -> PDFSettings {
  PDFSettings(date: report.date, fontFolders: [], isCompressed: false)
}

/// Records with everything that a report shows but pictures.
private func audit() throws -> [RunRecord] {
  var records = [
    sampleRecord(
      images: [result(50)],
      trace: (1...20).map {
        TracePoint(
          trial: 0, iteration: $0 * 10, evaluations: $0 * 11, matchingLoss: 1 / Double($0 * $0),
          psnr: Double($0))
      })
  ]
  for (strength, psnr) in [("1e-4", 45.0), ("1", 11.0)] {
    for seed in 0..<20 {
      records.append(
        sampleRecord(
          images: [result(psnr)], seed: UInt64(seed),
          defence: try DefenceChain("gaussian:\(strength)")))
    }
  }
  return records
}

@Suite struct PDFReportTests {
  @Test func saysWhatThePageSays() throws {
    let report = report(try audit())
    let file = pdf(report)
    #expect(file.raw.hasPrefix("%PDF-1.7\n") && file.raw.hasSuffix("%%EOF\n"))
    #expect(file.pages.count >= 4)
    #expect(file.raw.components(separatedBy: "/Type /Page ").count == file.pages.count + 1)
    #expect(file.raw.contains("/Count \(file.pages.count) "))
    #expect(
      file.pages[0].hasPrefix("Ward 7 28 November 2026 1 of 1 private image came back in full"))
    let text = file.text
    for section in report.content.sections { #expect(text.contains(section.title)) }
    for words in [
      "Private.", "What was tested", "Grade F: Images come back in full", "95 % interval",
      "honest-but-curious server", "matching loss (squared gradient distance)",
      "runs that leaked (%), 95 % intervals", "stopped below", "peak signal-to-noise ratio",
      "gradleak reconstruct gaussian:1", "fnv1a64:0123456789abcde0",
    ] {
      #expect(text.contains(words), "\(words)")
    }
    for (index, page) in file.pages.enumerated() {
      #expect(page.contains("Page \(index + 1) of \(file.pages.count)"))
    }
  }

  @Test func hasMetadataBookmarksAndLinks() throws {
    let file = pdf(report(try audit()))
    let title = "Ward 7".utf16.map { String(format: "%04X", $0) }.joined()
    #expect(file.raw.contains("/Title <FEFF\(title)>"))
    #expect(file.raw.contains("/CreationDate (D:20261128000000Z)"))
    #expect(file.raw.contains("/Outlines ") && file.raw.contains("/Subtype /Link"))
    let undated = Report(ReportInput(records: try audit(), folder: nil, path: "run.json"))
    #expect(!pdf(undated).raw.contains("/CreationDate"))
  }

  @Test func theTableOfReferencesIsRight() throws {
    let bytes = try report(try audit()).file(.pdf).bytes
    let raw = String(bytes.map { Character(Unicode.Scalar($0)) })
    let start = try #require(
      raw.components(separatedBy: "startxref\n").last?.split(separator: "\n").first.flatMap {
        Int($0)
      })
    let table = String(decoding: bytes[start...], as: UTF8.self).split(separator: "\n")
    #expect(table[0] == "xref")
    let count = try #require(table[1].split(separator: " ").last.flatMap { Int($0) })
    for number in 1..<count {
      let offset = try #require(Int(table[2 + number].prefix(10)))
      #expect(bytes[offset...].starts(with: Array("\(number) 0 obj\n".utf8)))
    }
  }

  @Test func isTheSameToTheByte() throws {
    let records = try audit()
    #expect(try report(records).file(.pdf).bytes == report(records).file(.pdf).bytes)
  }

  @Test func picturesAreInIt() throws {
    let folder = TestFolder()
    try Image(width: 8, height: 6, red: 200, green: 10, blue: 10)
      .writePNG(to: folder("image-original.png"))
    try Image(width: 8, height: 6, red: 190, green: 10, blue: 10)
      .writePNG(to: folder("image-reconstruction.png"))
    let file = pdf(report([sampleRecord(images: [result(50)])], folder: folder.path))
    #expect(file.raw.components(separatedBy: "/Subtype /Image /Width 8 /Height 6").count == 4)
    #expect(file.text.contains("original") && file.text.contains("difference"))
  }

  @Test func headsAreRepeatedAndHeadingsStandWithWhatFollows() throws {
    var images: [ImageResult] = []
    for index in 0..<200 { images.append(result(50, name: "picture\(index)")) }
    let content = report([sampleRecord(images: images)]).content
    let file = readPDF(content.pdf(PDFSettings(fontFolders: [], isCompressed: false)).bytes)
    let pages = file.pages.filter { $0.contains("picture17") || $0.contains("picture99") }
    #expect(pages.count >= 2)
    for page in file.pages where page.contains("picture1") {
      #expect(page.contains("image attack seed defence PSNR random grey SSIM label came back"))
    }
    let headings = content.sections.map(\.title)
    for page in file.pages {
      let body = page.components(separatedBy: "Private. Ward 7")[0]
      for heading in headings { #expect(!body.hasSuffix(heading + " "), "\(heading)") }
    }
  }

  @Test func charactersThatNoFontHasAreMarkedAndSaid() throws {
    var record = sampleRecord(images: [result(50, name: "Müller – 中文 1e−4")])
    record.model.name = "Żółć"
    let written = report([record]).content.pdf(PDFSettings(fontFolders: [], isCompressed: false))
    let file = readPDF(written.bytes)
    #expect(file.text.contains("Müller – oo 1e-4"))
    #expect(file.raw.contains("/BaseFont /ZapfDingbats") && file.raw.contains("/BaseFont /Symbol"))
    #expect(written.notes.count == 1)
    #expect(written.notes[0].contains("中 (U+4E2D)") && written.notes[0].contains("such as"))
    #expect(try report([sampleRecord(images: [result(50)])]).file(.pdf).notes.isEmpty)
  }

  @Test func hostileRecordsMakeAFile() throws {
    let long = String(repeating: "x", count: 300_000)
    let hostile = ")\u{1B}[2J\u{202E}\\(\0) Tj ET endstream /Type /Page "
    var record = sampleRecord(images: [result(.infinity, name: long), result(.nan, name: hostile)])
    record.model.name = hostile + long
    record.model.fingerprint = long
    record.update.loss = hostile
    record.trace = [
      TracePoint(trial: 0, iteration: 1, evaluations: 1, matchingLoss: .nan, psnr: .infinity),
      TracePoint(trial: 0, iteration: 1 << 40, evaluations: 1, matchingLoss: .infinity, psnr: .nan),
      TracePoint(trial: 0, iteration: 3, evaluations: 1, matchingLoss: -1, psnr: 1e300),
    ]
    let file = pdf(report([record]))
    #expect(file.text.contains("\\u{1b}") && !file.text.contains("\u{1B}"))
    for line in file.raw.split(separator: "\n") where line.hasSuffix(" S") || line.hasSuffix(" f") {
      #expect(!line.contains("nan") && !line.contains("inf"), "\(line)")
    }
    #expect(file.raw.utf8.count < 20 << 20)
  }

  @Test func manyRowsAreBounded() throws {
    let images = Array(repeating: result(50), count: 100_000)
    let report = report([sampleRecord(images: images)])
    let written = report.content.pdf(unpacked(report))
    let file = readPDF(written.bytes)
    #expect(file.pages.count < 60)
    #expect(file.text.contains("99000 more rows are in the report as CSV."))
  }

  @Test func picturesAreMeasuredBeforeTheyAreRead() throws {
    let folder = TestFolder()
    let picture = Image(width: 4, height: 4, red: 1, green: 2, blue: 3)
    try picture.writePNG(to: folder("image-original.png"))
    // A header that asks for 16 gigapixels, and a file that ends early.
    var huge = bytes(of: folder("image-original.png"))
    huge.replaceSubrange(16..<24, with: [0, 1, 0xFF, 0xFF, 0, 1, 0xFF, 0xFF])
    folder.file("image-reconstruction.png", huge)
    folder.file("image-snapshots.png", Array(bytes(of: folder("image-original.png")).prefix(50)))
    let records = [sampleRecord(images: [result(50)])]
    #expect(
      report(records, folder: folder.path).content.sections.allSatisfy { $0.id != "pictures" })
  }
}
