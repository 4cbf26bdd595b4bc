/// A serialized `xla.CompileOptionsProto` (xla/pjrt/proto/compile_options.proto): one replica, one partition, and
/// what is overridden of XLA's options.
struct CompileOptions: Hashable {
  let bytes: [UInt8]

  /// - Parameter overrides: options by the names of XLA's flags, in order.
  init(_ overrides: [(name: String, value: Bool)]) {
    // executable_build_options (3) { num_replicas (4): 1, num_partitions (5): 1 }; their defaults are 0, and end the
    // process.
    var bytes = CompileOptions.field(3, [4 << 3, 1, 5 << 3, 1])
    for (name, value) in overrides {
      // env_option_overrides (7), a map: key (1), value (2) { bool_field (2) }.
      let key = CompileOptions.field(1, Array(name.utf8))
      let value = CompileOptions.field(2, [2 << 3, value ? 1 : 0])
      bytes += CompileOptions.field(7, key + value)
    }
    self.bytes = bytes
  }

  /// A field with bytes of a known length.
  private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
    [number << 3 | 2] + variableLength(content.count) + content
  }

  private static func variableLength(_ number: Int) -> [UInt8] {
    var (rest, bytes) = (number, [UInt8]())
    while rest > 0x7F {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
}
