import ModelIO
import TensorGraph

/// Tensors by name, and words about them, as the bytes of a safetensors file: what messages of a federation carry.
package struct TensorBody: Hashable, Sendable {
  /// By name.
  package var tensors: [String: Tensor]
  /// By name.
  package var words: [String: String]

  /// - Parameter words: by name.
  package init(_ tensors: [String: Tensor] = [:], words: [String: String] = [:]) {
    self.tensors = tensors
    self.words = words
  }

  /// As a message's body.
  package var bytes: [UInt8] {
    get throws(FederationError) {
      do throws(FileError) {
        return try Safetensors.bytes(tensors, metadata: words)
      } catch {
        throw FederationError("a message cannot be written: \(error.problem)", .badInput)
      }
    }
  }

  /// Reads a message's body.
  ///
  /// - Throws: ``FederationError`` of kind `refused` for what is no safetensors file.
  package init(_ bytes: [UInt8]) throws(FederationError) {
    do throws(FileError) {
      let file = try SafetensorsFile(bytes: bytes, path: "message")
      self.init(try file.tensors(), words: file.metadata)
    } catch {
      throw FederationError("its message is no safetensors file: \(error.problem)", .refused)
    }
  }

  /// The tensors of these types, in their order.
  ///
  /// - Throws: ``FederationError`` of kind `refused` when one is missing, has another type or is not finite.
  package func tensors(
    of types: [(name: String, type: TensorType)]
  ) throws(FederationError) -> [Tensor] {
    var result: [Tensor] = []
    for (name, type) in types {
      guard let tensor = tensors[name], tensor.type == type else {
        throw FederationError(
          "its message has \(tensors[name].map { "\($0.type)" } ?? "no tensor") where \(name.quotedForMessage) should "
            + "be \(type)", .refused)
      }
      if case .f32(let elements) = tensor.storage, !elements.allSatisfy(\.isFinite) {
        throw FederationError(
          "its tensor \(name.quotedForMessage) holds numbers that are not finite", .refused)
      }
      result.append(tensor)
    }
    return result
  }

  /// A whole number among the words.
  ///
  /// - Throws: ``FederationError`` of kind `refused` when there is none in that range.
  package func number(
    _ name: String, in range: ClosedRange<Int>
  ) throws(FederationError) -> Int {
    guard let number = words[name].flatMap({ Int($0) }), range.contains(number) else {
      throw FederationError(
        "its message has no \(name) from \(range.lowerBound) to \(range.upperBound)", .refused)
    }
    return number
  }
}
