import ModelIO
import TensorGraph

/// An image that a simulated client holds, with its label.
package struct PrivateExample: Sendable {
  /// Short, for tables and file names.
  package let name: String
  /// [C, H, W] in f64, values in 0...1, of the model's input size.
  package let image: Tensor
  /// Its class, or one for each pixel in rows where the model labels them; nil when it is not known.
  package let labels: [Int]?
  /// The class of the whole; nil when it is not known, or where each pixel has its own.
  package var label: Int? { labels?.count == 1 ? labels?[0] : nil }
  /// What was done to the picture to fit the model; nil when it fitted.
  package let preparation: String?

  package init(name: String, image: Tensor, label: Int?, preparation: String? = nil) {
    self.init(name: name, image: image, labels: label.map { [$0] }, preparation: preparation)
  }

  package init(name: String, image: Tensor, labels: [Int]?, preparation: String? = nil) {
    self.name = name
    self.image = image
    self.labels = labels
    self.preparation = preparation
  }

  /// The same image with another label.
  package func labelled(_ label: Int) -> PrivateExample { labelled([label]) }

  /// The same image with another label for each pixel.
  ///
  /// - Parameter note: what was done to the mask to fit the model; nil for nothing.
  package func labelled(_ labels: [Int], note: String? = nil) -> PrivateExample {
    PrivateExample(
      name: name, image: image, labels: labels,
      preparation: [preparation, note].compactMap(\.self).joinedOrNil)
  }

  /// Makes an example of any picture: turned to grey for one channel (Pillow's `convert("L")`), cropped to
  /// the input's aspect ratio about its centre and resized (Pillow's antialiased bilinear, within 1 of 255).
  ///
  /// - Parameters:
  ///   - notes: what was done to the file's numbers before; see ``DecodedPicture/notes``.
  ///   - inputShape: [C, H, W] with 1 or 3 channels.
  package init(
    name: String, picture: Image, notes: [String] = [], label: Int?, inputShape: Shape
  ) {
    let (channels, height, width) = (inputShape[0], inputShape[1], inputShape[2])
    var steps = notes
    let original = picture
    let picture = channels == 1 ? original.grey : original
    if picture != original { steps.append("turned to grey") }
    if picture.width != width || picture.height != height {
      if picture.width * height != picture.height * width {
        steps.append("cropped to its centre")
      }
      steps.append("resized from \(picture.width)x\(picture.height) to \(width)x\(height)")
    }
    self.init(
      name: name,
      image: picture.fitted(width: width, height: height).tensor(.f64, channels: channels),
      label: label, preparation: steps.joinedOrNil)
  }
}

extension [String] {
  /// The parts, separated by commas; nil for none.
  var joinedOrNil: String? { isEmpty ? nil : joined(separator: ", ") }
}
