import Foundation
import TestSupport
import Testing

@testable import ModelIO

/// A result folder is one unit: replaced whole, or left whole.
struct OutputFolderTests {
  let folder = TestFolder()

  private func write(_ names: [String], to name: String = "out", force: Bool = false) throws
    -> String?
  {
    try OutputFolder(folder(name), setsOthersAside: force).replace { staged in
      for name in names { try AtomicFile.write(name, to: staged.path(of: name)) }
    }
  }

  private func names(in name: String) -> [String] {
    FolderMarker.entries(of: folder(name)).filter { $0 != FolderMarker.name }
  }

  private func expectRefusal(_ path: String, _ words: String) {
    #expect {
      _ = try OutputFolder(path)
    } throws: {
      "\($0)".contains(words)
    }
  }

  @Test func choosingMakesNothingAndWritingMakesTheParents() throws {
    let output = try OutputFolder(folder("a/b/c/"))
    #expect(folder.contents.isEmpty)
    try output.replace { try AtomicFile.write("x", to: $0.path(of: "x.txt")) }
    #expect(bytes(of: folder("a/b/c/x.txt")) == Array("x".utf8))
    #expect(FolderMarker.entries(of: folder("a/b")) == ["c"])
  }

  @Test func newResultsLeaveNothingOfTheOldOnes() throws {
    _ = try write(["run.json", "defences.json", "a.png"])
    _ = try write(["run.json", "b.png"])
    #expect(names(in: "out") == ["b.png", "run.json"])
    #expect(folder.contents == ["out"])
  }

  @Test func resultsAreForTheUserAlone() throws {
    _ = try write(["a.png"])
    #expect(try #require(fileStatus(of: folder("out"))).st_mode & 0o777 == 0o700)
    #expect(try #require(fileStatus(of: folder("out/a.png"))).st_mode & 0o777 == 0o600)
    try AtomicFile.write("x", to: folder("page.html"), isPrivate: true)
    #expect(try #require(fileStatus(of: folder("page.html"))).st_mode & 0o777 == 0o600)
  }

  @Test func aFailureLeavesTheOldResults() throws {
    _ = try write(["old"])
    let failure = FileError(path: "p", problem: "q", remedy: "r")
    #expect(throws: failure) {
      try OutputFolder(folder("out")).replace { staged in
        try AtomicFile.write("x", to: staged.path(of: "new"))
        throw failure
      }
    }
    #expect(names(in: "out") == ["old"])
    #expect(folder.contents == ["out"])
  }

  @Test(arguments: [
    "a file", "a folder", "a link", "no marker", "a link for a result", "a link for the marker",
  ])
  func whatGradleakDidNotWriteStays(_ kind: String) throws {
    _ = try write(["run.json"])
    let files = FileManager.default
    let own: String
    switch kind {
    case "a file":
      own = folder.file("out/notes.txt", [1])
    case "a folder":
      own = folder("out/photos")
      try files.createDirectory(atPath: own, withIntermediateDirectories: false)
    case "a link":
      own = folder("out/link")
      try files.createSymbolicLink(atPath: own, withDestinationPath: "/etc/hosts")
    case "a link for a result":
      own = folder("out/run.json")
      unlink(own)
      try files.createSymbolicLink(atPath: own, withDestinationPath: folder.file("target", [7]))
    case "a link for the marker":
      own = folder("out/run.json")
      rename(folder("out/.gradleak"), folder("marker"))
      try files.createSymbolicLink(
        atPath: folder("out/.gradleak"), withDestinationPath: "../marker")
    default:
      own = folder("out/run.json")
      unlink(folder("out/.gradleak"))
    }
    let before = names(in: "out")
    expectRefusal(folder("out"), "which gradleak did not write there")
    #expect(names(in: "out") == before)

    #expect(try write(["new"], force: true) == folder("out.before-1"))
    #expect(names(in: "out") == ["new"])
    #expect(names(in: "out.before-1") == before)
    if kind == "a link for a result" { #expect(bytes(of: folder("target")) == [7]) }
  }

  @Test func aFolderThatFillsMeanwhileIsNotReplacedAndNothingIsLost() throws {
    _ = try write(["old"])
    #expect {
      try OutputFolder(folder("out")).replace { staged in
        try AtomicFile.write("x", to: staged.path(of: "new"))
        folder.file("out/mine", [1])
      }
    } throws: {
      "\($0)".contains("new results are in \(folder("out.new-1"))")
    }
    #expect(names(in: "out") == ["mine", "old"])
    #expect(names(in: "out.new-1") == ["new"])
  }

  @Test(arguments: [
    ("file", "is a file"), ("file/below", "is a file"),
    ("a/b/" + String(repeating: "x", count: 300), "too long"),
    ("a/" + String(repeating: "x", count: 230), "too long"), ("link", "symbolic link"),
    ("link/", "symbolic link"), ("dangling", "symbolic link"),
  ])
  func foldersThatCannotBe(_ name: String, _ words: String) throws {
    _ = folder.file("file", [])
    try FileManager.default.createSymbolicLink(atPath: folder("link"), withDestinationPath: "/tmp")
    try FileManager.default.createSymbolicLink(
      atPath: folder("dangling"), withDestinationPath: "nowhere")
    expectRefusal(folder(name), words)
    #expect(folder.contents == ["dangling", "file", "link"])
  }

  @Test(arguments: [
    (".", "folder that you are in"), ("..", "folder that you are in"), ("/", "root of all folders"),
    ("/proc", "another disk"),
  ])
  func placesThatAreNeverReplaced(_ path: String, _ words: String) {
    expectRefusal(path, words)
  }

  @Test(.enabled(if: geteuid() != 0, "root may write anywhere"))
  func foldersMustBeWritable() throws {
    try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder.path)
    #expect(throws: FileError.self) { try OutputFolder(folder("below")) }
    #expect(throws: FileError.self) { try OutputFolder(folder.path) }
    #expect(throws: FileError.self) { try AtomicFile.write("x", to: folder("x")) }
  }

  @Test func inputsInTheFolderAreRefused() throws {
    _ = try write(["a.png"])
    let output = try OutputFolder(folder("out"))
    #expect(throws: FileError.self) { try output.checkNotHolding([folder("out/a.png")]) }
    try output.checkNotHolding([
      folder("out"), folder("other.png"), folder("out2/a.png"), "chelsea",
    ])
  }

  /// What a run leaves that is killed while it writes, before it swaps, or after.
  @Test(arguments: ["beginning", "writing", "complete", "mine"])
  func whatAKilledRunLeftIsCleanedUp(_ moment: String) throws {
    _ = try write(["old"])
    let stale = folder(".out.gradleak-1-0.tmp")
    try FileManager.default.createDirectory(atPath: stale, withIntermediateDirectories: false)
    if moment != "beginning" { folder.file(".out.gradleak-1-0.tmp/a.png", [1]) }
    switch moment {
    // Killed while it wrote its marker, which has a temporary name until then.
    case "beginning": folder.file(".out.gradleak-1-0.tmp/.gradleak-1-0.tmp", [1])
    case "writing": try FolderMarker.incomplete.write(to: stale)
    case "complete": try FolderMarker.complete(["a.png"]).write(to: stale)
    default: break
    }
    _ = try OutputFolder(folder("out"))
    // What has no marker may be anybody's.
    #expect(folder.contents == (moment == "mine" ? [".out.gradleak-1-0.tmp", "out"] : ["out"]))
    #expect(names(in: "out") == ["old"])
  }

  @Test func completeResultsOfAKilledRunTakeAnEmptyPlace() throws {
    let stale = folder(".out.gradleak-1-0.tmp")
    try FileManager.default.createDirectory(atPath: stale, withIntermediateDirectories: false)
    folder.file(".out.gradleak-1-0.tmp/run.json", [1])
    try FolderMarker.complete(["run.json"]).write(to: stale)
    OutputFolder.recover(folder("out"))
    #expect(folder.contents == ["out"])
    #expect(names(in: "out") == ["run.json"])
  }

  @Test func aFolderThatIsBeingWrittenIsLeftAlone() throws {
    try OutputFolder(folder("out")).replace { staged in
      try AtomicFile.write("x", to: staged.path(of: "first"))
      // Another run begins and ends meanwhile.
      _ = try write(["second"])
      #expect(FolderMarker.entries(of: staged.path).contains("first"))
    }
    #expect(names(in: "out") == ["first"])
    #expect(folder.contents == ["out"])
  }

  @Test func writersThatRaceDoNotMix() throws {
    let path = folder("out")
    DispatchQueue.concurrentPerform(iterations: 8) { writer in
      for round in 0..<20 {
        _ = try? OutputFolder(path).replace { staged in
          for index in 0..<5 {
            try AtomicFile.write("x", to: staged.path(of: "\(writer)-\(round)-\(index)"))
          }
        }
      }
    }
    let left = names(in: "out")
    #expect(left.count == 5 && Set(left.map { $0.dropLast(2) }).count == 1, "\(left)")
    #expect(folder.contents == ["out"])
  }

  @Test func aFileWrittenLaterGoesWithTheResults() throws {
    _ = try write(["run.json"])
    try AtomicFile.write("page", to: folder("out/report.html"))
    OutputFolder.adopt(folder("out/report.html"))
    _ = try write(["run.json"])
    #expect(names(in: "out") == ["run.json"])
  }
}
