import Audit
import Foundation
import TestSupport
import Testing

/// The snippets of `docs/guides/from-pytorch.md`, run as they stand there against real PyTorch by
/// `make test-integrations`.
struct GuideTests {
  let folder = TestFolder()

  /// The Python that the snippets are run with, which has what they need.
  private static let python = ProcessInfo.processInfo.environment["PYTHON"] ?? "python3"

  private static func run(
    _ program: String, _ arguments: [String], in folder: String
  ) throws -> (Int32, String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.environment = ProcessInfo.processInfo.environment.merging([
      "GRADLEAK": try BuiltTool.url.get().path, "PYTHONPATH": package,
      // The package's plugin is named, whether it is installed or not.
      "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    ]) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    let capture = Capture(output.fileHandleForReading)
    try process.run()
    let deadline = Date(timeIntervalSinceNow: 300)
    while process.isRunning {
      if Date() > deadline { process.terminate() }
      usleep(5000)
    }
    return (process.terminationStatus, capture.text())
  }

  private static let root = URL(fileURLWithPath: fixtures).deletingLastPathComponent()
    .deletingLastPathComponent()
  /// Where the Python package is.
  private static let package = root.appendingPathComponent("python").path

  /// The Python blocks of the guide by the name in their first line.
  static let snippets: [String: String] = {
    let path = root.appendingPathComponent("docs/guides/from-pytorch.md").path
    let text = String(decoding: bytes(of: path), as: UTF8.self)
    var snippets: [String: String] = [:]
    for block in text.components(separatedBy: "```python\n").dropFirst() {
      let code = block.components(separatedBy: "```")[0]
      let first = code.split(separator: "\n").first ?? ""
      snippets[first.replacingOccurrences(of: "# guide: ", with: "")] = code
    }
    return snippets
  }()

  /// A client with a small network of its own, for the snippets to work on.
  private static let client = """
    import torch, torch.nn as nn, warnings
    warnings.filterwarnings("ignore")
    torch.manual_seed(3)
    from safetensors.torch import save_file
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 8, 5, stride=2, padding=2)
            self.fc = nn.Linear(8 * 4 * 4, 5)
        def forward(self, x):
            return self.fc(torch.sigmoid(self.conv(x)).flatten(1))
    model = Net()
    for p in model.parameters(): nn.init.uniform_(p, -0.5, 0.5)
    images, labels = torch.rand(1, 1, 8, 8), torch.tensor([3])
    loss_function = nn.CrossEntropyLoss()

    """

  /// Runs snippets as one program.
  private func run(_ names: [String], before: String = "", after: String = "") throws {
    var code = GuideTests.client + before
    for name in names { code += try #require(GuideTests.snippets[name]) + "\n" }
    let (status, output) = try GuideTests.run(
      GuideTests.python, ["-c", code + after], in: folder.path)
    try #require(status == 0, "\(output)")
  }

  private func expectRecovery(_ arguments: String) throws {
    let run = try BuiltTool.run(
      arguments.split(separator: " ").map(String.init) + ["--out", "out"], in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.diagnosis?.verdict == .recovered, "\(run.output)")
    #expect(record.images[0].recoveredLabel == 3)
  }

  @Test func theGuideHasAllSnippets() {
    // "ddp" is run by python/tests/frameworks/test_guides.py.
    #expect(
      GuideTests.snippets.keys.sorted() == [
        "audit", "capture", "ddp", "export", "gradient", "pytest", "update", "weights",
        "weights-after",
      ])
  }

  /// The package finds in memory what the files below give.
  @Test(needsIntegrations) func thePackageTakesModulesAndUpdates() throws {
    let checks = """
      assert result.psnr > 60, result
      assert audit.grade == "F" and audit.evidence == "proved", audit
      """
    try run(["audit"], after: "assert result.grade == 'F' and not result.passed, result\n")
    try run(["update"], before: "import gradleak\n", after: checks)
    let gradient = "loss_function(model(images), labels).backward()\nimport gradleak\n"
    try run(["weights-after"], before: gradient, after: "assert result.psnr > 60, result\n")
  }

  @Test(needsIntegrations) func aTapWritesAnExperiment() throws {
    try run(
      ["capture"], before: "import gradleak\n",
      after: "assert tap.reconstruct(truth=images).psnr > 60\n")
    let run = try BuiltTool.run(["run", "tap/settings.json", "--out", "out"], in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
    let record = try #require(try RunRecord.read(contentsOf: folder("out/run.json")).first)
    #expect(record.images[0].recoveredLabel == 3)
  }

  @Test(needsIntegrations) func aTestOfPytestIsAnAudit() throws {
    let code = GuideTests.client + (try #require(GuideTests.snippets["pytest"]))
    folder.file("test_guide.py", Array(code.utf8))
    let (status, output) = try GuideTests.run(
      GuideTests.python, ["-m", "pytest", "-q", "-p", "gradleak._pytest_plugin"], in: folder.path)
    #expect(status == 0 && output.contains("1 passed"), "\(output)")
  }

  @Test(needsIntegrations) func anExportedModelAndItsGradient() throws {
    try run(["export", "gradient", "weights"])
    try expectRecovery("reconstruct --model model.onnx --update gradient.safetensors")
  }
}
