import TensorGraph
import TestSupport
import Testing

@testable import ModelIO

/// What is counted before it is expanded, and numbers that a file may have wrong.
struct ONNXLimitTests {
  private func node(
    _ type: String, _ inputs: [String], _ outputs: [String], domain: String = "",
    _ attributes: [AttributeProto] = []
  ) -> NodeProto {
    var node = NodeProto()
    (node.opType, node.input, node.output) = (type, inputs, outputs)
    (node.domain, node.attribute) = (domain, attributes)
    return node
  }

  private func model(_ nodes: [NodeProto], input: [Int64] = [1, 3, 4, 4]) -> ModelProto {
    var model = ModelProto()
    model.irVersion = 8
    model.opsetImport = [
      OperatorSetIdProto.with { $0.version = 17 },
      OperatorSetIdProto.with {
        $0.domain = "f"
        $0.version = 1
      },
    ]
    model.graph.node = nodes
    model.graph.input = [
      ValueInfoProto.with {
        $0.name = "x"
        $0.type.tensorType.elemType = 1
        $0.type.tensorType.shape.dim = input.map { extent in
          TensorShapeProto.Dimension.with { $0.value = .dimValue(extent) }
        }
      }
    ]
    model.graph.output = [ValueInfoProto.with { $0.name = "y" }]
    return model
  }

  private func problem(_ model: ModelProto) throws -> String {
    let bytes: [UInt8] = model.serializedBytes()
    do {
      _ = try ONNXModel(bytes: bytes, path: "m.onnx").specialized().graph()
      return ""
    } catch {
      return "\(error)"
    }
  }

  /// 4^10 operators by ten functions of four calls each.
  @Test func functionsAreCountedBeforeTheyAreExpanded() throws {
    var model = model([node("f9", ["x"], ["y"], domain: "f")])
    model.functions = (0...9).map { index in
      FunctionProto.with {
        ($0.domain, $0.name, $0.input, $0.output) = ("f", "f\(index)", ["a"], ["c"])
        $0.opsetImport = model.opsetImport
        let (name, domain) = index == 0 ? ("Relu", "") : ("f\(index - 1)", "f")
        $0.node = [("a", "b"), ("b", "d"), ("d", "e"), ("e", "c")].map {
          node(name, [$0], [$1], domain: domain)
        }
      }
    }
    let message = try problem(model)
    #expect(message.contains("operators allowed"), "\(message)")
  }

  @Test func callsInACircleAreRefused() throws {
    var model = model([node("f0", ["x"], ["y"], domain: "f")])
    model.functions = [
      FunctionProto.with {
        ($0.domain, $0.name, $0.input, $0.output) = ("f", "f0", ["a"], ["b"])
        $0.node = [node("f0", ["a"], ["b"], domain: "f")]
      }
    ]
    #expect(try problem(model).contains("nested deeper"))
  }

  @Test func longNamesAreRefused() throws {
    let name = String(repeating: "n", count: 1 << 20)
    let message = try problem(model([node("Relu", ["x"], [name]), node("Relu", [name], ["y"])]))
    #expect(message.contains("1048576 bytes") && message.utf8.count < 400)
  }

  @Test func longChainsOutOfOrderAreSorted() throws {
    let count = 20_000
    let chain = (0..<count).map { index in
      node("Relu", [index == 0 ? "x" : "v\(index)"], [index == count - 1 ? "y" : "v\(index + 1)"])
    }
    #expect(try problem(model(chain.reversed())).isEmpty)
    let circle = [
      node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["y"]),
    ]
    #expect(try problem(model(circle)).contains("depends on itself"))
  }

  /// -1 and 0 are what exporters write for open extents.
  @Test func extentsBelowOneAreOpen() throws {
    let bytes: [UInt8] = model([node("Relu", ["x"], ["y"])], input: [0, 3, -8, .min])
      .serializedBytes()
    let file = try ONNXModel(bytes: bytes, path: "m.onnx")
    #expect(file.inputs[0].dimensions == [.unknown, .fixed(3), .unknown, .unknown])
  }

  /// Lists of 2^31 parts, and regions that are no numbers.
  @Test func listsAndRegionsAreChecked() throws {
    let axis = AttributeProto.with { ($0.name, $0.i) = ("axis", 3) }
    let split = [
      node("SplitToSequence", ["x"], ["list"], [axis]), node("SequenceLength", ["list"], ["y"]),
    ]
    #expect(try problem(model(split, input: [1, 1, 1, 1 << 30])).contains("operators allowed"))
    var resize = model([
      node(
        "Resize", ["x", "roi", "scales"], ["y"],
        [
          AttributeProto.with {
            $0.name = "coordinate_transformation_mode"
            $0.s = .init("tf_crop_and_resize".utf8)
          }
        ])
    ])
    resize.graph.initializer = [
      tensor("roi", [0, 0, 0, 0, 1, 1, .nan, 1]), tensor("scales", [1, 1, 2, 2]),
    ]
    #expect(try problem(resize).contains("region of interest"))
  }

  private func tensor(_ name: String, _ values: [Float]) -> TensorProto {
    TensorProto.with {
      ($0.name, $0.dataType, $0.dims, $0.floatData) = (name, 1, [Int64(values.count)], values)
    }
  }
}
