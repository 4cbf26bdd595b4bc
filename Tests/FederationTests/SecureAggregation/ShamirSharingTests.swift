import Solvers
import Testing

@testable import Federation

@Suite struct ShamirSharingTests {
  /// FIPS 197, 4.2: {57} · {83} = {c1}, {57} · {13} = {fe}; its inverse of {53} is {ca}.
  @Test func fieldIsThatOfAES() {
    #expect(ShamirSharing.product(0x57, 0x83) == 0xC1)
    #expect(ShamirSharing.product(0x57, 0x13) == 0xFE)
    #expect(ShamirSharing.inverse(of: 0x53) == 0xCA)
    for value in UInt8(1)...255 {
      #expect(ShamirSharing.product(value, ShamirSharing.inverse(of: value)) == 1)
    }
  }

  @Test func anyThresholdOfSharesGivesTheSecret() throws {
    var random = RandomSource(seed: 3)
    for _ in 0..<200 {
      let count = 1 + random.integer(below: 12)
      let threshold = 1 + random.integer(below: count)
      let holders = random.permutation(of: 255).prefix(count).map { $0 + 1 }
      let secret = [UInt8].random(32, using: &random)
      let shares = try ShamirSharing.share(
        secret, threshold: threshold, among: holders, using: &random)
      #expect(Set(shares.keys) == Set(holders))
      let order = random.permutation(of: count).map { holders[$0] }
      let some = order.prefix(threshold).map { (holder: $0, bytes: shares[$0] ?? []) }
      #expect(try ShamirSharing.secret(from: some) == secret)
      // All of them lie on the same polynomials.
      for holder in holders {
        #expect(try ShamirSharing.value(at: holder, from: some) == shares[holder])
      }
    }
  }

  /// For each secret there is a share that, with t - 1 given ones, gives it: they rule nothing out.
  @Test func fewerSharesLeaveEverySecretPossible() throws {
    var random = RandomSource(seed: 4)
    let shares = try ShamirSharing.share(
      [0x42], threshold: 3, among: [1, 2, 3, 4], using: &random)
    let known = [1, 4].map { (holder: $0, bytes: shares[$0] ?? []) }
    let secrets = try (UInt8(0)...255).map {
      try ShamirSharing.secret(from: known + [(holder: 2, bytes: [$0])])[0]
    }
    #expect(Set(secrets).count == 256)
    #expect(secrets.contains(0x42))
  }

  /// Over many sharings of one secret each holder's byte takes all values alike: chi-squared with 255 degrees of freedom.
  @Test func oneShareIsUniform() throws {
    var random = RandomSource(seed: 5)
    var counts = [Double](repeating: 0, count: 256)
    let trials = 51_200
    for _ in 0..<trials {
      let shares = try ShamirSharing.share([7], threshold: 2, among: [1, 9], using: &random)
      counts[Int(shares[9]?[0] ?? 0)] += 1
    }
    let expected = Double(trials) / 256
    let distance = counts.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
    #expect(distance > 160 && distance < 370)
  }

  @Test func wrongSharesGiveOtherSecretsUnnoticed() throws {
    var random = RandomSource(seed: 6)
    let secret = [UInt8].random(32, using: &random)
    var shares = try ShamirSharing.share(secret, threshold: 2, among: [1, 2, 3], using: &random)
      .map { (holder: $0.key, bytes: $0.value) }
    shares[0].bytes[5] ^= 1
    let other = try ShamirSharing.secret(from: Array(shares.prefix(2)))
    #expect(zip(other, secret).count { $0 != $1 } == 1)
  }

  @Test func holdersAreDifferentPoints() throws {
    var random = RandomSource(seed: 7)
    for holders in [[0, 1], [1, 1], [1, 256], [-1, 2], []] {
      #expect(
        kind { _ = try ShamirSharing.share([1], threshold: 1, among: holders, using: &random) }
          == .badInput)
      #expect(
        kind { _ = try ShamirSharing.secret(from: holders.map { (holder: $0, bytes: [1]) }) }
          == .badInput)
    }
    for threshold in [0, 3, -1] {
      #expect(
        kind {
          _ = try ShamirSharing.share([1], threshold: threshold, among: [1, 2], using: &random)
        }
          == .badInput)
    }
    #expect(
      kind {
        _ = try ShamirSharing.secret(from: [(holder: 1, bytes: [1]), (holder: 2, bytes: [])])
      }
        == .badInput)
  }
}
