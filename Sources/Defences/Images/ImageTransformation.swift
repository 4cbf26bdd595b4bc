import ModelIO
import Solvers
import TensorGraph

/// Transforms each image by a policy of the automatic transformation search.
struct ImageTransformation: ImageDefence {
  static let descriptor = DefenceDescriptor(
    name: "transform",
    parameters: [DefenceDescriptor.Parameter("policy", 0...49, isWhole: true)],
    summary: "transforms the images by a policy of the automatic transformation search, such as "
      + "transform:3-1-7 or transform:3-1-7/43-18-18",
    source: "Gao et al. 2021, arXiv 2011.12505, section 4",
    answer: DefenceDescriptor.Answer("none is needed: the transformed image is what comes back"),
    strengths: DefenceDescriptor.Strengths([ImageTransformation([3, 1, 7], [43, 18, 18])]),
    priced: [ImageTransformation([3, 1, 7])],
    read: { text throws(DefenceError) in
      ImageTransformation(policy: try TransformPolicy(text))
    },
    make: { ImageTransformation([Int($0[0])]) })

  let policy: TransformPolicy
  var parameterText: String { policy.description }

  init(policy: TransformPolicy) {
    self.policy = policy
  }

  private init(_ alternatives: [Int]...) {
    policy = TransformPolicy(alternatives)
  }

  func transform(_ image: Tensor, using source: inout RandomSource) -> Tensor {
    policy.apply(to: image, using: &source)
  }
}

/// Transformations that a client applies to its images before training, of those found by automatic
/// transformation search (Gao et al. 2021, arXiv 2011.12505, section 4, and the authors' list of 50).
///
/// Written as the paper does, such as `3-1-7`: number 3, then 1, then 7. Of several policies, which
/// are joined by `/`, each image gets one at random; the paper's hybrid is `3-1-7/43-18-18`.
struct TransformPolicy: Hashable, Sendable {
  /// Each the numbers of its transformations, in the order of application.
  let alternatives: [[Int]]

  /// Transformations in one policy at most.
  private static let longest = 8
  private static let mostAlternatives = 16

  /// - Throws: ``DefenceError`` for a text that is no policy.
  init(_ text: String) throws(DefenceError) {
    let texts = text.split(separator: "/", omittingEmptySubsequences: false)
    var alternatives: [[Int]] = []
    for text in texts {
      let numbers = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      let known = numbers.compactMap(\.self).filter(Transformation.all.indices.contains)
      guard known.count == numbers.count, known.count <= TransformPolicy.longest else {
        throw DefenceError(
          "\(String(text).quotedForMessage) is no policy of transform; give numbers from 0 to "
            + "\(Transformation.all.count - 1) joined by \"-\", such as 3-1-7, and policies joined by "
            + "\"/\"")
      }
      alternatives.append(known)
    }
    guard alternatives.count <= TransformPolicy.mostAlternatives else {
      throw DefenceError(
        "transform has \(alternatives.count) policies; give at most "
          + "\(TransformPolicy.mostAlternatives)")
    }
    self.alternatives = alternatives
  }

  /// - Parameter alternatives: each the numbers of transformations, in 0...49.
  init(_ alternatives: [[Int]]) {
    self.alternatives = alternatives
  }

  /// An image [C, H, W] with values in 0...1, transformed; rounded to 8 bits, as images in files are.
  func apply(to image: Tensor, using source: inout RandomSource) -> Tensor {
    var result = EightBitImage(image)
    for number in alternatives[source.integer(below: alternatives.count)] {
      Transformation.all[number].apply(to: &result, using: &source)
    }
    return result.tensor
  }
}

extension TransformPolicy: CustomStringConvertible {
  var description: String {
    alternatives.map { $0.map(String.init).joined(separator: "-") }.joined(separator: "/")
  }
}

/// One of the search's transformations.
struct Transformation {
  enum Kind {
    case invert, contrast, rotate, translateX, translateY, sharpness, shearY, autocontrast
    case equalize, posterize, color, brightness, solarize
  }

  let kind: Kind
  /// In ninths of the kind's greatest strength.
  let level: Int

  init(_ kind: Kind, _ level: Int) {
    self.kind = kind
    self.level = level
  }

  /// The authors' list, in their order. Their code draws no probability: a policy's transformations
  /// are always applied.
  static let all: [Transformation] = [
    Transformation(.invert, 7), Transformation(.contrast, 6), Transformation(.rotate, 2),
    Transformation(.translateX, 9), Transformation(.sharpness, 1), Transformation(.sharpness, 3),
    Transformation(.shearY, 2), Transformation(.translateY, 2), Transformation(.autocontrast, 5),
    Transformation(.equalize, 2), Transformation(.shearY, 5), Transformation(.posterize, 5),
    Transformation(.color, 3), Transformation(.brightness, 5), Transformation(.sharpness, 9),
    Transformation(.brightness, 9), Transformation(.equalize, 5), Transformation(.equalize, 1),
    Transformation(.contrast, 7), Transformation(.sharpness, 5), Transformation(.color, 5),
    Transformation(.translateX, 5), Transformation(.equalize, 7), Transformation(.autocontrast, 8),
    Transformation(.translateY, 3), Transformation(.sharpness, 6), Transformation(.brightness, 6),
    Transformation(.color, 8), Transformation(.solarize, 0), Transformation(.invert, 0),
    Transformation(.equalize, 0), Transformation(.autocontrast, 0), Transformation(.equalize, 8),
    Transformation(.equalize, 4), Transformation(.color, 5), Transformation(.equalize, 5),
    Transformation(.autocontrast, 4), Transformation(.solarize, 4), Transformation(.brightness, 3),
    Transformation(.color, 0), Transformation(.solarize, 1), Transformation(.autocontrast, 0),
    Transformation(.translateY, 3), Transformation(.translateY, 3),
    Transformation(.autocontrast, 1),
    Transformation(.solarize, 1), Transformation(.equalize, 5), Transformation(.invert, 0),
    Transformation(.translateY, 3), Transformation(.autocontrast, 1),
  ]

  func apply(to image: inout EightBitImage, using source: inout RandomSource) {
    let sign: Double
    switch kind {
    case .contrast, .translateX, .translateY, .sharpness, .shearY, .color, .brightness:
      sign = source.integer(below: 2) == 0 ? -1 : 1
    case .invert, .rotate, .autocontrast, .equalize, .posterize, .solarize:
      sign = 1
    }
    apply(to: &image, sign: sign)
  }

  /// - Parameter sign: -1 or 1: the direction, where the kind has one.
  func apply(to image: inout EightBitImage, sign: Double) {
    let share = Double(level) / 9
    /// Greatest shift, relative to the image's side.
    let shift = sign * share * 150 / 331
    switch kind {
    case .invert: image.invert()
    case .solarize: image.solarize(threshold: 256 * (1 - share))
    case .posterize: image.posterize(bits: Int((8 - 4 * share).rounded(.toNearestOrEven)))
    case .autocontrast: image.stretchContrast()
    case .equalize: image.equalize()
    case .color: image.enhanceColor(by: 1 + sign * 0.5 * share)
    case .contrast: image.enhanceContrast(by: 1 + sign * 0.5 * share)
    case .brightness: image.enhanceBrightness(by: 1 + sign * 0.5 * share)
    case .sharpness: image.enhanceSharpness(by: 1 + sign * 0.5 * share)
    case .translateX: image.translate(x: shift * Double(image.width), y: 0)
    case .translateY: image.translate(x: 0, y: shift * Double(image.height))
    case .shearY: image.shearY(slope: sign * 0.3 * share)
    case .rotate: image.rotate(degrees: 30 * share)
    }
  }
}
