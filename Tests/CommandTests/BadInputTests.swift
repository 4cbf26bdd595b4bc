import Foundation
import TestSupport
import Testing

/// A command line that cannot be carried out, and words that its error must have.
struct BadInput: CustomTestStringConvertible {
  let arguments: [String]
  let words: [String]

  init(_ commandLine: String, _ words: String...) {
    arguments = commandLine.split(separator: " ").map(String.init)
    self.words = words
  }

  init(arguments: [String], _ words: String...) {
    self.arguments = arguments
    self.words = words
  }

  /// This with more arguments before and after.
  func within(_ before: [String] = [], and after: [String] = []) -> BadInput {
    BadInput(before + arguments + after, words)
  }

  private init(_ arguments: [String], _ words: [String]) {
    self.arguments = arguments
    self.words = words
  }

  var testDescription: String { arguments.joined(separator: " ") }
}

/// Whatever is wrong: one sentence on standard error, status 2, and nothing written.
struct BadInputTests {
  let folder = TestFolder()

  init() throws {
    folder.picture("rgb.png", as: "good.png")
    folder.picture("huge.png", as: "huge.png")
    folder.file("zero.png", [])
    folder.file("text.png", Array("no picture\n".utf8))
    folder.file("cut.png", Array(bytes(of: "\(fixtures)/images/photo-57x37.png").prefix(900)))
    folder.file("cut.jpg", Array(bytes(of: "\(fixtures)/images/rgb.jpg").prefix(400)))
    folder.file("file", [1, 2, 3])
    try FileManager.default.createDirectory(
      atPath: folder("folder.png"), withIntermediateDirectories: true)
  }

  private func expectRefusal(_ input: BadInput) throws {
    let before = listing(of: folder.path)
    let run = try BuiltTool.run(input.arguments, in: folder.path)
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(listing(of: folder.path) == before)
    let lines = run.errorLines
    let sentence = try #require(lines.first)
    #expect(sentence.hasPrefix("gradleak: "))
    #expect(sentence.hasSuffix(".") || sentence.hasSuffix("?"))
    for word in input.words { #expect(sentence.contains(word)) }
    // At most a hint follows.
    #expect(lines.count <= 2 && lines.dropFirst().allSatisfy { $0.hasPrefix("See 'gradleak ") })
    #expect(!run.errors.contains("\u{1B}"))
  }

  @Test(arguments: [
    BadInput("reconstruct", "nothing to reconstruct", "--update"),
    BadInput("reconstruct none.png", "none.png: there is no such file"),
    BadInput("reconstruct zero.png", "zero.png: the file is empty"),
    BadInput("reconstruct text.png", "text.png: this is not an image in a known format"),
    BadInput("reconstruct cut.png", "cut.png: the PNG image is damaged or cut short"),
    BadInput("reconstruct cut.jpg", "cut.jpg: the JPEG image is damaged or cut short"),
    BadInput("reconstruct folder.png", "folder.png: this is a directory, not a file"),
    BadInput("reconstruct huge.png", "20000 x 20000 pixels is too large"),
    BadInput("reconstruct /dev/zero", "/dev/zero: this is a pipe or a device"),
    BadInput("reconstruct good.png cut.png good.png", "cut.png: "),
    BadInput(arguments: ["reconstruct", ""], "there is no such file"),
    BadInput(arguments: ["reconstruct", "a\u{1B}[31m\nb.png"], "a\\u{1b}[31m\\u{a}b.png: "),
  ])
  func pictures(_ input: BadInput) throws {
    try expectRefusal(input.within(and: ["--out", "out/deep"]))
  }

  @Test(.enabled(if: geteuid() != 0, "root may read anything")) func unreadablePictures() throws {
    folder.picture("rgb.png", as: "secret.png")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0], ofItemAtPath: folder("secret.png"))
    try expectRefusal(BadInput("reconstruct secret.png", "no permission to read the file"))
  }

  @Test(arguments: [
    BadInput("--attack guess", "'guess' is invalid", "auto, lm, dlg, idlg, linear, peeling"),
    BadInput("--activation relux", "'relux' is invalid", "relu, leaky_relu, sigmoid, tanh"),
    BadInput("--precision f16", "'f16' is invalid", "'f32' and 'f64'"),
    BadInput("--model lennet", "no model called \"lennet\"; did you mean lenet?", "resnet34"),
    BadInput("--model qqqqqqqq", "no model called \"qqqqqqqq\"; The models are lenet"),
    BadInput("--atack dlg", "Unknown option '--atack'. Did you mean '--attack'?"),
    BadInput("--bogus", "Unknown option '--bogus'"),
    BadInput("--trials", "Missing value for '--trials <n>'"),
    BadInput("--trials 0", "--trials is 0; give a number from 1 to 1000000"),
    BadInput("--trials -3", "--trials is -3; give a number from 1 to 1000000"),
    BadInput("--trials=-3", "--trials is -3"),
    BadInput("--trials many", "'many' is invalid for '--trials <n>'"),
    BadInput("--trials 99999999999999999999", "'99999999999999999999' is invalid"),
    BadInput("--iterations 0", "--iterations is 0"),
    BadInput("--snapshots 101", "--snapshots is 101; give a number from 0 to 100"),
    BadInput("--threshold nan", "--threshold is nan; give a number of 0 or more"),
    BadInput("--threshold -1e-3", "--threshold is -0.001"),
    BadInput("--threshold inf", "--threshold is inf"),
    BadInput("--time-limit 0", "--time-limit is 0.0; give a number of seconds above 0"),
    BadInput("--time-limit nan", "--time-limit is nan"),
    BadInput("--seed -1", "'-1' is invalid for '--seed <n>'"),
    BadInput("--labels 1,2", "--labels has 2 of them for 1 pictures; give one for each"),
    BadInput("--labels 100", "--labels has \"100\"; give class numbers from 0 to 99"),
    BadInput("--labels -1", "--labels has \"-1\""),
    BadInput("--labels cat", "--labels has \"cat\""),
    BadInput("--batch-size 0", "--batch-size is 0"),
    BadInput("--classes 0", "a number of classes of 0 is out of range"),
    BadInput("--classes -5", "a number of classes of -5 is out of range"),
    BadInput("--size 0", "--size is 0; give a number of pixels from 1 to 8192"),
    BadInput("--size 8192", "would have 5033173036 parameters"),
    BadInput("--size 5300", "would have 2106", "GB of memory, more than the"),
    BadInput("--size 5 --model convnet", "convnet needs images of at least 9x9 pixels"),
    BadInput("--threads 0", "--threads is 0"),
    BadInput("--attack linear", "lenet does not begin with a fully connected layer"),
    BadInput("--attack peeling --activation gelu --size 8 --width 2", "turns, as GELU"),
    BadInput("good.png --batch-size 2 --attack idlg --size 8", "comes from 2; use the attack dlg"),
    BadInput(
      "good.png --batch-size 2 --classes 2 --attack peeling --size 8",
      "more rows and columns than there are examples"),
  ])
  func options(_ input: BadInput) throws {
    try expectRefusal(input.within(["reconstruct", "good.png", "--out", "out"]))
  }

  @Test(arguments: [
    BadInput("demoo", "no command called \"demoo\"; did you mean demo?", "reconstruct"),
    BadInput("photo.jpg", "no command called \"photo.jpg\"; The commands are demo, reconstruct"),
    BadInput("--nonsense", "Unknown option '--nonsense'"),
    BadInput("models extra", "Unexpected argument 'extra'"),
    BadInput("demo extra", "Unexpected argument 'extra'"),
    BadInput("demo --seeds 0", "--seeds is 0; give a number from 1 to 100000"),
    BadInput("demo --seeds -1", "--seeds is -1"),
    BadInput("demo txt", "Unexpected argument 'txt'"),
    BadInput("demo text extra", "Unexpected argument 'extra'"),
    BadInput("demo text --seeds 2", "Unknown option '--seeds'"),
    BadInput("demo text --attack guess", "'guess' is invalid", "auto, embedding, dager"),
    BadInput("demo text --batch-size 0", "--batch-size is 0; give a number from 1 to 1024"),
    BadInput("demo text --iterations 0", "--iterations is 0"),
    BadInput("demo text --time-limit nan", "--time-limit is nan"),
    BadInput("demo text --head x", "--head is \"x\"; give classification, mlm or lm"),
    BadInput("demo text --head lm", "a BERT-type model has no next-token head"),
    BadInput("demo text --head mlm --attack dlg", "dlg seeks the texts of a classifier"),
    BadInput("demo text --out file", "file: this is a file, not a folder"),
  ])
  func commands(_ input: BadInput) throws { try expectRefusal(input) }

  @Test(arguments: [
    ("file", "file: this is a file, not a folder"),
    ("file/below/deeper", "a part of this path is a file"),
    ("new/" + String(repeating: "x", count: 300), "the folder cannot be created"),
    ("", "--out is empty"),
  ])
  func outputFolders(_ out: String, _ words: String) throws {
    try expectRefusal(BadInput(arguments: ["reconstruct", "good.png", "--out", out], words))
    try expectRefusal(BadInput(arguments: ["demo", "--out", out], words))
  }

  @Test(.enabled(if: geteuid() != 0, "root may write anywhere")) func readOnlyFolders() throws {
    let attributes: (Int) -> [FileAttributeKey: Any] = { [.posixPermissions: $0] }
    try FileManager.default.setAttributes(attributes(0o555), ofItemAtPath: folder("folder.png"))
    defer {
      try? FileManager.default.setAttributes(attributes(0o755), ofItemAtPath: folder("folder.png"))
    }
    for out in ["folder.png", "folder.png/below"] {
      try expectRefusal(
        BadInput("reconstruct good.png --out \(out)", "give a folder that you may write to"))
    }
  }

  #if os(Linux)
    /// Not even root may make a folder there.
    @Test func foldersOfTheSystem() throws {
      try expectRefusal(
        BadInput("reconstruct good.png --out /proc/gradleak", "no folder can be made"))
    }

    @Test func aFullDiskUnderTheOutput() throws {
      let process = try BuiltTool.process(["models"], in: folder.path)
      let errors = Pipe()
      process.standardError = errors
      process.standardOutput = FileHandle(forWritingAtPath: "/dev/full")
      let capture = Capture(errors.fileHandleForReading)
      try BuiltTool.start(process)
      #expect(BuiltTool.finish(process) == 2)
      #expect(
        capture.text() == "gradleak: the output cannot be written (No space left on device).\n")
    }
  #endif
}
