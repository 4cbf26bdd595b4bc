import Solvers
import TensorGraph

/// Brings the images that were sought for each epoch apart together: those of the later epochs are
/// assigned to the first one's that they resemble, and averaged with them (Dimitrov et al. 2022, arXiv
/// 2206.12395, section 4).
struct EpochMatching {
  let epochs: Int
  /// The positions in the batch that each client holds; images of one are no other's.
  let clients: [Range<Int>]

  /// - Parameter images: those of all epochs, one epoch after another.
  /// - Returns: one batch, in the order of the first epoch.
  func mean(of images: ArraySlice<Double>) -> [Double] {
    let count = images.count / epochs
    let size = count / (clients.last?.upperBound ?? 1)
    func image(_ epoch: Int, _ position: Int) -> ArraySlice<Double> {
      let start = images.startIndex + epoch * count + position * size
      return images[start..<start + size]
    }
    var sum = Array(images.prefix(count))
    for epoch in 1..<epochs {
      for client in clients {
        let columns = minimumCostAssignment(
          client.map { row in
            client.map { ImageMetrics.meanSquaredError(image(0, row), image(epoch, $0)) }
          })
        for (row, column) in zip(client, columns) {
          let assigned = image(epoch, client.lowerBound + column)
          for (offset, value) in assigned.enumerated() { sum[row * size + offset] += value }
        }
      }
    }
    return sum.map { $0 / Double(epochs) }
  }
}
