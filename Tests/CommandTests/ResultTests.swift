import Audit
import Clients
import Foundation
import ModelIO
import TestSupport
import Testing

/// What successful runs leave in the output folder and on standard output.
struct ResultTests {
  let folder = TestFolder()

  /// A search that is over in a moment.
  private let fastSearch = [
    "--attack", "dlg",
    "--size", "8", "--classes", "5", "--iterations", "25", "--trials", "2", "--snapshots", "4",
  ]

  private func run(_ arguments: String, _ rest: [String] = []) throws -> ToolRun {
    let run = try BuiltTool.run(
      arguments.split(separator: " ").map(String.init) + rest, in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
    return run
  }

  private func records(in out: String) throws -> [RunRecord] {
    try JSONDecoder().decode([RunRecord].self, from: Data(bytes(of: folder(out + "/run.json"))))
  }

  @Test func everyFileIsThereAndReadable() throws {
    folder.picture("photo-57x37.png")
    let run = try run("reconstruct photo.png --out new/out --seed 4 --labels 3", fastSearch)
    #expect(
      listing(of: folder("new/out")).keys.sorted() == [
        "contact-sheet.png", "photo-original.png", "photo-reconstruction.npy",
        "photo-reconstruction.png",
        "photo-snapshots.png", "run.json", "timing.json", "trace.csv",
      ])
    for name in ["photo-original.png", "photo-reconstruction.png"] {
      let image = try Image(contentsOf: folder("new/out/" + name))
      #expect(image.width == 8 && image.height == 8)
    }
    for name in ["contact-sheet.png", "photo-snapshots.png"] {
      let image = try Image(contentsOf: folder("new/out/" + name))
      #expect(image.width > 200 && image.height > 100)
    }

    let record = try #require(try records(in: "new/out").first)
    #expect(record.images[0].numbers == "photo-reconstruction.npy")
    let numbers = try NPYFile.read(folder("new/out/photo-reconstruction.npy")).tensor
    #expect(numbers.shape == [3, 8, 8])
    #expect(record.version == RunRecord.currentVersion)
    #expect(record.configuration.seed == 4 && record.configuration.iterations == 25)
    #expect(record.trials.map(\.reason) == [.iterationLimit, .iterationLimit])
    #expect(record.model.name == "lenet" && record.model.inputShape == [3, 8, 8])
    #expect(record.images.map(\.name) == ["photo"])
    #expect(record.images[0].trueLabel == 3)
    #expect(
      record.images[0].preparation == "cropped to its centre, resized from 57x37 to 8x8")
    #expect(run.output.contains("cropped to its centre, resized from 57x37 to 8x8"))
    #expect(run.output.contains("Wrote new/out/contact-sheet.png"))
    // Nobody's terminal is wider than it says.
    #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 80 })

    let timing = try JSONDecoder().decode(
      [RunTiming].self, from: Data(bytes(of: folder("new/out/timing.json"))))
    #expect(timing.count == 1 && timing[0].evaluationsPerSecond > 0)
    try checkTrace(record)
  }

  private func checkTrace(_ record: RunRecord) throws {
    let text = String(decoding: bytes(of: folder("new/out/trace.csv")), as: UTF8.self)
    #expect(text.hasSuffix("\n"))
    let lines = text.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
    #expect(
      lines[0] == [
        "run", "images", "seed", "trial", "iteration", "evaluations", "matching_loss", "psnr_db",
      ])
    #expect(lines.count == 1 + record.trace.count)
    for (line, point) in zip(lines.dropFirst(), record.trace) {
      try #require(line.count == 8)
      #expect(line[0...3] == ["0", "photo", "4", String(point.trial)])
      #expect(line[4...5] == [String(point.iteration), String(point.evaluations)])
      #expect(Double(line[6]) == point.matchingLoss.value)
      #expect(Double(line[7]) == point.psnr?.value)
    }
  }

  /// Same seed, same bytes, whatever the number of threads; all but the measured times.
  @Test func sameSeedSameBytes() throws {
    folder.picture("rgb.jpg", as: "photo.jpg")
    for (out, rest) in [("a", []), ("b", ["--threads", "1"]), ("c", ["--seed", "1"])] {
      _ = try run("reconstruct photo.jpg --out \(out)", fastSearch + rest)
    }
    var runs = ["a", "b", "c"].map { listing(of: folder($0)) }
    for index in runs.indices {
      let timing = runs[index].removeValue(forKey: "timing.json")
      #expect(timing != nil)
    }
    #expect(runs[0].count == 7)
    #expect(runs[0] == runs[1])
    for name in ["run.json", "trace.csv", "photo-reconstruction.png"] {
      #expect(runs[0][name] != runs[2][name])
    }
  }

  @Test func closedFormOnARealPicture() throws {
    folder.picture("photo-57x37.png")
    let run = try run("reconstruct photo.png --attack peeling --size 8 --out out")
    #expect(run.output.hasPrefix("Photo came back exactly: "))
    #expect(run.output.contains("Recovered 1 of 1"))
    #expect(run.errors.isEmpty)
    #expect(
      bytes(of: folder("out/photo-original.png"))
        == bytes(of: folder("out/photo-reconstruction.png")))
    // Nothing was searched, so there is no strip of snapshots.
    #expect(!listing(of: folder("out")).keys.contains("photo-snapshots.png"))
    #expect(try records(in: "out")[0].images[0].isRecovered == true)
  }

  @Test func jsonIsAllThereIsOnStandardOutput() throws {
    folder.picture("rgb.png")
    let run = try run("reconstruct photo.png --json --out out", fastSearch)
    let printed = try JSONDecoder().decode([RunRecord].self, from: Data(run.output.utf8))
    #expect(printed == (try records(in: "out")))
    #expect(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) is [Any])
  }

  @Test func picturesOfOneNameInBatches() throws {
    folder.picture("rgb.png")
    let run = try run(
      "reconstruct photo.png ./photo.png photo.png --batch-size 2 --labels 1,2,3 --quiet --out out",
      fastSearch)
    #expect(run.errors.isEmpty)
    let records = try records(in: "out")
    #expect(records.map(\.update.batchSize) == [2, 1])
    #expect(records.map { $0.images.map(\.name) } == [["photo", "photo-2"], ["photo-3"]])
    #expect(records.flatMap { $0.images.map(\.trueLabel) } == [1, 2, 3])
    for name in ["photo", "photo-2", "photo-3"] {
      #expect(FileManager.default.fileExists(atPath: folder("out/\(name)-reconstruction.png")))
    }
  }

  /// File names come from outside too.
  @Test(arguments: [
    "a\u{1B}[31m b.png", String(repeating: "é", count: 120) + ".png", ".png", "x,\"y\"\n.jpg",
  ])
  func namesOfAnyKind(_ name: String) throws {
    folder.picture("rgb.png", as: name)
    let run = try BuiltTool.run(
      ["reconstruct", name, "--attack", "peeling", "--size", "8", "--out", "out"],
      in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
    #expect(!run.output.contains("\u{1B}"))
    let names = listing(of: folder("out")).keys
    #expect(names.count == 7)
    #expect(names.allSatisfy { name in !name.contains { "\u{1B}[ ,\"\n/".contains($0) } })
  }

  @Test func demoTakesItsSevenPhotographs() throws {
    _ = try run("demo --attack peeling --model lenet --size 8 --seeds 2 --out out")
    let records = try records(in: "out")
    #expect(records.count == 14)
    #expect(records.map(\.configuration.seed) == [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1])
    #expect(records.prefix(7).map { $0.images[0].name } == BundledImages.names)
    #expect(Set(records.map(\.model.fingerprint)).count == 2)
    let names = listing(of: folder("out")).keys
    #expect(names.contains("chelsea-seed0-original.png"))
    #expect(names.contains("chelsea-seed1-original.png"))
    #expect(names.count == 3 * 14 + 4)
  }

  /// One line, at the end, where a search brought less than everything back.
  @Test func weakSmoothnessIsSaidOfASearch() throws {
    folder.picture("rgb.png")
    let search = try run("reconstruct photo.png --activation relu", fastSearch)
    #expect(search.errors == "note: Searches suffer from 3 piecewise-linear activations.\n")
    let quiet = try run("reconstruct photo.png --activation relu --quiet", fastSearch)
    #expect(quiet.errors.isEmpty)
    let closed = try run("reconstruct photo.png --model mlp --size 8 --attack linear")
    #expect(closed.errors.isEmpty)
  }

  @Test func modelsAreListed() throws {
    let table = try run("models").output
    #expect(table.split(separator: "\n").allSatisfy { $0.count <= 80 })
    let json = try run("models --json").output
    let entries = try #require(
      try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]])
    #expect(entries.compactMap { $0["name"] as? String } == ModelCatalog.all.map(\.name))
    for entry in entries {
      let name = try #require(entry["name"] as? String)
      let model = try ModelCatalog.model(named: name)
      #expect(entry["parameters"] as? Int == model.parameterCount)
      #expect(entry["inputShape"] as? [Int] == model.inputShape.dimensions)
      #expect(entry["classes"] as? Int == model.classCount)
      #expect(table.contains("\n\(name) "))
    }
  }
}
