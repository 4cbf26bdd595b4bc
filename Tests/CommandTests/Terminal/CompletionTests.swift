import Foundation
import TestSupport
import Testing

/// What shells complete.
struct CompletionTests {
  let folder = TestFolder()

  @Test(arguments: ["bash", "zsh", "fish"])
  func everyShellHasAScript(_ shell: String) throws {
    let run = try BuiltTool.run(["--generate-completion-script", shell], in: folder.path)
    #expect(run.status == 0 && run.errors.isEmpty)
    // Options that the first help leaves out, names of the catalogues, and endings of files.
    for words in ["mini-batch", "inverting-gradients", "resnet20", "dlg-paper", "safetensors"] {
      #expect(run.output.contains(words), "\(words)")
    }
  }

  /// What bash offers for the last of some words.
  private func completions(_ words: [String]) throws -> [String] {
    let script = try BuiltTool.run(["--generate-completion-script", "bash"], in: folder.path)
    _ = folder.file("completion.bash", Array(script.output.utf8))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments =
      [
        "-c",
        """
        source ./completion.bash
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMPREPLY=()
        _gradleak "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
        """, "bash",
      ] + words
    let tool = try BuiltTool.process([], in: folder.path)
    let programs = try BuiltTool.url.get().deletingLastPathComponent().path
    process.environment = (tool.environment ?? [:]).merging(["PATH": "\(programs):/usr/bin:/bin"]) {
      $1
    }
    process.currentDirectoryURL = tool.currentDirectoryURL
    let output = Pipe()
    process.standardOutput = output
    let said = Capture(output.fileHandleForReading)
    try BuiltTool.start(process)
    #expect(BuiltTool.finish(process) == 0)
    return said.text().split(separator: "\n").map(String.init).sorted()
  }

  @Test func bashCompletes() throws {
    for name in ["a.png", "b.txt", "m.onnx", "u.pt", "plan.yml"] { _ = folder.file(name, [0]) }
    let cases: [(String, [String])] = [
      ("rec", ["reconstruct"]),
      ("reconstruct --mini", ["--mini-batch"]),
      ("reconstruct --attack mod", ["modern"]),
      ("reconstruct --model m", ["m.onnx", "mlp"]),
      ("reconstruct --model resnet1", ["resnet18"]),
      ("reconstruct --update ", ["u.pt"]),
      ("reconstruct a", ["a.png", "astronaut", "astronaut_face"]),
      ("reconstruct --defence prune:0.7", ["prune:0.7"]),
      ("audit --defences sot", ["soteria"]),
      ("sweep run --preset ", ["dlg-paper"]),
      ("sweep run pl", ["plan.yml"]),
      ("text --texts ", ["b.txt"]),
    ]
    for (line, expected) in cases {
      let words =
        ["gradleak"] + line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      #expect(try completions(words) == expected, "\(line)")
    }
  }
}
