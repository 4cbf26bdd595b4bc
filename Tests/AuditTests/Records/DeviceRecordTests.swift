import CPUBackend
import TensorGraph
import Testing

@testable import Audit

/// Records say what computed, for every kind of data, and nothing of gradleak's own engine.
struct DeviceRecordTests {
  /// The engine under another name.
  private struct Elsewhere: Backend {
    let name = "elsewhere"
    let provenance: String? = "elsewhere 1.2"
    private let engine = CPUBackend(CPUBackend.Options(threadCount: 1))

    var capabilities: BackendCapabilities { engine.capabilities }

    func compile(_ graph: Graph) throws(GraphError) -> any Executable { try engine.compile(graph) }
  }

  @Test(arguments: [
    #"{"data": {"pictures": ["chelsea"]}, "model": {"name": "mlp", "size": 8}, "attack": {"attack": "linear"}}"#,
    #"{"data": {"rows": ["17"], "table": {"file": "patients"}}}"#,
    #"{"data": {"texts": ["lunch"]}, "attack": {"attack": "dlg", "iterations": 2}}"#,
  ])
  func whatComputedIsKept(json: String) throws {
    let experiment = try Experiment(json: Array(json.utf8), path: "e.json")
    let record = try experiment.run(on: Elsewhere()).record
    #expect(record.device == "elsewhere 1.2")
    let text = try ResultWriter.json([record])
    #expect(text.contains("\"device\" : \"elsewhere 1.2\""))
    #expect(try RunRecord.read(bytes: Array(text.utf8), path: "") == [record])
    let own = try experiment.run(on: CPUBackend(CPUBackend.Options(threadCount: 1))).record
    #expect(own.device == nil)
    #expect(try !ResultWriter.json([own]).contains("\"device\""))
  }
}
