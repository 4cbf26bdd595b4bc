import Attacks
import Clients
import Defences
import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Audit

/// A record with every field filled, and the numbers that JSON lacks.
private func record() -> RunRecord {
  var configuration = AttackConfiguration(attack: .idlg, precision: .f32, seed: .max, trials: 2)
  configuration.timeLimit = 1.5
  return RunRecord(
    tool: "0.0.0", configuration: configuration,
    model: ModelSummary(
      name: "lenet", activation: "sigmoid", inputShape: [3, 8, 8], classCount: 5,
      parameterCount: 12, weights: .drawn(seed: 0),
      fingerprint: "fnv1a64:0123456789abcdef"),
    update: UpdateSummary(
      kind: "gradient", loss: "mean cross entropy", batchSize: 2, localSteps: 1, norm: 0.1,
      fingerprint: "fnv1a64:0"),
    threatModel: ThreatModel(
      attacker: .maliciousServer, known: [.weights, .labels], category: .activeManipulator),
    trials: [
      TrialRecord(reason: .diverged, iterations: 3, evaluations: 4, matchingLoss: .nan),
      TrialRecord(
        reason: .solved, iterations: 5, evaluations: 6, matchingLoss: .leastNonzeroMagnitude),
    ],
    bestTrial: 1, matchingLoss: -.infinity,
    images: [
      ImageResult(
        name: "a \"b\"\n\u{1F600}", preparation: nil, meanSquaredError: 0, psnr: .infinity,
        ssim: nil, trueLabel: 3, recoveredLabel: 3, randomGuessPSNR: 7.1, greyImagePSNR: 0.1 + 0.2),
      ImageResult(
        name: "c", preparation: "turned to grey", meanSquaredError: 0.25, psnr: 39.99, ssim: 1,
        trueLabel: 3, recoveredLabel: 3, randomGuessPSNR: 7.1, greyImagePSNR: 9),
    ],
    trace: [
      TracePoint(trial: 0, iteration: 1, evaluations: 2, matchingLoss: .infinity, psnr: nil),
      TracePoint(trial: 1, iteration: 1, evaluations: 2, matchingLoss: 1, psnr: .nan),
    ])
}

private func readError(_ text: String) -> String? {
  do {
    _ = try RunRecord.read(bytes: Array(text.utf8), path: "run.json")
    return nil
  } catch {
    return error.description
  }
}

@Suite struct RunRecordTests {
  /// Records hold in words how a model came by its weights, and give it back as it was.
  @Test func weightsAreSaidInWords() throws {
    let sources: [(WeightSource, String)] = [
      (.drawn(seed: .max), "untrained, initialised with seed 18446744073709551615"),
      (.file("my, file 3.onnx"), "of my, file 3.onnx"), (.file("a 3"), "of a 3"),
      (.languageModel("tiny-bert", headSeed: nil), "from tiny-bert"),
      (.languageModel("m 2", headSeed: 7), "from m 2, head initialised with seed 7"),
      (.other("initialised with seed 0"), "initialised with seed 0"),
      (.other(""), ""),
    ]
    for (source, words) in sources {
      let json = try JSONEncoder().encode([source])
      #expect(try JSONDecoder().decode([String].self, from: json) == [words])
      #expect(try JSONDecoder().decode([WeightSource].self, from: json) == [source])
    }
  }

  @Test func survivesJSON() throws {
    let records = [record()]
    let text = try ResultWriter.json(records)
    #expect(try RunRecord.read(bytes: Array(text.utf8), path: "run.json") == records)
    // Equal records have equal text, and the other way round.
    #expect(try ResultWriter.json(RunRecord.read(bytes: Array(text.utf8), path: "")) == text)
    #expect(text.contains("\"matchingLoss\" : \"-inf\""))
    #expect(text.contains("\"psnr\" : \"inf\""))
    #expect(text.hasSuffix("]\n") && !text.contains("\\/"))
  }

  @Test func isReadFromAFile() throws {
    let folder = TestFolder()
    folder.file("run.json", Array(try ResultWriter.json([record()]).utf8))
    #expect(try RunRecord.read(contentsOf: folder("run.json")) == [record()])
    #expect {
      try RunRecord.read(contentsOf: folder("none.json"))
    } throws: {
      "\($0)".hasSuffix(
        "there is no such file; check the spelling and give a run.json that gradleak wrote")
    }
  }

  @Test func aNewerVersionIsRefused() throws {
    let newer = RunRecord.currentVersion + 1
    // Whatever else is in it.
    #expect(
      readError("[{\"version\": \(newer), \"everything\": \"else\"}]")
        == "run.json: the records have version \(newer), and gradleak \(GradleakVersion.current) reads "
        + "versions up to \(newer - 1); use a newer gradleak")
  }

  @Test(arguments: [
    ("", "these are no records of gradleak"), ("{}", "these are no records"),
    ("[{}]", "\"version\" is missing"), ("[{\"version\": 0}]", "there is no version 0"),
    ("[{\"version\": 1}]", "is missing"), ("[{\"version\": \"1\"}]", "version"),
    ("[\u{1B}]", "these are no records"), (String(repeating: "[", count: 100_000), "these are no"),
  ])
  func otherFilesAreRefused(_ text: String, _ words: String) {
    let message = readError(text)
    #expect(message?.hasPrefix("run.json: ") == true)
    #expect(message?.contains(words) == true)
    #expect(message?.contains("\n") == false && message?.contains("\u{1B}") == false)
    #expect(message?.hasSuffix("; give a run.json that gradleak wrote") == true)
  }

  /// Version 1 had all measures; its files are the same but for the number.
  @Test func versionOneIsRead() throws {
    var old = record()
    old.version = 1
    let text = try ResultWriter.json([old])
    let found = try RunRecord.read(bytes: Array(text.utf8), path: "run.json")
    #expect(found == [old] && found[0].images[0].psnr != nil)
  }

  @Test func anImageNobodyKnowsHasNoMeasures() throws {
    var unknown = record()
    unknown.images = [ImageResult(name: "update", recoveredLabel: 4)]
    unknown.update.sharedTensors = 3
    let text = try ResultWriter.json([unknown])
    #expect(!text.contains("trueLabel") && !text.contains("meanSquaredError"))
    #expect(try RunRecord.read(bytes: Array(text.utf8), path: "run.json") == [unknown])
    #expect(unknown.images[0].isRecovered == nil && unknown.images[0].isLabelRight == nil)
  }

  @Test func aBestTrialThatIsNoneIsRefused() throws {
    for index in [-1, 2] {
      var broken = record()
      broken.bestTrial = index
      let message = readError(try ResultWriter.json([broken]))
      #expect(message?.contains("trial \(index) is said to be the best of 2") == true)
    }
  }

  @Test func recoveredTakesQualityAndLabel() {
    func isRecovered(_ psnr: Double, _ label: Int) -> Bool {
      ImageResult(
        name: "", preparation: nil, meanSquaredError: 0, psnr: psnr, ssim: nil, trueLabel: 3,
        recoveredLabel: label, randomGuessPSNR: 0, greyImagePSNR: 0
      ).isRecovered == true
    }
    #expect(isRecovered(40, 3) && isRecovered(.infinity, 3))
    #expect(!isRecovered(39.999, 3) && !isRecovered(60, 2) && !isRecovered(.nan, 3))
  }
}

@Suite struct JSONNumberTests {
  private func decode(_ text: String) throws -> Double {
    try JSONDecoder().decode([JSONNumber].self, from: Data("[\(text)]".utf8))[0].value
  }

  @Test(arguments: [
    0, -0.0, 0.1, .leastNonzeroMagnitude, -.greatestFiniteMagnitude, .infinity, -.infinity,
  ])
  func survivesJSON(_ value: Double) throws {
    let text = String(decoding: try JSONEncoder().encode([JSONNumber(value)]), as: UTF8.self)
    let back = try JSONDecoder().decode([JSONNumber].self, from: Data(text.utf8))[0]
    #expect(back.value.bitPattern == value.bitPattern || value == 0)
    #expect(back == JSONNumber(value))
  }

  @Test func wordsOfPython() throws {
    #expect(try decode("\"inf\"") == .infinity)
    #expect(try decode("\"-inf\"") == -.infinity)
    #expect(try decode("\"nan\"").isNaN)
    #expect(try decode("3") == 3)
    #expect(JSONNumber(.nan) == JSONNumber(.nan))
    #expect(JSONNumber(.nan) != JSONNumber(0))
  }

  @Test(arguments: ["\"Infinity\"", "\"1\"", "\"\"", "true", "null", "[1]"])
  func anythingElseIsRefused(_ text: String) {
    #expect(throws: DecodingError.self) { try decode(text) }
  }
}

@Suite struct SuccessRateTests {
  /// Table I of Newcombe 1998 (Statistics in Medicine 17, 857), method 3.
  @Test(arguments: [
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
  ])
  func agreesWithPublishedIntervals(
    _ successes: Int, _ count: Int, _ lower: Double, _ upper: Double
  ) {
    let interval = SuccessRate(successes: successes, count: count).interval
    #expect(abs(interval.lowerBound - lower) < 5e-5)
    #expect(abs(interval.upperBound - upper) < 5e-5)
    // Failures are successes of the other kind.
    let mirrored = SuccessRate(successes: count - successes, count: count).interval
    #expect(abs(mirrored.lowerBound - (1 - interval.upperBound)) < 1e-12)
  }

  @Test func staysWithinItsRange() {
    for count in 1...40 {
      for successes in 0...count {
        let rate = SuccessRate(successes: successes, count: count)
        #expect(rate.interval.lowerBound >= 0 && rate.interval.upperBound <= 1)
        #expect(rate.interval.contains(min(max(rate.rate, 1e-9), 1 - 1e-9)))
      }
    }
    #expect(SuccessRate([]).interval == 0...1)
    #expect(SuccessRate([]).description == "0 of 0")
  }

  @Test func readsWell() {
    #expect(
      SuccessRate([true] + Array(repeating: false, count: 28)).description
        == "1 of 29 (3 %, 95 % interval 1-17 %)")
  }
}

@Suite struct FingerprintTests {
  /// FNV-1a with 64 bits, from its definition.
  private func hash(_ bytes: [UInt8]) -> String {
    let state = bytes.reduce(14_695_981_039_346_656_037 as UInt64) {
      ($0 ^ UInt64($1)) &* 1_099_511_628_211
    }
    return "fnv1a64:" + String(repeating: "0", count: 16 - String(state, radix: 16).count)
      + String(state, radix: 16)
  }

  @Test func isTheHashOfNamesTypesAndBytes() {
    let tensor = Tensor([2], .i32([1, -2]))
    let bytes = [1, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF] as [UInt8]
    let expected = Array("weight".utf8) + Array(tensor.type.description.utf8) + bytes
    #expect(Fingerprint.of([("weight", tensor)]) == hash(expected))
    #expect(Fingerprint.of([]) == "fnv1a64:cbf29ce484222325")
  }

  @Test func tellsTensorsApart() {
    let tensors = [
      Tensor([2], .f64([1, 2])), Tensor([2], .f64([2, 1])), Tensor([1, 2], .f64([1, 2])),
      Tensor([2], .f32([1, 2])), Tensor([2], .f64([1, 2.0.nextUp])),
    ]
    let prints =
      tensors.map { Fingerprint.of([("w", $0)]) }
      + [
        Fingerprint.of([("v", tensors[0])]),
        Fingerprint.of([("w", tensors[0]), ("w", tensors[0])]),
      ]
    #expect(Set(prints).count == prints.count)
  }
}

@Suite struct CSVTests {
  @Test(arguments: [
    ("plain name", "plain name"), ("", ""), ("a,b", "\"a,b\""),
    ("say \"hi\"", "\"say \"\"hi\"\"\""),
    ("two\nlines", "\"two\nlines\""), ("carriage\rreturn", "\"carriage\rreturn\""),
    ("both\r\n", "\"both\r\n\""),
    ("=1+1", "'=1+1"), ("+1 2", "'+1 2"), ("-cmd|' /c calc'!A0", "'-cmd|' /c calc'!A0"),
    ("@SUM(A1)", "'@SUM(A1)"),
    (" =1", "' =1"), ("\t=1", "'\\u{9}=1"), ("\r=1", "\"'\r=1\""), ("\u{FF1D}1", "'\u{FF1D}1"),
    ("=1,2", "\"'=1,2\""),
    ("a;=1", "\"a;=1\""), ("a\u{1B}[31m", "a\\u{1b}[31m"), ("a=b", "a=b"),
    ("-1.5e-3", "-1.5e-3"), ("-inf", "-inf"), ("+3", "+3"),
  ])
  func fieldsAreQuotedWhereNeeded(_ text: String, _ expected: String) {
    #expect(csvField(text) == expected)
  }
}

/// The guide names every field of a record.
@Suite struct RecordGuideTests {
  /// Names of the stored properties of a value and of the structures in it.
  private func names(_ value: Any, depth: Int = 0) -> Set<String> {
    let mirror = Mirror(reflecting: value)
    guard depth < 4 else { return [] }
    switch mirror.displayStyle {
    case .struct:
      return mirror.children.reduce(into: []) { names, child in
        if let label = child.label { names.insert(label) }
        names.formUnion(self.names(child.value, depth: depth + 1))
      }
    case .optional, .collection:
      return mirror.children.reduce(into: []) { $0.formUnion(names($1.value, depth: depth)) }
    default:
      return []
    }
  }

  @Test func everyFieldIsExplained() throws {
    let record = sampleRecord(
      images: [result(30)], defence: try DefenceChain("fp16"),
      trace: [
        TracePoint(trial: 0, iteration: 1, evaluations: 1, matchingLoss: 1, psnr: 10)
      ], diagnosis: .stuck)
    let guide = try guide("reading-results")
    // What is in a name, a JSON number, a sentence or a chain is no field.
    let inner: Set = ["rawValue", "value", "parts", "defences", "trace", "iteration", "trial"]
    let experiment = try #require(record.experiment)
    let missing = names(record).subtracting(names(experiment)).subtracting(inner).filter {
      !guide.contains("`\($0)`") && !guide.contains("`\($0)[]`")
    }
    #expect(missing.isEmpty, "\(missing.sorted())")
  }

  @Test func everyMemberOfAnExperimentIsExplained() throws {
    var experiment = Experiment()
    experiment.data.update = UpdateChoice(file: "g")
    let guide = try guide("experiments")
    // What is in a chain or a name is no member.
    let missing = names(experiment).subtracting(["defences", "rawValue"]).filter {
      !guide.contains("`\($0)`") && !guide.contains(".\($0)`")
    }
    #expect(missing.isEmpty, "\(missing.sorted())")
  }

  private func guide(_ name: String) throws -> String {
    try String(
      contentsOf: packageRoot.appending(path: "docs/guides/\(name).md"), encoding: .utf8)
  }
}
