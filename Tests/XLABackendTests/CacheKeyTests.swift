import Foundation
import Testing

@testable import XLABackend

/// Files of the cache hold what they are for, and are used for nothing else.
struct CacheKeyTests {
  private let key = CacheKey("plugin 1", [1, 2], "func")
  private let payload: [UInt8] = Array(0..<100)

  @Test func givesBackWhatWasKept() {
    #expect(key.payload(of: key.file(payload)) == payload)
  }

  @Test(arguments: [
    CacheKey("plugin 2", [1, 2], "func"), CacheKey("plugin 1", [1, 3], "func"),
    CacheKey("plugin 1", [1, 2], "fund"), CacheKey("plugin 1", [], "func"),
  ])
  func isForNothingElse(other: CacheKey) {
    #expect(other.payload(of: key.file(payload)) == nil)
    #expect(other.fileName != key.fileName)
  }

  @Test func damageIsSeen() {
    let file = key.file(payload)
    for index in file.indices {
      var damaged = file
      damaged[index] ^= 1
      #expect(key.payload(of: damaged) == nil, "byte \(index)")
      #expect(key.payload(of: file.prefix(index)) == nil, "the first \(index) bytes")
    }
  }
}
