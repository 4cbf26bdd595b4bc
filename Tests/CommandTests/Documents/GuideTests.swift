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

  /// The Python blocks of the guide by the name in their first line.
  static let snippets: [String: String] = {
    let path = URL(fileURLWithPath: fixtures).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("docs/guides/from-pytorch.md").path
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
  private func run(_ names: [String]) throws {
    var code = GuideTests.client
    for name in names { code += try #require(GuideTests.snippets[name]) + "\n" }
    let (status, output) = try GuideTests.run(
      GuideTests.python, ["-c", code], in: folder.path)
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
    // The rest is run by python/tests/frameworks/test_guides.py.
    #expect(GuideTests.snippets.keys.sorted() == ["ddp", "export", "gradient", "weights"])
  }

  @Test(needsIntegrations) func anExportedModelAndItsGradient() throws {
    try run(["export", "gradient", "weights"])
    try expectRecovery("reconstruct --model model.onnx --update gradient.safetensors")
  }
}
