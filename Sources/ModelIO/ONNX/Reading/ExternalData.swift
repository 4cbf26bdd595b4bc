#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The files next to a model that hold the elements of its large tensors
/// (<https://onnx.ai/onnx/repo-docs/ExternalData.html>).
///
/// Only files inside the model's folder are read, whatever the model names.
struct ExternalData: Sendable {
  private let folder: String

  init(modelPath: String) {
    folder = modelPath.lastIndex(of: "/").map { String(modelPath[...$0]) } ?? "./"
  }

  /// The file a tensor's elements lie in; nil when they lie in the model.
  static func location(of tensor: TensorProto) -> String? {
    guard tensor.dataLocation == .external else { return nil }
    return tensor.externalData.first { $0.key == "location" }?.value ?? ""
  }

  /// Calls `body` with the `byteCount` bytes of `tensor`.
  ///
  /// - Throws: ``ONNXError`` when the file is missing, lies outside the model's folder, or is too
  ///   short.
  func withBytes<Result>(
    of tensor: TensorProto, byteCount: Int,
    _ body: (UnsafeRawBufferPointer) throws(ONNXError) -> Result
  ) throws(ONNXError) -> Result {
    let location = ExternalData.location(of: tensor) ?? ""
    let path = try checkedPath(location)
    let offset = try number("offset", of: tensor) ?? 0
    let length = try number("length", of: tensor) ?? byteCount
    guard length == byteCount else {
      throw ONNXError(
        .malformed,
        "its external data has \(length) bytes, but its shape and type need \(byteCount)")
    }
    let file: MappedFile
    do throws(FileError) {
      file = try MappedFile(path, expected: "the external data of the model")
    } catch {
      throw ONNXError(.malformed, "its external data cannot be read: \(error)")
    }
    guard offset <= file.bytes.count, length <= file.bytes.count - offset else {
      throw ONNXError(
        .malformed,
        "its external data at \(offset) ..< \(offset) + \(length) lies beyond the "
          + "\(file.bytes.count) bytes of \(location.quotedForMessage)")
    }
    let slice = UnsafeRawBufferPointer(rebasing: file.bytes[offset..<offset + length])
    defer { withExtendedLifetime(file) {} }
    return try body(slice)
  }

  private func number(_ key: String, of tensor: TensorProto) throws(ONNXError) -> Int? {
    guard let text = tensor.externalData.first(where: { $0.key == key })?.value else { return nil }
    guard let value = Int(text), value >= 0 else {
      throw ONNXError(
        .malformed, "its external data has the \(key) \(text.quotedForMessage), which is no count")
    }
    return value
  }

  private func checkedPath(_ location: String) throws(ONNXError) -> String {
    let parts = location.split(separator: "/", omittingEmptySubsequences: false)
    guard !location.isEmpty, !location.contains("\\"), !location.contains("\0"),
      !parts.contains(where: { $0 == ".." || $0.isEmpty })
    else {
      throw ONNXError(
        .malformed,
        "its external data names the file \(location.quotedForMessage), which is not a relative "
          + "path inside the model's folder")
    }
    let path = folder + location
    // A symbolic link may lead out of the folder.
    if let real = resolved(path), let home = resolved(folder) {
      guard real.hasPrefix(home == "/" ? home : home + "/") else {
        throw ONNXError(
          .malformed,
          "its external data file \(location.quotedForMessage) is a link out of the model's "
            + "folder; copy the file there")
      }
    }
    return path
  }

  private func resolved(_ path: String) -> String? {
    guard let pointer = realpath(path, nil) else { return nil }
    defer { free(pointer) }
    return String(cString: pointer)
  }
}
