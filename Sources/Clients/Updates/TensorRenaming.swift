import ModelIO

/// A rule that turns names of tensors in a file into names of a model: one name into another, or one
/// beginning, at a dot, into another.
public struct TensorRenaming: Hashable, Sendable {
  /// A name in the file, or its beginning.
  public let old: String
  /// The model's name, or its beginning.
  public let new: String

  /// The renaming of `old` to `new`.
  public init(_ old: String, to new: String) {
    self.old = old
    self.new = new
  }

  /// A rule written as OLD=NEW; NEW may be empty, to take a beginning away.
  ///
  /// - Throws: ``ModelError`` when there is no "=" or nothing before it.
  public init(parsing text: String) throws(ModelError) {
    guard let separator = text.firstIndex(of: "="), separator > text.startIndex else {
      throw ModelError(
        "\(text.quotedForMessage) is no rule for names; write OLD=NEW, such as fc.=head.")
    }
    self.init(String(text[..<separator]), to: String(text[text.index(after: separator)...]))
  }

  /// The new name; nil when the rule does not apply.
  package func applied(to name: String) -> String? {
    if name == old { return new }
    let prefix = old.hasSuffix(".") ? old : old + "."
    guard name.hasPrefix(prefix) else { return nil }
    let rest = name.dropFirst(prefix.count)
    let head = new.isEmpty || new.hasSuffix(".") ? new : new + "."
    return head + rest
  }
}

/// What wrappers put before or after the names of a model's parameters.
package enum WrapperNames {
  /// Of `DataParallel` and `DistributedDataParallel`, `torch.compile`, Lightning and FSDP, Opacus,
  /// state dictionaries in checkpoints, and of gradients kept beside weights.
  static let prefixes = [
    "module.", "_orig_mod.", "_fsdp_wrapped_module.", "_forward_module.", "_module.",
    "_checkpoint_wrapped_module.", "ddp.", "_model.", "wrapped_model.", "base_model.",
    "model.", "net.", "network.",
    "backbone.", "state_dict.", "params.", "parameters.", "grad.", "grads.", "gradient.",
    "gradients.", "grad/", "delta.", "update.",
  ]
  static let suffixes = [".grad", ".gradient", ".delta"]

  /// What wrappers of inner layers put in the middle of names.
  private static let inner = [
    "_orig_mod", "_fsdp_wrapped_module", "_forward_module", "_checkpoint_wrapped_module",
  ]

  /// The name without any of these.
  package static func stripped(_ name: String) -> String {
    var name = name.split(separator: ".", omittingEmptySubsequences: false)
      .filter { !inner.contains(String($0)) }.joined(separator: ".")[...]
    while let prefix = prefixes.first(where: name.hasPrefix), name.count > prefix.count {
      name = name.dropFirst(prefix.count)
    }
    while let suffix = suffixes.first(where: name.hasSuffix), name.count > suffix.count {
      name = name.dropLast(suffix.count)
    }
    return String(name)
  }
}
