import Clients

/// What a malicious client does to learn what a class looks like that another client has.
package struct GANSettings: Codable, Hashable, Sendable {
  /// The class that the victim alone has.
  package var targetClass: Int
  /// Steps of the generator in each round.
  package var generatorSteps = 5
  /// The generator's learning rate, of Adam.
  package var generatorRate = 0.002
  /// Pictures of the generator that the client adds to its batch in each round, as of the artificial class; 0 for a
  /// client that only looks on.
  package var fakes = 64

  /// - Parameter targetClass: the class that the victim alone has.
  package init(targetClass: Int) {
    self.targetClass = targetClass
  }

  /// The class that no picture is of: the model's last (Hitaj et al. 2017, section 5, have one more than there are).
  package static func artificialClass(_ model: Model) -> Int { model.classCount - 1 }

  /// - Parameter classes: of the data.
  /// - Throws: ``FederationError`` of kind `badInput` for a number out of range, or a model without a class to spare.
  package func check(_ model: Model, classes: Int) throws(FederationError) {
    guard classes < model.classCount else {
      throw FederationError(
        advising:
          "the data has \(classes) classes, and fakes need one more; give \(.classes, classes + 1)",
        .badInput)
    }
    for (name, number, range) in [
      ("the target class", targetClass, 0...classes - 1),
      ("the number of the generator's steps", generatorSteps, 1...10_000),
      ("the number of fakes", fakes, 0...100_000),
    ] where !range.contains(number) {
      throw FederationError(
        "\(name) is \(number); give a number from \(range.lowerBound) to \(range.upperBound)",
        .badInput)
    }
    guard generatorRate > 0, generatorRate.isFinite else {
      throw FederationError(
        "the generator's learning rate is \(generatorRate); give a number above 0", .badInput)
    }
  }
}

extension PictureSource {
  /// Shares examples out so that the first worker alone has a class: all of it, and as many others at most. All other
  /// classes are shared out among all workers at random.
  ///
  /// - Returns: the positions of each worker's examples.
  package func shards(
    givingFirst targetClass: Int, of workers: Int, seed: UInt64
  ) -> [[Int]] {
    let others = choosing(labels.indices.filter { labels[$0] != targetClass })
    let positions = labels.indices.filter { labels[$0] != targetClass }
    let target = labels.indices.filter { labels[$0] == targetClass }
    return (0..<workers).map { worker in
      let shard = others.shard(worker, of: workers, .equal, seed: seed).map { positions[$0] }
      return worker == 0 ? target + shard.prefix(target.count) : shard
    }
  }
}
