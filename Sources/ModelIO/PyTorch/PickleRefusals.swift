/// What a pickle is refused for.
extension PickleMachine {
  /// Why an opcode is refused; what it would have called is named.
  mutating func refusal(of opcode: UInt8) throws(FileError) -> FileError {
    switch opcode {
    case UInt8(ascii: "i"):
      let (module, name) = (try line(), try line())
      return refused("\(module).\(name)".quotedForMessage)
    case UInt8(ascii: "o"): return refused("an object (OBJ)")
    case 0x92: return refused("an object with named arguments (NEWOBJ_EX)")
    case 0x82, 0x83, 0x84: return refused("a class by its number (EXT)")
    case UInt8(ascii: "P"): return refused("the persistent id \(try line().quotedForMessage)")
    case 0x97, 0x98: return refused("a buffer outside of it")
    default: return damaged("it has the operation \(opcode), which torch.save does not write")
    }
  }

  func global(_ module: String, _ name: String) throws(FileError) -> PickleGlobal {
    guard let global = PickleGlobal(module: module, name: name) else {
      throw refused("\(module).\(name)".quotedForMessage)
    }
    return global
  }

  /// The refusal of what a pickle asks for.
  func refused(_ what: String) -> FileError {
    FileError(
      path: path,
      problem:
        "its pickle asks for \(what), and only tensors, arrays and the containers they lie in are "
        + "read; nothing of it was run",
      remedy: "if you trust the file, load it in Python and save its tensors alone with "
        + "torch.save(model.state_dict(), \"weights.pt\")")
  }

  func damaged(_ problem: String) -> FileError {
    FileError(
      path: path, problem: "its pickle is damaged: \(problem) (byte \(cursor.position))",
      remedy: "save it again with torch.save")
  }

  func tooLarge(_ what: String, _ limit: Int) -> FileError {
    FileError(
      path: path, problem: "its pickle has \(what), more than the \(limit) allowed",
      remedy: "save its tensors alone with torch.save(model.state_dict(), \"weights.pt\")")
  }
}
