import CPUBackend
import TensorGraph
import TestSupport
import Testing

@testable import ModelIO

struct ONNXProgramTests {
  private func model(_ name: String) throws -> ONNXModel {
    try ONNXModel(contentsOf: "\(fixtures)/onnx/models/\(name).onnx")
  }

  private func outputs(
    _ program: ONNXProgram, _ inputs: [Tensor], _ mode: ONNXForwardMode = .evaluation,
    _ floating: DType = .f64
  ) throws -> [Tensor] {
    let graph = try program.graph(mode: mode, floating: floating)
    let values =
      inputs + (try program.parameterValues(floating: floating))
      + program.bufferValues(floating: floating)
    return try ReferenceInterpreter().evaluate(graph, values)
  }

  @Test func rolesFollowUseAndName() throws {
    let program = try model("cnn").specialized()
    #expect(
      program.parameters.map(\.name)
        == ["conv.weight", "bn.weight", "bn.bias", "onnx::MatMul_7", "fc.bias"])
    // Statistics stay buffers even where their values are uniform.
    #expect(program.buffers.map(\.name) == ["bn.running_mean", "bn.running_var"])
    #expect(program.anonymousParameters == ["onnx::MatMul_7"])
    #expect(program.transposedParameters == ["onnx::MatMul_7"])
    #expect(program.trainingProblem == nil)
  }

  @Test func optionsOverruleRoles() throws {
    var options = ONNXOptions()
    options.frozen = ["fc.bias"]
    options.trainable = ["bn.running_mean"]
    let program = try model("cnn").specialized(options: options)
    #expect(!program.parameters.contains { $0.name == "fc.bias" })
    #expect(program.buffers.contains { $0.name == "fc.bias" })
    #expect(program.parameters.contains { $0.name == "bn.running_mean" })
  }

  @Test func equalFillsAreParametersOfTheirOwn() throws {
    let program = try model("equal").specialized()
    // The matrix and the copy without a name are shared.
    #expect(program.parameters.map(\.name) == ["a.scale", "a.weight", "b.scale"])
    #expect(try outputs(program, [Tensor([1, 2], .f64, [1, 0])])[0].doubles == [27, 108])
    var values = try program.parameterValues(floating: .f64)
    #expect(values[2] == values[0])
    values[2] = Tensor([2], .f64, [5, 7])
    let graph = try program.graph(floating: .f64)
    let changed = try ReferenceInterpreter().evaluate(
      graph, [Tensor([1, 2], .f64, [1, 0])] + values)[0]
    // 3, then (3, 6), times (5, 7), then (15, 30 + 42), times 3.
    #expect(changed.doubles == [45, 216])
  }

  @Test func listsLeaveNothingInTheGraph() throws {
    let program = try model("lists").specialized()
    // Rows 2 and 3, then 0 and 1 negated, side by side, plus their number 4.
    let x = Tensor([5, 2], .f64, (0..<10).map(Double.init))
    #expect(try outputs(program, [x])[0].doubles == [8, 10, 4, 2, 9, 11, 3, 1])
    // Lists that leave the graph are refused.
    var options = ONNXOptions()
    options.outputs = ["rows"]
    #expect(throws: ONNXError.self) { try model("lists").specialized(options: options) }
  }

  @Test func clippingHasNoDerivativeAtItsBounds() throws {
    let program = try model("relu6").specialized()
    let builder = GraphBuilder()
    let x = builder.input("x", [6], .f64)
    let y = try program.emit(
      in: builder, inputs: [x], parameters: [], buffers: [], floating: .f64)[0]
    let slope = y.sum().gradient(withRespectTo: [x])[0]
    let results = try ReferenceInterpreter().evaluate(
      builder.build(outputs: [y, slope]), [Tensor([6], .f64, [-1, 0, 2, 6, 7, .nan])])
    #expect(results[0].doubles.dropLast() == [0, 0, 2, 6, 6])
    #expect(results[0].doubles[5].isNaN)
    #expect(results[1].doubles.dropLast() == [0, 0, 1, 0, 0])
  }

  @Test func frozenBatchSizesCanBeReplaced() throws {
    let one = try model("cnn").specialized()
    let three = try model("cnn").specialized(inputShapes: ["x": [3, 2, 4, 4]])
    let image = (0..<32).map { Double($0 * $0 % 7) }
    let single = try outputs(one, [Tensor([1, 2, 4, 4], .f64, image)])[0]
    let batch = try outputs(three, [Tensor([3, 2, 4, 4], .f64, image + image + image)])[0]
    #expect(batch.shape == [3, 3])
    #expect(
      zip(batch.doubles, single.doubles + single.doubles + single.doubles)
        .allSatisfy { abs($0 - $1) < 1e-12 })
  }

  @Test func trainingUsesTheStatisticsOfTheBatch() throws {
    let program = try model("cnn").specialized(inputShapes: ["x": [2, 2, 4, 4]])
    let images = Tensor([2, 2, 4, 4], .f64, (0..<64).map { Double($0 % 5) })
    let evaluated = try outputs(program, [images], .evaluation)[0]
    let trained = try outputs(program, [images], .training)[0]
    #expect(evaluated != trained)
    // Twice the image is the same image to the batch's own statistics, but for epsilon.
    let doubled = Tensor([2, 2, 4, 4], .f64, images.doubles.map { 2 * $0 })
    let again = try outputs(program, [doubled], .training)[0]
    #expect(zip(again.doubles, trained.doubles).allSatisfy { abs($0 - $1) < 1e-3 })
  }

  @Test func parametersAreDifferentiable() throws {
    let program = try model("cnn").specialized()
    let builder = GraphBuilder()
    func declare(_ specs: [ONNXTensorSpec]) -> [Value] {
      specs.map { builder.input($0.name, $0.shape, .f64) }
    }
    let parameters = declare(program.parameters)
    let results = try program.emit(
      in: builder, inputs: declare(program.inputs), parameters: parameters,
      buffers: declare(program.buffers), mode: .training, floating: .f64)
    let gradients = results[0].squared().sum().gradient(withRespectTo: parameters)
    #expect(gradients.map(\.shape) == program.parameters.map(\.shape))
  }

  @Test func functionsAreInlinedWithTheirAttributes() throws {
    let program = try model("functions").specialized(inputShapes: ["x": [3, 2]])
    let result = try outputs(program, [Tensor([3, 2], .f64, [1, 2, 3, 4, 5, 6])])[0]
    #expect(result.doubles == [6, 12, 18, 24, 30, 36])
  }

  @Test func shapesAndBranchesAreDecidedWhileReading() throws {
    let program = try model("shapes").specialized(inputShapes: ["x": [4, 2, 3]])
    #expect(program.outputs[0].shape == [4, 6])
    #expect(
      try outputs(program, [Tensor([4, 2, 3], .f64, repeating: 2)])[0].doubles
        .allSatisfy { $0 == -2 })
    // Extents that nobody gives are 1, unless named.
    var options = ONNXOptions()
    options.dimensions = ["batch": 5]
    #expect(try model("shapes").specialized(options: options).outputs[0].shape == [5, 6])
    #expect(try model("shapes").specialized().outputs[0].shape == [1, 6])
  }

  @Test func externalDataIsReadFromTheModelsFolder() throws {
    let opened = try model("external")
    #expect(opened.initializers.map(\.externalFile) == ["external.bin"])
    #expect(try opened.initializerValue(named: "fc.weight").doubles == (0..<8).map(Double.init))
    let result = try outputs(opened.specialized(), [Tensor([1, 4], .f64, [1, 0, 0, 0])])[0]
    #expect(result.doubles == [0, 4])
  }

  @Test func externalDataOutsideTheFolderIsRefused() throws {
    let whole = bytes(of: "\(fixtures)/onnx/models/external.onnx")
    let name = Array("external.bin".utf8)
    let start = try #require(whole.indices.first { whole[$0...].starts(with: name) })
    let folder = TestFolder()
    for evil in ["../../passwd", "/etc/pass.wd", "a/../../b.bi", "missing_file"] {
      var changed = whole
      changed.replaceSubrange(start..<start + name.count, with: Array(evil.utf8))
      let opened = try ONNXModel(contentsOf: folder.file("m.onnx", changed))
      #expect(throws: ONNXError.self) { try opened.initializerValue(named: "fc.weight") }
    }
    // A file that is too short.
    folder.file("external.bin", [1, 2, 3])
    let short = try ONNXModel(contentsOf: folder.file("m.onnx", whole))
    #expect(throws: ONNXError.self) { try short.specialized().parameterValues() }
  }

  @Test func problemsNameTheNode() throws {
    func message(_ name: String, _ shapes: [String: [Int]] = [:]) -> String {
      do {
        _ = try model(name).specialized(inputShapes: shapes)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(message("unknown").contains("\"foo\" (Foo, opset 18)"))
    #expect(message("unknown").contains("gradleak onnx-operators"))
    #expect(message("endless").contains("nested deeper"))
    #expect(message("cnn", ["z": [1]]).contains("no input \"z\""))
    #expect(message("cnn", ["x": [1, 2]]).contains("2 axes"))
    #expect(message("cnn", ["x": [1, 3, 4, 4]]).contains("\"conv\" (Conv, opset 18)"))
  }

  @Test func dropoutIsRefusedInTrainingAlone() throws {
    let program = try model("dropout").specialized()
    #expect(try outputs(program, [Tensor([2], .f64, [1, 2])])[0].doubles == [1, 2])
    #expect(program.trainingProblem?.message.contains("\"drop\"") == true)
    #expect(throws: ONNXError.self) { try program.graph(mode: .training) }
  }

  @Test func filesThatAreNoModelsAreRefused() {
    for content in [[], [0xFF], Array("hello".utf8), [UInt8](repeating: 0x0A, count: 99)] {
      #expect(throws: ONNXError.self) { try ONNXModel(bytes: content, path: "no.onnx") }
    }
    var limits = ONNXLimits.strict
    limits.maximumMessages = 4
    let whole = bytes(of: "\(fixtures)/onnx/models/cnn.onnx")
    #expect(throws: ONNXError.self) { try ONNXModel(bytes: whole, path: "many", limits: limits) }
  }
}
