#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Affine transforms of images, by Pillow's conventions: an output pixel's centre (x + ½, y + ½) is
/// looked up at the input's (a x + b y + c, d x + e y + f); what lies outside takes the fill.
extension EightBitImage {
  mutating func translate(x: Double, y: Double) {
    let source = self
    for row in 0..<height {
      for column in 0..<width {
        let from = (x: Double(column) + 0.5 + x, y: Double(row) + 0.5 + y)
        let isInside =
          from.x >= 0 && from.x < Double(width) && from.y >= 0 && from.y < Double(height)
        for channel in 0..<channels {
          self[channel, row, column] =
            isInside ? source[channel, Int(from.y), Int(from.x)] : 0
        }
      }
    }
  }

  /// Moves columns by `slope` rows for each column, interpolating bicubically.
  mutating func shearY(slope: Double) {
    let source = self
    for row in 0..<height {
      for column in 0..<width {
        let x = Double(column) + 0.5
        let y = slope * x + Double(row) + 0.5
        let isInside = y >= 0 && y < Double(height)
        for channel in 0..<channels {
          self[channel, row, column] = isInside ? source.bicubic(channel, x: x, y: y) : 0
        }
      }
    }
  }

  /// Rotates by `degrees` about the centre, nearest neighbour, in 16-bit fixed point; corners become
  /// mid-grey.
  mutating func rotate(degrees: Double) {
    let source = self
    let angle = -degrees * .pi / 180
    let (cosine, sine) = (cos(angle), sin(angle))
    let centre = (x: Double(width) / 2, y: Double(height) / 2)
    let offset = (
      x: centre.x - cosine * centre.x - sine * centre.y,
      y: centre.y + sine * centre.x - cosine * centre.y
    )
    func fixed(_ value: Double) -> Int { Int((value * 65536 + 0.5).rounded(.down)) }
    let steps = (a: fixed(cosine), b: fixed(sine), d: fixed(-sine), e: fixed(cosine))
    let start = (
      x: fixed(offset.x + cosine * 0.5 + sine * 0.5), y: fixed(offset.y - sine * 0.5 + cosine * 0.5)
    )
    for row in 0..<height {
      for column in 0..<width {
        let x = (start.x + column * steps.a + row * steps.b) >> 16
        let y = (start.y + column * steps.d + row * steps.e) >> 16
        let isInside = x >= 0 && x < width && y >= 0 && y < height
        for channel in 0..<channels {
          self[channel, row, column] = isInside ? source[channel, y, x] : 128
        }
      }
    }
  }

  /// The value at (x, y) by Catmull and Rom's cubic; rows beyond the border repeat the last one.
  private func bicubic(_ channel: Int, x: Double, y: Double) -> UInt8 {
    let (x, y) = (x - 0.5, y - 0.5)
    let (left, top) = (Int(x.rounded(.down)) - 1, Int(y.rounded(.down)) - 1)
    let (dx, dy) = (x - x.rounded(.down), y - y.rounded(.down))
    func cubic(_ v: [Double], _ d: Double) -> Double {
      let (p1, p2) = (v[1], v[2] - v[0])
      let p3 = 2 * (v[0] - v[1]) + v[2] - v[3]
      let p4 = -v[0] + v[1] - v[2] + v[3]
      return p1 + d * (p2 + d * (p3 + d * p4))
    }
    var rows: [Double] = []
    for row in top..<top + 4 {
      // The first row is clamped; later ones repeat the one before.
      guard row >= 0 && row < height || rows.isEmpty else {
        rows.append(rows[rows.count - 1])
        continue
      }
      let clamped = min(max(row, 0), height - 1)
      let values = (left..<left + 4).map { column in
        Double(self[channel, clamped, min(max(column, 0), width - 1)])
      }
      rows.append(cubic(values, dx))
    }
    return UInt8(min(max(cubic(rows, dy), 0), 255))
  }
}
