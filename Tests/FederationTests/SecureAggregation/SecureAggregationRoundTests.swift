import Fuzzing
import Solvers
import Testing

@testable import Federation

@Suite struct SecureAggregationRoundTests {
  @Test(arguments: [(2, false), (3, false), (5, false), (3, true), (7, true)])
  func sumIsExact(_ count: Int, _ active: Bool) throws {
    let settings = try SecureAggregationSettings(
      clientCount: count, vectorLength: 1001, active: active)
    var run = try SecureAggregationRehearsal(settings: settings, seed: 11)
    guard case .sum(let sum) = run.run() else {
      Issue.record("no sum")
      return
    }
    #expect(run.fault == nil)
    #expect(sum.included == Array(1...count))
    #expect(sum.dropouts.isEmpty && sum.wrongShares.isEmpty)
    let transcript = run.server.transcript
    #expect(transcript.parties == [[Int]](repeating: sum.included, count: active ? 4 : 3))
    #expect(transcript.rebuiltSeeds == sum.included && transcript.rebuiltKeys.isEmpty)
    #expect(transcript.bytes.received > 4 * 1001 * count)
  }

  /// The sum of vectors under masks looks like noise, and no client's vector is sent as it is.
  @Test func vectorsAreHidden() throws {
    var parties = try Parties(
      3, length: 4096, inputs: .init(repeating: .init(repeating: 0, count: 4096), count: 3))
    let list = try parties.shares(parties.keyList([1, 2, 3]), [1, 2, 3])
    for number in 1...3 {
      let words = try parties.vector(number, list).words
      let ones = words.reduce(0) { $0 + $1.nonzeroBitCount }
      // 131,072 fair bits: six standard deviations are 1,086.
      #expect(abs(ones - 65_536) < 1086)
    }
  }

  /// Clients fall silent anywhere: the sum is that of exactly those whose vectors came, or there is none, for too few.
  @Test func thousandPatternsOfDropouts() throws {
    var random = RandomSource(seed: 12)
    var (sums, failures, partial) = (0, 0, 0)
    for pattern in 0..<1000 {
      let count = 2 + random.integer(below: 5)
      let active = pattern % 4 == 0
      let least = SecureAggregationSettings.leastThreshold(clientCount: count, active: active)
      let settings = try SecureAggregationSettings(
        clientCount: count, threshold: least + random.integer(below: count - least + 1),
        vectorLength: 3, active: active)
      var silent: [Int: SecureAggregationStep] = [:]
      for client in 1...count where random.integer(below: 3) == 0 {
        let steps = SecureAggregationStep.allCases.filter { active || $0 != .consistencyCheck }
        silent[client] = steps[random.integer(below: steps.count)]
      }
      var run = try SecureAggregationRehearsal(
        settings: settings, seed: UInt64(pattern), silentFrom: silent)
      let outcome = run.run()
      #expect(run.fault == nil, "pattern \(pattern)")
      let sent = (1...count).filter { silent[$0].map { $0 > .maskedInput } ?? true }
      let stayed = count - silent.count
      switch outcome {
      case .sum(let sum):
        sums += 1
        partial += sum.included.count < count ? 1 : 0
        #expect(sum.included == sent)
        #expect(stayed >= settings.threshold)
        let seen = Dictionary(uniqueKeysWithValues: sum.dropouts.map { ($0.client, $0.step) })
        // Who is missing at the last step is known only when it ends.
        #expect(seen == silent.filter { $0.value < .unmasking })
      case .failure(let error):
        failures += 1
        #expect(stayed < settings.threshold)
        #expect(error.message.contains("of \(count) clients"), "\(error)")
      case nil: Issue.record("no end")
      }
    }
    #expect(sums > 200 && failures > 200 && partial > 100, "\(sums), \(failures), \(partial)")
  }

  @Test func nobodyAtAll() throws {
    let settings = try SecureAggregationSettings(clientCount: 3, vectorLength: 1)
    var run = try SecureAggregationRehearsal(
      settings: settings, seed: 1,
      silentFrom: [1: .advertiseKeys, 2: .advertiseKeys, 3: .advertiseKeys])
    guard case .failure(let error) = run.run() else {
      Issue.record("a sum of nobody")
      return
    }
    #expect(
      error.message
        == "0 of 3 clients sent their public keys, and 2 are needed: this round has no sum")
    #expect(error.kind == .tooFew)
  }

  /// Time is printed, not tested.
  @Test func millionWordsOfTenClients() throws {
    let settings = try SecureAggregationSettings(clientCount: 10, vectorLength: 1_000_000)
    let inputs = (1...10).map { client in
      (0..<1_000_000).map { UInt32(truncatingIfNeeded: $0 &* 2_654_435_761 &* client) }
    }
    var run = try SecureAggregationRehearsal(
      settings: settings, inputs: inputs, random: RandomSource(seed: 13),
      silentFrom: [2: .maskedInput, 5: .maskedInput, 9: .maskedInput])
    let time = ContinuousClock().measure { _ = run.run() }
    #expect(run.fault == nil)
    guard case .sum(let sum) = run.outcome else {
      Issue.record("no sum")
      return
    }
    #expect(sum.included == [1, 3, 4, 6, 7, 8, 10])
    var parties = try Parties(10, length: 1_000_000, inputs: inputs)
    let everyone = Array(1...10)
    let list = try parties.shares(parties.keyList(everyone), everyone)
    let client = try ContinuousClock().measure { _ = try parties.vector(1, list) }
    print(
      "10 clients of 10^6 words, 3 dropped out: \(time) in all, \(client) for one client to mask")
  }

  @Test func tenThousandChangedMessages() throws {
    let fuzz = try #require(SecureAggregationFuzz.shared)
    let messages = fuzz.messages
    #expect(messages.allSatisfy { fuzz.play($0).fault == nil })
    var taken = 0
    for index in 0..<10_000 {
      // One of four is as it was, in its place or another.
      let bytes =
        index % 4 == 0
        ? messages[index / 4 % messages.count]
        : fuzzInput(
          index, seed: 14, from: messages, words: FuzzedReader.secureAggregation.words)
      let result = fuzz.play(bytes)
      taken += result.wasTaken ? 1 : 0
      #expect(result.fault == nil, "message \(index)")
    }
    #expect(taken > 500 && taken < 9000, "\(taken)")
  }
}
