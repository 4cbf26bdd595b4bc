import Foundation
import ModelIO
import TestSupport
import Testing

struct FileTests {
  let folder = TestFolder()

  @Test func writesAndReplaces() throws {
    try AtomicFile.write("first", to: folder("a.txt"))
    try AtomicFile.write([1, 2, 3], to: folder("a.txt"))
    #expect(bytes(of: folder("a.txt")) == [1, 2, 3])
    #expect(folder.contents == ["a.txt"])
  }

  @Test func aFailureLeavesTheOldFileAndNothingElse() throws {
    try AtomicFile.write("old", to: folder("a.txt"))
    let failure = FileError(path: "p", problem: "q", remedy: "r")
    #expect(throws: failure) {
      try AtomicFile.write(to: folder("a.txt")) { (sink: FileSink) throws(FileError) in
        try sink.append(Array("new".utf8))
        throw failure
      }
    }
    #expect(bytes(of: folder("a.txt")) == Array("old".utf8))
    #expect(folder.contents == ["a.txt"])
  }

  @Test func aLinkStaysALink() throws {
    try AtomicFile.write("old", to: folder("target"))
    try FileManager.default.createSymbolicLink(
      atPath: folder("link"), withDestinationPath: "target")
    try AtomicFile.write("new", to: folder("link"))
    #expect(bytes(of: folder("target")) == Array("new".utf8))
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: folder("link")) == "target")
  }

  @Test(arguments: [("missing/a.txt", "folder does not exist"), ("", "directory")])
  func refusesAWrongPlace(_ name: String, _ words: String) {
    #expect {
      try AtomicFile.write("x", to: folder(name))
    } throws: {
      "\($0)".contains(words)
    }
    #expect(folder.contents == [])
  }

  @Test func refusesADevice() {
    #expect {
      try AtomicFile.write("x", to: "/dev/null")
    } throws: {
      "\($0)".contains("device")
    }
  }

  @Test func readingRefusesWhatIsNoFile() throws {
    mkfifo(folder("pipe"), 0o600)
    let cases = [
      (folder.path, "directory"), (folder("pipe"), "pipe"), (folder("none"), "no such file"),
      ("/dev/zero", "device"),
    ]
    for (path, words) in cases {
      #expect {
        try InputFile.bytes(at: path, expected: "a picture", limit: 10)
      } throws: {
        "\($0)".contains(words) && "\($0)".contains("a picture")
      }
      #expect(throws: FileError.self) { try SafetensorsFile(contentsOf: path) }
    }
  }

  @Test(.enabled(if: geteuid() != 0, "root may read anything"))
  func readingNeedsPermission() throws {
    let path = folder.file("secret", [1])
    try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: path)
    #expect {
      try InputFile.bytes(at: path, expected: "a picture", limit: 10)
    } throws: {
      "\($0)".contains("permission")
    }
  }

  @Test func readingIsBounded() throws {
    let path = folder.file("ten", [UInt8](repeating: 7, count: 10))
    #expect(try InputFile.bytes(at: path, expected: "a file", limit: 10).count == 10)
    #expect(throws: FileError.self) {
      try InputFile.bytes(at: path, expected: "a file", limit: 9)
    }
  }

  @Test func anEmptyFileIsNoSafetensors() {
    #expect {
      try SafetensorsFile(contentsOf: folder.file("empty", []))
    } throws: {
      "\($0)".contains("too few")
    }
  }
}
