import ArgumentParser
import ModelIO

extension PictureReading: ExpressibleByArgument {
  /// For the help of options.
  public static let allValueDescriptions = HelpLevel.described([
    "pil": "as a client's loader: Image.open(...).convert(\"RGB\") of Pillow and torchvision",
    "viewer": "as a viewer shows it: EXIF orientation and gamma applied, transparency on white",
  ])
}

/// How the user's pictures are read.
struct PictureOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How pictures are read. Give what the client's loader does: a picture read otherwise is another "
        + "picture.", valueName: "name", visibility: .rare))
  var readAs: PictureReading = .pillow
}
