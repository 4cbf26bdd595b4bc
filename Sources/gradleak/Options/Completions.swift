import ArgumentParser
import Attacks
import Audit
import Clients
import Defences
import Foundation

extension CompletionKind {
  /// Files of tensors, and folders of arrays.
  static let tensors = CompletionKind.file(extensions: [
    "safetensors", "pt", "pth", "bin", "npz", "npy",
  ])
  static let pictures = CompletionKind.file(extensions: ["png", "jpg", "jpeg", "npy"])
  static let texts = CompletionKind.file(extensions: ["txt"])
  static let json = CompletionKind.file(extensions: ["json"])
  static let yaml = CompletionKind.file(extensions: ["yml", "yaml"])
  static let safetensors = CompletionKind.file(extensions: ["safetensors"])

  /// Names of built-in models.
  static var models: CompletionKind { .list(ModelCatalog.all.map(\.name)) }
  /// A defence of each kind at a usual strength.
  static var defences: CompletionKind {
    let usual = DefenceCatalog.all.flatMap(\.priced).map(\.description)
    let others = DefenceCatalog.all.map(\.name).filter { name in
      !usual.contains { $0 == name || $0.hasPrefix(name + ":") }
    }
    return .list(["none"] + usual + others)
  }
  static var attacks: CompletionKind { .list(AttackCatalog.names) }
}

// What names something that the program carries, or a file.
extension CompletionKind {
  static var modelsAndFiles: CompletionKind {
    names(ModelCatalog.all.map(\.name) + [BundledText.modelName], orFiles: ["onnx"])
  }
  static var languageModels: CompletionKind {
    names([BundledText.modelName], orFiles: ["onnx"])
  }
  static var picturesAndNames: CompletionKind {
    names(BundledImages.names, orFiles: ["png", "jpg", "jpeg", "npy"])
  }

  private static func names(_ names: [String], orFiles endings: [String]) -> CompletionKind {
    .custom { _, _, prefix in
      names.filter { $0.hasPrefix(prefix) } + files(after: prefix, endings: endings)
    }
  }

  /// Files of some endings, and folders, whose paths begin with `prefix`.
  private static func files(after prefix: String, endings: [String]) -> [String] {
    let folder = prefix.lastIndex(of: "/").map { String(prefix[...$0]) } ?? ""
    let path = folder.isEmpty ? "." : folder
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return entries.sorted().filter { (folder + $0).hasPrefix(prefix) && !$0.hasPrefix(".") }
      .compactMap { name in
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder + name, isDirectory: &isFolder) else {
          return nil
        }
        if isFolder.boolValue { return folder + name + "/" }
        let ending = URL(fileURLWithPath: name).pathExtension.lowercased()
        return endings.contains(ending) ? folder + name : nil
      }
  }
}
