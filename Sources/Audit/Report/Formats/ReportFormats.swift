import Foundation
import ModelIO

extension Report {
  /// The report as a value, for JSON.
  struct Summary: Encodable {
    /// Version of gradleak that made it.
    let tool = GradleakVersion.current
    /// One letter for all of it; none where nothing is shown.
    let grade: LeakageGrade
    /// What the verdict rests on.
    let evidence: EvidenceClass
    /// What the letter means.
    let gradeDefinition: String
    /// What noise guarantees against every attack on one update; missing where it guarantees nothing.
    let bound: Bound?
    /// What is known of one round's ε: proved from below first, then estimated, then bounded from above.
    let epsilon: [Epsilon]
    /// Which of these cannot be true together; missing where all can.
    let contradiction: String?
    /// In sentences, the doubts first.
    let verdict: [String]
    /// Private examples of any kind.
    let examples: Int
    /// Private images among the examples.
    let images: Int
    /// Examples that came back in full.
    let recoveredInFull: Rate
    /// Examples that can at least be recognised.
    let recognisable: Rate
    /// Labels that the attack found by itself.
    let labelsRight: Rate
    /// Of any image, in dB.
    let highestPSNR: JSONNumber
    /// What each defence reached, in sentences.
    let defences: [String]
    /// What cryptography would leave, in sentences.
    let protections: [String]
    /// What these runs cannot tell, in sentences.
    let untested: [String]
    /// Command lines that repeat the runs.
    let commands: [String]
    /// Of all runs: see `gradleak schema run`.
    let records: [RunRecord]
    /// Defences at several strengths: see `gradleak schema sweep`.
    let sweeps: [SweepReport]

    struct Bound: Encodable {
      /// The least noise on any update, in clipping norms.
      let noiseMultiplier: Double
      /// ε of one update at δ = 1e-5.
      let epsilon: Double
      /// The largest chance to pick the right one of 100 candidates.
      let successOf100: Double
    }

    struct Epsilon: Encodable {
      /// Whether ε is at least, about or at most ``value``.
      let side: PrivacyEvidence.Finding.Side
      /// Infinite where nothing is guaranteed.
      let value: JSONNumber
      /// The δ it is of.
      let delta: Double
      /// What says so.
      let source: String
      /// Whether it is of one round by itself.
      let isOfOneRound: Bool
    }

    struct Rate: Encodable {
      /// Examples that count.
      let successes: Int
      /// Examples in all.
      let count: Int
      /// Of the count, those of which nothing tells.
      var undetermined = 0
      /// Independent units that the interval counts; nil where it counts all.
      var independent: Int?
      /// Wilson's interval at 95 %.
      let interval: [Double]

      init(_ rate: LeakRate) {
        successes = rate.leaked
        count = rate.count
        undetermined = rate.undetermined
        independent = rate.units.count
        interval = [rate.interval.lowerBound, rate.interval.upperBound]
      }

      init(_ rate: SuccessRate) {
        successes = rate.successes
        count = rate.count
        interval = [rate.interval.lowerBound, rate.interval.upperBound]
      }
    }

    init(_ report: Report) {
      let verdict = report.verdict
      grade = verdict.grade
      evidence = verdict.evidence
      gradeDefinition = verdict.grade.definition(verdict.kind)
      bound = verdict.bound.map {
        Bound(
          noiseMultiplier: $0.noiseMultiplier, epsilon: $0.epsilon,
          successOf100: $0.success(candidates: GuaranteedBound.candidates))
      }
      epsilon = verdict.privacy.findings.map {
        Epsilon(
          side: $0.side, value: JSONNumber($0.epsilon), delta: $0.delta, source: $0.source,
          isOfOneRound: $0.isOfOneRound)
      }
      contradiction = verdict.privacy.contradiction?.sentence
      self.verdict = verdict.sentences
      examples = verdict.examples.count
      images = verdict.examples.count { $0 is ImageResult }
      recoveredInFull = Rate(verdict.full)
      recognisable = Rate(verdict.recognisable)
      labelsRight = Rate(verdict.labels)
      highestPSNR = JSONNumber(verdict.highestPSNR)
      defences = report.defenceStatements
      protections = report.protections
      untested = report.untested
      commands = report.commands.map(\.line)
      records = report.input.records
      sweeps = report.sweeps
    }
  }

  // MARK: - Tables

  /// One row of numbers: a private image in one run.
  struct Row {
    let record: RunRecord
    let image: ImageResult
  }

  var rows: [Row] {
    input.records.flatMap { record in record.images.map { Row(record: record, image: $0) } }
  }

  /// One line for each image of each run (RFC 4180), and where there are other data one for each of them.
  var csv: String {
    guard rows.isEmpty, !otherRecords.isEmpty else { return pictureCSV + exampleCSV(header: false) }
    return exampleCSV(header: true)
  }

  private static let columns =
    "example,model,attack,seed,defence,batch_size,score_name,score,true_label,recovered_label,level,"
    + "matching_loss,diagnosis,private,recovered"

  private func exampleCSV(header: Bool) -> String {
    guard !otherRecords.isEmpty else { return "" }
    let lines = otherRecords.flatMap { record in
      record.examples.map { example in
        let score = example.score.isNaN ? "" : "\(example.score)"
        return [
          example.name, record.model.name, record.configuration.attackName,
          String(record.configuration.seed), record.defence?.chain.description ?? "none",
          String(record.update.batchSize), DataKinds.descriptor(record.kind).score, score,
          example.trueLabel?.text ?? "", example.recoveredLabel?.text ?? "",
          record.level(of: example).words, "\(record.matchingLoss.value)",
          record.diagnosis?.verdict.rawValue ?? "", example.original ?? "", example.recovered,
        ].map(csvField).joined(separator: ",")
      }
    }
    return ((header ? [] : [""]) + [Report.columns] + lines).joined(separator: "\n") + "\n"
  }

  private var pictureCSV: String {
    var lines = [
      "image,model,attack,seed,defence,batch_size,mse,psnr_db,ssim,true_label,recovered_label,"
        + "random_guess_psnr_db,grey_image_psnr_db,level,matching_loss,diagnosis"
    ]
    for row in rows {
      let (record, image) = (row.record, row.image)
      let run: [String] = [
        image.name, record.model.name, record.configuration.attackName,
        String(record.configuration.seed), record.defence?.chain.description ?? "none",
        String(record.update.batchSize),
      ]
      let quality: [Double?] = [image.meanSquaredError?.value, image.decibels, image.ssim?.value]
      let baselines: [Double?] = [image.randomDecibels, image.greyDecibels]
      func numbers(_ values: [Double?]) -> [String] { values.map { $0.map { "\($0)" } ?? "" } }
      let labels = [image.labelArgument, image.recoveredLabelName]
      let end: [String] = [
        row.record.level(of: image).words, "\(record.matchingLoss.value)",
        record.diagnosis?.verdict.rawValue ?? "",
      ]
      let fields = run + numbers(quality) + labels + numbers(baselines) + end
      lines.append(fields.map(csvField).joined(separator: ","))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What tables show of a row, in their order.
  static func cells(of row: Row) -> [String] {
    let image = row.image
    return [
      image.name, row.record.configuration.attackName, String(row.record.configuration.seed),
      row.record.defence?.chain.description ?? "none", decibelText(image.decibels),
      decibelText(image.randomDecibels),
      decibelText(image.greyDecibels),
      image.ssim.map { String(format: "%.4f", $0.value) } ?? "–",
      image.labelWords,
      row.record.level(of: image).words,
    ]
  }
}
