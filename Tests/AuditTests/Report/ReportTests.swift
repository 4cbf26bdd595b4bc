import Defences
import Foundation
import ModelIO
import TestSupport
import Testing

@testable import Audit

/// A name that is markup, a path, and an attack on the terminal.
private let hostile = "<script>alert(1)</script>\"' onerror=\u{1B}[2J\u{202E}../../&amp;|`x`"

private func report(_ records: [RunRecord]) -> Report {
  Report(
    ReportInput(records: records, folder: nil, path: "run.json"),
    makeCommands: { experiments in
      experiments.map {
        ReproductionCommand(
          arguments: ["reconstruct", $0.defences.description, String($0.attack.seed)], note: nil)
      }
    })
}

private func search(_ psnr: Double = 50, name: String = "image") -> RunRecord {
  sampleRecord(
    images: [result(psnr, name: name)],
    trace: (1...20).map {
      TracePoint(
        trial: 0, iteration: $0 * 10, evaluations: $0 * 11, matchingLoss: 1 / Double($0 * $0),
        psnr: Double($0))
    })
}

/// Contents of each occurrence of an element, markup included.
private func elements(_ name: String, in page: String) -> [Substring] {
  page.split(separator: "<" + name).dropFirst().map { $0.prefix(while: { $0 != ">" }) }
}

@Suite struct ReportTests {
  @Test func saysTheVerdictFirst() throws {
    let page = try report([search(50), search(50)]).text(.html)
    #expect(page.hasPrefix("<!DOCTYPE html>"))
    #expect(page.contains("<h1>1 of 1 private image came back in full</h1>"))
    let verdict = try #require(page.range(of: "Grade F"))
    for section in ["course", "assumptions", "numbers", "repeat"] {
      let place = try #require(page.range(of: "<section id=\"\(section)\""), "\(section)")
      #expect(verdict.lowerBound < place.lowerBound)
    }
    #expect(page.contains("honest-but-curious server"))
    #expect(page.contains("fnv1a64:0123456789abcde0"))
  }

  @Test func loadsNothing() throws {
    let page = try report([search()]).text(.html)
    for word in [
      "http:", "https:", "//", "url(", "@import", "<script", "<link rel=\"style", "src=\"/",
    ]
    where word != "//" || page.replacing("data:image/png;base64,", with: "").contains("src=\"//") {
      #expect(!page.contains(word), "\(word)")
    }
    #expect(page.contains("default-src 'none'"))
  }

  @Test func isTheSameToTheByte() throws {
    let records = [search(50), search(12, name: "other")]
    for format in Report.Format.allCases {
      #expect(try report(records).file(format).bytes == report(records).file(format).bytes)
    }
  }

  @Test func textFromFilesIsEscaped() throws {
    var record = search(50, name: hostile)
    record.model.name = hostile
    record.model.weights = .other(hostile)
    record.model.fingerprint = hostile
    record.model.activation = hostile
    record.update.fingerprint = hostile
    record.update.loss = hostile
    record.tool = hostile
    record.images[0].preparation = hostile
    let page = try report([record]).text(.html)
    #expect(!page.contains("<script>") && !page.contains("onerror=\u{1B}"))
    #expect(!page.unicodeScalars.contains { "\u{1B}\u{202E}".unicodeScalars.contains($0) })
    #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39; onerror="))
    // No quotation mark from outside ends an attribute.
    #expect(elements("img", in: page).allSatisfy { !$0.contains("onerror= ") })
    let markdown = try report([record]).text(.markdown)
    #expect(!markdown.contains("\u{1B}"))
    #expect(markdown.contains("\\<script\\>"))
    let csv = try report([record]).text(.csv)
    #expect(csv.split(separator: "\n").count == 2)
  }

  @Test func picturesAreEmbedded() throws {
    let folder = TestFolder()
    let picture = Image(width: 8, height: 8, red: 200, green: 10, blue: 10)
    try picture.writePNG(to: folder("image-original.png"))
    try picture.writePNG(to: folder("image-reconstruction.png"))
    folder.file("other-original.png", [1, 2, 3])
    folder.file("other-reconstruction.png", Array("not a picture".utf8))
    let records = [
      sampleRecord(images: [result(50)]), sampleRecord(images: [result(50, name: "other")]),
      sampleRecord(images: [result(50, name: "../" + "image")], update: "c"),
    ]
    let input = ReportInput(records: records, folder: folder.path, path: folder("run.json"))
    let page = try Report(input).text(.html)
    let images = elements("img", in: page)
    #expect(images.count == 3)
    #expect(images.allSatisfy { $0.contains("src=\"data:image/png;base64,") })
    #expect(images.allSatisfy { $0.contains("alt=\"image: ") })
    #expect(page.contains("2 more are in the"))
  }

  /// Their images have the undefended ones' names, whose pictures are not theirs.
  @Test func defendedUpdatesHaveNoPictures() throws {
    let folder = TestFolder()
    let picture = Image(width: 8, height: 8, red: 200, green: 10, blue: 10)
    try picture.writePNG(to: folder("image-original.png"))
    try picture.writePNG(to: folder("image-reconstruction.png"))
    let defended = sampleRecord(images: [result(7)], defence: try DefenceChain("prune:0.9"))
    for (name, record) in [
      ("run.json", sampleRecord(images: [result(50)])), ("defences.json", defended),
    ] {
      folder.file(name, Array(try ResultWriter.json([record]).utf8))
    }
    var input = ReportInput()
    try input.add(path: folder.path)
    let images = elements("img", in: try Report(input).text(.html))
    #expect(images.count == 3, "original, recovered and difference of the one that has pictures")
  }

  @Test func numbersHaveTheirBaselines() throws {
    let record = sampleRecord(images: [result(12.34, label: 4, name: "a,b")])
    let csv = try report([record]).text(.csv).split(separator: "\n")
    #expect(
      csv[1].hasPrefix("\"a,b\",lenet,auto,0,none,1,0.1,12.34,,3,4,7.0,10.0,nothing,"))
    let markdown = try report([record]).text(.markdown)
    #expect(markdown.contains("| a,b | auto | 0 | none | 12.3 | 7.0 | 10.0 | – | 3, guessed 4 |"))
    let json = try report([record]).text(.json)
    let value = try #require(
      JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    #expect(value["grade"] as? String == "B")
    #expect((value["records"] as? [Any])?.count == 1)
    #expect((value["verdict"] as? [String])?[0].hasPrefix("No image can be recognised") == true)
  }

  /// Rates are counted from a PSNR that each sweep chooses.
  @Test func sweepsNameTheirOwnLevel() throws {
    let folder = TestFolder()
    let records = [
      sampleRecord(images: [result(50)]),
      sampleRecord(images: [result(25)], defence: try DefenceChain("fp16")),
    ]
    for (name, level) in [("20.json", 20.0), ("30.json", 30)] {
      let sweep = SweepReport(
        records.map { (record: $0, seconds: nil) }, leakedPSNR: level)
      folder.file(name, Array(try ResultWriter.json(sweep).utf8))
    }
    var input = ReportInput()
    try input.add(path: folder("30.json"))
    #expect(try Report(input).text(.html).contains("recognised: 30 dB or more"))
    try input.add(path: folder("20.json"))
    #expect(
      try Report(input).text(.html).contains("recognised: 30 dB, in another sweep 20 dB or more"))
  }

  @Test func defencesAreDrawnWithTheirThreshold() throws {
    var records = [sampleRecord(images: [result(50)])]
    for (strength, psnr) in [("1e-4", 45.0), ("1e-2", 12.0), ("1", 11.0)] {
      for seed in 0..<20 {
        records.append(
          sampleRecord(
            images: [result(psnr)], seed: UInt64(seed),
            defence: try DefenceChain("gaussian:\(strength)")))
      }
    }
    let report = report(records)
    #expect(report.defenceStatements.contains { $0.contains("leakage stops at gaussian:0.01") })
    let page = try report.text(.html)
    #expect(page.contains("<h3>gaussian</h3>"))
    #expect(page.contains("class=\"threshold\"") && page.contains("variance of the noise"))
    #expect(elements("svg", in: page).count == 2)
    #expect(elements("svg", in: page).allSatisfy { $0.contains("role=\"img\" aria-label=\"") })
    // One command for each strength and seed, each on a line of its own.
    let commands = try #require(page.firstRange(of: "<pre tabindex=\"0\"><code>"))
    let lines = page[commands.upperBound...].prefix(while: { $0 != "<" }).split(separator: "\n")
    #expect(lines.count == 40 && lines.allSatisfy { $0.hasPrefix("gradleak reconstruct ") })
    // The grade is of the undefended update.
    #expect(report.verdict.grade == .F)
  }

  @Test func undefinedNumbersAreNotDrawn() throws {
    var record = search()
    record.trace[3].matchingLoss = JSONNumber(.nan)
    record.trace[4].matchingLoss = JSONNumber(.infinity)
    record.trace[5].matchingLoss = JSONNumber(0)
    record.trace[6].psnr = JSONNumber(.infinity)
    record.images = [result(.infinity), result(.nan)]
    let page = try report([record]).text(.html)
    for line in elements("polyline", in: page) + elements("line", in: page) {
      #expect(!line.contains("nan") && !line.contains("inf"))
    }
  }
}

@Suite struct ReportInputTests {
  let folder = TestFolder()

  private func refusal(_ name: String) -> String {
    var input = ReportInput()
    do {
      try input.add(path: folder(name))
      return "accepted"
    } catch {
      return error.description
    }
  }

  @Test func readsWhatGradleakWrites() throws {
    let records = [search(), search(12, name: "b")]
    folder.file("run.json", Array(try ResultWriter.json(records).utf8))
    var input = ReportInput()
    try input.add(path: folder.path)
    try input.add(path: folder("run.json"))
    #expect(input.records == records + records)
    let sweep = try #require(
      SweepReport(records: [sampleRecord(images: [result(1)], defence: DefenceChain("fp16"))]))
    folder.file("sweep.json", Array(try ResultWriter.json(sweep).utf8))
    var other = ReportInput()
    try other.add(path: folder("sweep.json"))
    #expect(try Report(other).text(.html).contains("fp16"))
  }

  @Test func otherFilesAreRefused() throws {
    let json = try ResultWriter.json([search()])
    folder.file("empty", [])
    folder.file("cut", Array(json.utf8.dropLast(200)))
    folder.file("newer", Array("[{\"version\": 99}]".utf8))
    folder.file("object", Array("{\"a\": 1}".utf8))
    folder.file("text", Array("no records".utf8))
    folder.file("sqlite", Array("SQLite format 3\0".utf8) + [1, 2, 3])
    folder.file("deep", Array(String(repeating: "[", count: 100_000).utf8))
    folder.file("deeper", Array(String(repeating: "{\"a\":", count: 100_000).utf8))
    var impossible = search()
    impossible.model.inputShape = [-1, 2, 3]
    folder.file("impossible", Array(try ResultWriter.json([impossible]).utf8))
    for (name, words) in [
      ("empty", "the file is empty"), ("cut", "these are no records"),
      ("newer", "a newer gradleak"),
      ("object", "no record of gradleak"), ("text", "these are no records"),
      ("sqlite", "damaged"), ("deep", "these are no records"), ("deeper", "no record of gradleak"),
      ("impossible", "a size or count that no run has"), ("missing", "there is no such file"),
    ] {
      let message = refusal(name)
      #expect(message.contains(words), "\(name): \(message)")
      #expect(!message.contains("\n"))
    }
    #expect(refusal(".").contains("there is no run.json"))
  }

  @Test func impossibleSweepsAreRefused() throws {
    let sweep = try #require(
      SweepReport(records: [sampleRecord(images: [result(1)], defence: DefenceChain("fp16"))]))
    let json = try ResultWriter.json(sweep)
    for (from, to) in [("\"leaked\" : 0", "\"leaked\" : 7"), ("\"runs\" : 1", "\"runs\" : -1")] {
      #expect(json.contains(from))
      folder.file("sweep.json", Array(json.replacing(from, with: to).utf8))
      #expect(refusal("sweep.json").contains("no record of gradleak"))
    }
  }
}

@Suite struct ChartScaleTests {
  @Test func ticksAreRoundAndCoverTheValues() {
    let linear = ChartScale(.linear, values: [3, 97])
    #expect(linear.low <= 3 && linear.high >= 97)
    #expect(linear.ticks.map(\.label) == ["0", "50", "100"])
    let small = ChartScale(.linear, values: [0.1, 0.7])
    #expect(small.ticks.map(\.label) == ["0", "0.2", "0.4", "0.6", "0.8"])
    let powers = ChartScale(.logarithmic, values: [2e-9, 3])
    #expect(powers.low == 1e-9 && powers.high == 10)
    #expect(powers.ticks.first?.label == "10⁻⁹")
    #expect(powers.position(0) == nil && powers.position(-1) == nil)
    #expect(linear.position(.nan) == nil && linear.position(.infinity) == nil)
  }

  @Test(arguments: [ChartScale.Kind.linear, .logarithmic])
  func anyValuesMakeAScale(_ kind: ChartScale.Kind) {
    for values in [[], [0], [5], [.nan, .infinity], [1e-300, 1e300], [-1e300, 1e300], [7, 7]] {
      let scale = ChartScale(kind, values: values)
      #expect(scale.low < scale.high, "\(values)")
      #expect((1...40).contains(scale.ticks.count), "\(values): \(scale.ticks.count)")
    }
  }
}
