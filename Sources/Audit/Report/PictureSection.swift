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
  var pictures: HTML? {
    var all: [Picture] = []
    for runs in input.runs {
      let seeds = Set(runs.records.map(\.configuration.seed))
      for record in runs.records {
        for image in record.images where all.count < Report.figureLimit {
          let suffix = seeds.count > 1 ? "-seed\(record.configuration.seed)" : ""
          let files = ReportPictures(stem: image.name + suffix, folder: runs.folder)
          if files.reconstruction != nil {
            all.append(Picture(record: record, image: image, files: files))
          }
        }
      }
    }
    guard !all.isEmpty else { return nil }
    let omitted = rows.count - all.count
    let note: HTML =
      omitted > 0
      ? "<p class=\"note\">\(omitted) more are in the <a href=\"#numbers\">numbers</a> alone.</p>\n"
      : .none
    return """
      <p class="soft">The difference is amplified \(ReportPictures.differenceGain) times: white where \
      both agree.</p>
      <div class="pictures">
      \(all.map(figure))</div>
      \(note)\(strips(all))
      """
  }

  private func figure(_ picture: Picture) -> HTML {
    let image = picture.image
    let name = image.name
    let level = picture.record.level(of: image)
    let psnr = decibelText(image.decibels)
    let seed = picture.record.configuration.seed
    let hasSeeds = Set(input.records.map(\.configuration.seed)).count > 1
    let ssim = image.ssim.map { String(format: ", SSIM %.3f", $0.value) } ?? ""
    let defence = picture.record.defence.map { ", defence \($0.chain)" } ?? ""
    return """
      <figure>
      <div class="triple">
      \(cell(picture.files.original, "original", "\(name): the private original"))
      \(cell(picture.files.reconstruction, "recovered", "\(name): recovered from the update, PSNR \(psnr) dB"))
      \(cell(picture.files.difference, "difference", "\(name): difference of both"))
      </div>
      <figcaption><strong>\(name)</strong>\(hasSeeds ? ", seed \(seed)" : "")\(defence)<br>\
      <b class="\(level.tone)">\(level == .full ? "came back in full" : level.words)</b>: \
      PSNR \(psnr) dB\(ssim), label \(image.labelWords)</figcaption>
      </figure>

      """
  }

  private func cell(_ image: Image?, _ kind: String, _ alternative: String) -> HTML {
    guard let image, let uri = image.dataURI else {
      return "<div><div class=\"absent\">not in the folder</div><span>\(kind)</span></div>"
    }
    return """
      <div><img src="\(uri)" width="\(image.width)" height="\(image.height)" \
      alt="\(alternative)"><span>\(kind)</span></div>
      """
  }

  /// The images on their way, as far as there are strips.
  private func strips(_ all: [Picture]) -> HTML {
    let strips = all.compactMap { picture -> HTML? in
      guard let strip = picture.files.snapshots, let uri = strip.dataURI else { return nil }
      let name = picture.image.name
      return """
        <div class="scroll strip" tabindex="0" role="region" aria-label="Snapshots of \(name)">\
        <img src="\(uri)" width="\(strip.width)" height="\(strip.height)" \
        alt="\(name) at several iterations of the best trial, from noise to the recovered image"></div>

        """
    }
    guard let first = strips.first else { return .none }
    let rest = Array(strips.dropFirst())
    let more: HTML =
      rest.isEmpty
      ? .none
      : "<details><summary>\(rest.count) more</summary>\n\(rest)</details>\n"
    return """
      <h3>Snapshots over iterations</h3>
      \(first)\(more)
      """
  }

  // MARK: - Determinacy

  /// What `gradleak analyse` found, with its maps.
  var determinacy: HTML? {
    guard !input.analyses.isEmpty else { return nil }
    return input.analyses.map(describe).joined
  }

  private func describe(_ analysis: ReportInput.Analysis) -> HTML {
    let record = analysis.record
    let maps = record.images.prefix(Report.figureLimit).compactMap { name -> HTML? in
      let cells = [
        ("determinacy", "white where the gradient determines the pixel"),
        ("noise", "bright where noise is amplified most, logarithmic"),
      ].compactMap { kind, meaning -> HTML? in
        guard let map = ReportPictures.map(kind, of: name, folder: analysis.folder),
          let uri = map.dataURI
        else { return nil }
        return """
          <figure class="map"><img src="\(uri)" width="\(map.width)" height="\(map.height)" \
          alt="\(name), \(kind) of each pixel: \(meaning)"><figcaption><strong>\(name)</strong>, \
          \(kind): \(meaning)</figcaption></figure>

          """
      }
      return cells.isEmpty ? nil : cells.joined
    }
    let enough: HTML =
      record.varianceFor20dB.map {
        """
         Noise of variance \(String(format: "%.1e", $0)) on every number keeps reconstructions \
        below 20 dB, by a linearised bound and a prior of independent pixels.
        """
      } ?? .none
    return """
      <p>The gradient of \(record.model) determines \(record.rank) of \(record.unknowns) directions in \
      pixel space; its layers allow at most \(min(record.equationBound, record.unknowns)). Eigenvalues \
      of J<sup>T</sup>J: largest \(String(format: "%.3g", record.largestEigenvalue.value)), smallest \
      \(String(format: "%.3g", record.smallestEigenvalue.value)).\(enough)</p>
      <div class="pictures">
      \(Array(maps))</div>

      """
  }
}
