import Foundation
import ModelIO

extension Report {
  /// Pictures at most; the numbers hold the rest.
  private static let figureLimit = 60

  private struct Picture {
    let record: RunRecord
    let image: ImageResult
    let files: ReportPictures
  }

  /// Original, recovered and difference of each image whose pictures lie beside its record.
  var pictures: [ReportBlock]? {
    var all: [Picture] = []
    var room = ReportPictures.totalPixelLimit
    for runs in input.runs {
      let seeds = Set(runs.records.map(\.configuration.seed))
      for record in runs.records {
        for image in record.images where all.count < Report.figureLimit {
          let suffix = seeds.count > 1 ? "-seed\(record.configuration.seed)" : ""
          let files = ReportPictures(stem: image.name + suffix, folder: runs.folder, room: &room)
          if files.reconstruction != nil {
            all.append(Picture(record: record, image: image, files: files))
          }
        }
      }
    }
    guard !all.isEmpty else { return nil }
    let omitted = rows.count - all.count
    var blocks: [ReportBlock] = [
      .paragraph(
        "The difference is amplified \(ReportPictures.differenceGain) times: white where both agree.",
        .soft),
      .pictures(all.map(row)),
    ]
    if omitted > 0 {
      blocks.append(
        .paragraph("\(omitted) more are in the \("numbers", .link("numbers")) alone.", .note))
    }
    return blocks + strips(all)
  }

  private func row(_ picture: Picture) -> ReportPictureRow {
    let image = picture.image
    let name = image.name.withoutFolders.clipped(to: 200)
    let level = picture.record.level(of: image)
    let psnr = decibelText(image.decibels)
    let seed = picture.record.configuration.seed
    let hasSeeds = Set(input.records.map(\.configuration.seed)).count > 1
    let ssim = image.ssim.map { String(format: ", SSIM %.3f", $0.value) } ?? ""
    let defence = picture.record.defence.map { ", defence \($0.chain)" } ?? ""
    let words = level == .full ? "came back in full" : level.words
    return ReportPictureRow(
      pictures: [
        ReportPicture(
          image: picture.files.original, label: "original",
          alternative: "\(name): the private original"),
        ReportPicture(
          image: picture.files.reconstruction, label: "recovered",
          alternative: "\(name): recovered from the update, PSNR \(psnr) dB"),
        ReportPicture(
          image: picture.files.difference, label: "difference",
          alternative: "\(name): difference of both"),
      ]
        + (image.mask == nil
          ? []
          : [
            ReportPicture(
              image: picture.files.mask, label: "mask: true, found",
              alternative: "\(name): the mask and what was found of it, a colour for each class")
          ]),
      caption: """
        \(name, .strong)\(hasSeeds ? ", seed \(seed)" : "")\(defence): \(words, .tone(level.tone)), \
        PSNR \(psnr) dB\(ssim), label \(image.labelWords)
        """)
  }

  /// The images on their way, as far as there are strips.
  private func strips(_ all: [Picture]) -> [ReportBlock] {
    let strips = all.compactMap { picture -> ReportPicture? in
      guard let strip = picture.files.snapshots else { return nil }
      let name = picture.image.name.withoutFolders.clipped(to: 200)
      return ReportPicture(
        image: strip, label: "Snapshots of \(name)",
        alternative:
          "\(name) at several iterations of the best trial, from noise to the recovered image")
    }
    guard let first = strips.first else { return [] }
    let rest = Array(strips.dropFirst())
    return [.heading("Snapshots over iterations"), .strips([first])]
      + (rest.isEmpty ? [] : [.folded("\(rest.count) more", [.strips(rest)], isOnPaper: false)])
  }

  // MARK: - Determinacy

  /// What `gradleak analyse` found, with its maps.
  var determinacy: [ReportBlock]? {
    guard !input.analyses.isEmpty else { return nil }
    var room = ReportPictures.totalPixelLimit
    return input.analyses.prefix(Report.figureLimit).flatMap { describe($0, room: &room) }
  }

  private func describe(_ analysis: ReportInput.Analysis, room: inout Int) -> [ReportBlock] {
    let record = analysis.record
    var maps: [ReportPictureRow] = []
    for name in record.images.prefix(Report.figureLimit) {
      for (kind, meaning) in [
        ("determinacy", "white where the gradient determines the pixel"),
        ("noise", "bright where noise is amplified most, logarithmic"),
      ] {
        guard
          let map = ReportPictures.map(kind, of: name, folder: analysis.folder, room: &room)
        else { continue }
        let shown = name.withoutFolders.clipped(to: 200)
        maps.append(
          ReportPictureRow(
            pictures: [
              ReportPicture(
                image: map, label: "",
                alternative: "\(shown), \(kind) of each pixel: \(meaning)")
            ], caption: "\(shown, .strong), \(kind): \(meaning)"))
      }
    }
    let enough =
      record.varianceFor20dB.map {
        " Noise of variance \(String(format: "%.1e", $0)) on every number is predicted to keep reconstructions below 20 dB "
          + "(linearised at these images, prior of independent pixels)."
      } ?? ""
    let largest = String(format: "%.3g", record.largestEigenvalue.value)
    let smallest = String(format: "%.3g", record.smallestEigenvalue.value)
    let text: ReportText = """
      The gradient of \(record.model) determines \(record.rank) of \(record.unknowns) directions in pixel space; its \
      layers allow at most \(min(record.equationBound, record.unknowns)). Eigenvalues of JᵀJ, where J is the \
      derivative of the gradient by the pixels: largest \(largest), smallest \(smallest).\(enough)
      """
    return [.paragraph(text)] + (maps.isEmpty ? [] : [.pictures(maps)])
  }
}
