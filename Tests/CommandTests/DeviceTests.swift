import Foundation
import TestSupport
import Testing

/// `--device` and `gradleak devices`, on a machine without a plugin.
struct DeviceTests {
  private let folder = TestFolder()
  private let command = ["reconstruct", "chelsea", "--size", "8", "--json", "--quiet"]

  @Test func theEngineOfItsOwnIsAlwaysThere() throws {
    let run = try BuiltTool.run(["devices"], in: folder.path)
    #expect(run.status == 0 && run.errors.isEmpty)
    #expect(run.output.hasPrefix("cpu      gradleak's own engine, "))
    #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    for name in ["xla-cpu", "cuda", "rocm", "tpu"] { #expect(run.output.contains("\n\(name) ")) }
  }

  @Test func recordsOfTheEngineNameNoDevice() throws {
    let run = try BuiltTool.run(command + ["--device", "cpu"], in: folder.path)
    #expect(run.status == 0 && !run.output.contains("\"device\""))
    #expect(try BuiltTool.run(command, in: folder.path).output == run.output)
  }

  @Test func anUnknownDeviceIsRefusedWithThoseThatThereAre() throws {
    let run = try BuiltTool.run(command + ["--device", "gpu"], in: folder.path)
    #expect(run.status == 2 && run.output.isEmpty)
    #expect(run.errors.contains("cpu, xla-cpu, cuda, rocm, tpu, auto"), "\(run.errors)")
  }

  @Test func filesThatAreNoPluginsEndInASentence() throws {
    let file = folder.file("plugin.so", Array("no library".utf8))
    for (device, variables) in [
      (file, [:]), (folder("none.so"), [:]), ("cuda", ["GRADLEAK_PJRT_PLUGIN": file]),
    ] {
      let run = try BuiltTool.run(
        command + ["--device", device], in: folder.path, environment: variables)
      #expect(run.status == 2 && run.output.isEmpty)
      #expect(run.errorLines.count == 1 && run.errors.contains(".so"), "\(run.errors)")
    }
  }
}
