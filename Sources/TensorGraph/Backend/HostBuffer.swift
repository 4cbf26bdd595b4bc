#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Memory for one tensor, owned by whoever runs a graph: bound to an input or output once, then
/// read and written in place between runs.
///
/// Not synchronised: one thread at a time.
public final class HostBuffer {
  /// Shape and element type of the contents.
  public let type: TensorType
  /// 64-byte aligned, zero-filled at creation, valid as long as the buffer lives.
  public let address: UnsafeMutableRawPointer

  /// Allocates a zero-filled buffer.
  public init(_ type: TensorType) {
    self.type = type
    // Rounded up to whole cache lines, so that vector kernels may read a full last line.
    let byteCount = max((type.byteCount + 63) & ~63, 64)
    var memory: UnsafeMutableRawPointer?
    let status = posix_memalign(&memory, 64, byteCount)
    guard status == 0, let memory else {
      // What was asked for is too large for this machine: no mistake of the program, which would trap.
      endForWantOfMemory(byteCount)
    }
    memset(memory, 0, byteCount)
    self.address = memory
  }

  /// Allocates a buffer that holds a copy of `tensor`.
  public convenience init(_ tensor: Tensor) {
    self.init(tensor.type)
    write(tensor)
  }

  deinit { free(address) }

  /// Copies `tensor` in. Traps when the type differs.
  public func write(_ tensor: Tensor) {
    precondition(tensor.type == type, "cannot write \(tensor.type) to a buffer of \(type)")
    tensor.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress, bytes.count > 0 {
        address.copyMemory(from: base, byteCount: bytes.count)
      }
    }
  }

  /// A copy of the contents.
  public func read() -> Tensor {
    let count = type.shape.elementCount
    switch type.dtype {
    case .f32: return Tensor(type.shape, .f32(elements(Float.self, count)))
    case .f64: return Tensor(type.shape, .f64(elements(Double.self, count)))
    case .i32: return Tensor(type.shape, .i32(elements(Int32.self, count)))
    case .i64: return Tensor(type.shape, .i64(elements(Int64.self, count)))
    case .bool: return Tensor(type.shape, .bool(elements(Bool.self, count)))
    }
  }

  /// The elements as a typed buffer. `Element` must be the element type of ``type``.
  public func pointer<Element>(as _: Element.Type) -> UnsafeMutableBufferPointer<Element> {
    precondition(MemoryLayout<Element>.size == type.dtype.byteCount, "\(Element.self) in \(type)")
    return UnsafeMutableBufferPointer(
      start: address.assumingMemoryBound(to: Element.self), count: type.shape.elementCount)
  }

  private func elements<Element>(_: Element.Type, _ count: Int) -> [Element] {
    Array(UnsafeBufferPointer(start: address.assumingMemoryBound(to: Element.self), count: count))
  }
}

/// Ends the program with a sentence, as for every wrong input.
private func endForWantOfMemory(_ byteCount: Int) -> Never {
  let words =
    "gradleak: there is not enough memory for \(byteCount >> 20) MiB more; use smaller examples, a smaller batch "
    + "or a smaller model, or raise the limit on memory.\n"
  _ = words.withCString { write(STDERR_FILENO, $0, strlen($0)) }
  exit(2)
}
