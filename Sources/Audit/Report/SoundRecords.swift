import ModelIO

extension RunRecord {
  /// Whether all scores of examples are possible; the file may come from anywhere.
  var hasSoundScores: Bool {
    let scores = examples.flatMap { example in
      [example.rank].compactMap(\.self) + Array(example.measures.values)
        + example.baselines.flatMap { [$0.score] + Array($0.measures.values) }
    }
    let limits = kind == .texts || kind == .rows ? 0.0...1.0 : -1e9...1e9
    return scores.allSatisfy { $0.value.isNaN || limits.contains($0.value) }
  }
}

extension PriceReport {
  /// Whether all numbers are possible; the file may come from anywhere.
  var isSound: Bool {
    chance.isFinite
      && rows.allSatisfy { row in
        (0...1).contains(row.accuracy) && row.interval.count == 2
          && row.interval.allSatisfy((0...1).contains) && row.result.wireByteCount >= 0
          && row.result.plainByteCount >= 0
      }
  }
}

extension SweepReport {
  /// Whether all numbers are possible; the file may come from anywhere.
  var isSound: Bool {
    cells.allSatisfy { cell in
      cell.runs >= 1 && (0...cell.runs).contains(cell.leaked) && cell.runs < 1 << 48
        && cell.interval.count == 2 && cell.size >= 0 && cell.batchSize >= 0
    }
  }
}

extension MechanismRecord {
  /// Whether all numbers are possible; the file may come from anywhere.
  var isSound: Bool {
    delta > 0 && delta < 1 && rounds >= 1 && (0...1).contains(samplingRate)
      && bounds.allSatisfy { $0.epsilon >= 0 && $0.epsilon.isFinite }
      && estimate.map { !$0.epsilon.value.isNaN } ?? true
  }
}

extension PrivacyClaimRecord {
  /// Whether all numbers are possible; the file may come from anywhere.
  var isSound: Bool {
    epsilon.value >= 0 && setting.isSound
  }
}

extension PrivacySetting {
  /// Whether all numbers are possible; the file may come from anywhere.
  var isSound: Bool {
    let sizes = [clip, sensitivity].compactMap(\.self)
    let noises = [noise, noiseMultiplier].compactMap(\.self)
    let counts = [layers, noiseShares, rounds] + [batchSize, records].compactMap(\.self)
    return sizes.allSatisfy { $0 > 0 && $0.isFinite }
      && noises.allSatisfy { $0 >= 0 && $0.isFinite }
      && counts.allSatisfy { (1...1 << 40).contains($0) }
      && delta > 0 && delta < 1 && samplingRate >= 0 && samplingRate <= 1
  }
}

extension PropertyRecord {
  /// Whether all numbers are possible; the file may come from anywhere.
  var isSound: Bool {
    (0...1).contains(chance) && (0...1).contains(area.value) && clientsWith >= 1
      && clientsWithout >= 1 && clientsWith < 1 << 40 && clientsWithout < 1 << 40
      && (labelsArea.value.isNaN || (0...1).contains(labelsArea.value))
  }
}

extension MembershipRecord {
  /// Whether all numbers are possible; the file may come from anywhere.
  var isSound: Bool {
    (proofs.map { proofs in
      (0...proofs.memberCount).contains(proofs.members)
        && (0...proofs.otherCount).contains(proofs.others)
    } ?? true)
      && (exclusions.map { words in
        (0...max(updates, 0)).contains(words.told)
          && (0...max(words.memberCount, 0)).contains(words.members)
          && (0...max(words.otherCount, 0)).contains(words.others)
      } ?? true)
      && identifications.allSatisfy { row in
        row.candidates >= 2 && row.tries >= 1 && (0...row.tries).contains(row.right)
          && row.interval.count == 2 && row.interval.allSatisfy((0...1).contains)
      }
  }
}
