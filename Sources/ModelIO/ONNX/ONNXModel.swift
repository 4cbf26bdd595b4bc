import ONNXProtobuf
import SwiftProtobuf
import TensorGraph

/// A model in the ONNX format (<https://onnx.ai/onnx/repo-docs/IR.html>), read and checked, with its
/// shapes still open: ``specialized(inputShapes:options:)`` fixes them and gives a program.
///
/// Files are taken as hostile: lengths, counts and paths are checked against ``ONNXLimits``.
public struct ONNXModel: Sendable {
  /// The path as the user gave it.
  public let path: String
  /// What it may ask for; a model beyond it is refused.
  public let limits: ONNXLimits
  let proto: Onnx_ModelProto
  let externalData: ExternalData
  /// Positions of the initialisers by name; the first of equal names counts.
  let initializerIndices: [String: Int]
  /// Functions that the model brings with it, by ``OperatorCount/key(_:_:_:)``.
  let functions: [String: Onnx_FunctionProto]
  /// Initialisers that the exporter stored as copies of others that are equal by chance; they come
  /// last, whatever their place in the training code.
  public let separatedInitializers: Set<String>

  /// Opens the model at `path`. Tensors in external files are read when they are needed.
  ///
  /// - Throws: ``ONNXError`` when the file cannot be read, is no ONNX model, or exceeds a limit.
  public init(contentsOf path: String, limits: ONNXLimits = .default) throws(ONNXError) {
    do {
      let bytes = try InputFile.bytes(
        at: path, expected: "an ONNX model", limit: limits.maximumFileBytes)
      try self.init(bytes: bytes, path: path, limits: limits)
    } catch let error as FileError {
      throw ONNXError(.malformed, error.description)
    } catch let error as ONNXError {
      throw error
    } catch {
      throw ONNXError(.malformed, "\(path): \(error)")
    }
  }

  /// Takes a model that is in memory already. `path` names it in messages, and external data is
  /// looked for in its folder.
  ///
  /// - Throws: ``ONNXError`` when the bytes are no ONNX model or exceed a limit.
  public init(
    bytes: [UInt8], path: String, limits: ONNXLimits = .default
  ) throws(ONNXError) {
    self.path = path
    self.limits = limits
    externalData = ExternalData(modelPath: path)
    var proto: Onnx_ModelProto
    do throws(FileError) {
      try WantedFile.onnx.refuseOthers(bytes, path: path)
    } catch {
      throw ONNXError(.malformed, error.description)
    }
    do throws(ONNXError) {
      proto = try decodeModel(bytes, limits)
    } catch {
      throw error.located(path)
    }
    var equals = EqualInitializers(limits, externalData)
    separatedInitializers = equals.separate(in: &proto.graph)
    var recurrent = RecurrentParameters(limits, externalData)
    recurrent.separate(in: &proto.graph, opset: opsetVersions(proto.opsetImport)[""] ?? 0)
    self.proto = proto
    functions = OperatorCount.functions(of: proto)
    var indices: [String: Int] = [:]
    for (index, tensor) in proto.graph.initializer.enumerated() where indices[tensor.name] == nil {
      indices[tensor.name] = index
    }
    initializerIndices = indices
  }

  /// Operator sets by domain; the standard one is "".
  public var opsets: [String: Int] { opsetVersions(proto.opsetImport) }

  /// Version of the file format.
  public var formatVersion: Int { Int(proto.irVersion) }

  /// The function of the model that a node calls; nil for an operator.
  func function(of node: Onnx_NodeProto) -> Onnx_FunctionProto? {
    functions.isEmpty
      ? nil : functions[OperatorCount.key(node.domain, node.opType, node.overload)]
  }

  /// Who wrote the file: "pytorch 2.9.0".
  public var producer: String {
    [proto.producerName, proto.producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
  }

  /// What the caller feeds: declared inputs that no initialiser gives a value.
  public var inputs: [ONNXValueInfo] {
    proto.graph.input.filter { initializerIndices[$0.name] == nil }.map(ONNXValueInfo.init)
  }

  /// All outputs as the file declares them.
  public var outputs: [ONNXValueInfo] { proto.graph.output.map(ONNXValueInfo.init) }

  /// The tensors stored in the model, in the file's order.
  public var initializers: [ONNXInitializer] {
    proto.graph.initializer.map { tensor in
      ONNXInitializer(
        name: tensor.name, elementType: ONNXElementType(rawValue: Int(tensor.dataType)),
        shape: tensor.dims.map { Int($0) }, externalFile: ExternalData.location(of: tensor))
    }
  }

  /// The operators of the main graph, in the file's order.
  public var nodes: [ONNXNode] { proto.graph.node.map(ONNXNode.init) }

  /// Reads an initialiser: floating-point elements as `f32` (`f64` for doubles), integers as `i32`
  /// or `i64`.
  ///
  /// - Throws: ``ONNXError`` when there is none so named, or its data is missing or malformed.
  public func initializerValue(named name: String) throws(ONNXError) -> Tensor {
    guard let index = initializerIndices[name] else {
      throw ONNXError(
        .mismatch, "\(path): there is no initialiser named \(name.quotedForMessage)")
    }
    do throws(ONNXError) {
      let tensor = try HostTensor(proto.graph.initializer[index], externalData)
      return tensor.tensor(floating: tensor.type == .double ? .f64 : .f32)
    } catch {
      throw error.located(path)
    }
  }

  /// Fixes the shapes of the inputs, folds all constants, and checks every operator.
  ///
  /// - Parameters:
  ///   - inputShapes: shapes by input name. Inputs that are left out take their declared shape, with
  ///     symbolic extents as other inputs fix them, else 1. A given shape may replace a declared
  ///     fixed extent (a batch size that the exporter has frozen) where the graph permits.
  ///   - options: what to train, and which outputs are wanted.
  /// - Throws: ``ONNXError`` that names the node, when an operator is not supported, or shapes do
  ///   not fit.
  public func specialized(
    inputShapes: [String: [Int]] = [:], options: ONNXOptions = ONNXOptions()
  ) throws(ONNXError) -> ONNXProgram {
    do throws(ONNXError) {
      return try ONNXProgram(model: self, inputShapes: inputShapes, options: options)
    } catch {
      throw error.located(path)
    }
  }
}

/// Versions by domain; "ai.onnx" is the standard domain "".
func opsetVersions(_ imports: [Onnx_OperatorSetIdProto]) -> [String: Int] {
  var versions: [String: Int] = [:]
  for entry in imports {
    versions[entry.domain == "ai.onnx" ? "" : entry.domain] = Int(entry.version)
  }
  return versions
}
