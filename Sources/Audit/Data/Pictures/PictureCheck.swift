import Clients
import ModelIO
import TensorGraph

/// Refuses models of segmentations, which have a class for each pixel, where one label for each example is needed.
package func checkLabels(_ model: Model) throws(ModelError) {
  guard model.labelPositions.rank == 0 else {
    throw ModelError(
      "\(model.name) labels each pixel, and this takes models with one label for each example; masks are "
        + "taken by `gradleak reconstruct`, `audit`, `sweep`, `demo` and `gradient`")
  }
}

/// Refuses models whose input is no picture: another number of channels than 1 or 3, or, for photographs,
/// a table or signal: fewer than 4 pixels in height or width, or one more than 16 times the other. A
/// photograph that is cropped to such a strip is no data of that model.
///
/// - Parameters:
///   - arePhotographs: whether pictures are fitted to the input.
///   - haveMasks: whether a class for each pixel can be their label; refused else, with what takes it.
package func checkPictures(
  _ model: Model, arePhotographs: Bool = true, haveMasks: Bool = false
) throws(ModelError) {
  if !haveMasks { try checkLabels(model) }
  let (channels, height, width) = (model.inputShape[0], model.inputShape[1], model.inputShape[2])
  guard channels == 1 || channels == 3 else {
    throw ModelError(
      advising: """
        \(model.name) takes \(channels) channels, and a picture has 1 or 3; give another model, or its \
        image shape with \(.inputShape)
        """)
  }
  guard arePhotographs else { return }
  let (short, long) = (min(height, width), max(height, width))
  guard short >= 4, long <= 16 * short else {
    throw ModelError(
      advising: """
        \(model.name) takes \(model.inputShape), which is no picture (4 pixels or more in height and width, \
        neither more than 16 times the other) but a table or signal: a photograph cannot be its data; \
        attack an update of its own data with \(.update), or say how the numbers form a picture with \
        \(.inputShape)
        """)
  }
}
