import Attacks
import Audit
import Clients
import Solvers
import Testing

@testable import gradleak

/// The verdict that comes first.
struct ResultSentenceTests {
  private func record(
    _ images: [ImageResult], _ verdict: Diagnosis.Verdict? = nil, reason: StopReason = .converged
  ) -> RunRecord {
    RunRecord(
      tool: "test", configuration: AttackConfiguration(),
      model: ModelSummary(
        name: "lenet", activation: "sigmoid", inputShape: [3, 8, 8], classCount: 10,
        parameterCount: 1, weights: .drawn(seed: 0), fingerprint: "m"),
      update: UpdateSummary(
        kind: "gradient", loss: "mean cross entropy", batchSize: images.count, localSteps: 1,
        norm: 1, fingerprint: "u"),
      threatModel: ThreatModel(),
      trials: [
        TrialRecord(reason: reason, iterations: 9, evaluations: 9, matchingLoss: 1)
      ], bestTrial: 0, matchingLoss: 1, images: images, trace: [],
      diagnosis: verdict.map { Diagnosis($0, "Why.", relativeMatchingLoss: 1) })
  }

  private func image(_ psnr: Double, label: Int = 3, _ name: String = "chelsea") -> ImageResult {
    ImageResult(
      name: name, preparation: nil, meanSquaredError: 0, psnr: psnr, ssim: nil, trueLabel: 3,
      recoveredLabel: label, randomGuessPSNR: 8, greyImagePSNR: 12.4)
  }

  @Test func whatCameBackOfOneImage() {
    let cases: [(Double, Int, String)] = [
      (266.2, 3, "Chelsea came back exactly: 266 dB, label right."),
      (.infinity, 3, "Chelsea came back exactly: inf dB, label right."),
      (55.4, 3, "Chelsea came back in full: 55 dB, label right."),
      (55.4, 4, "Chelsea can be recognised in what came back: 55 dB."),
      (25, 3, "Chelsea can be recognised in what came back: 25 dB, label right."),
      (
        6, 3,
        "The label of chelsea came back, but not the image: 6 dB, a grey image has 12; better attacks "
          + "may get it."
      ),
      (6, 4, "Chelsea did not come back: 6 dB, a grey image has 12; better attacks may get it."),
    ]
    for (psnr, label, sentence) in cases {
      #expect(ResultSentence([record([image(psnr, label: label)])]).text == sentence)
    }
  }

  @Test func whatCameBackOfSeveral() {
    func text(_ images: [ImageResult]) -> String {
      ResultSentence(images.map { record([$0]) }).text
    }
    #expect(
      text([image(264), image(273)])
        == "Both images came back exactly: 264 to 273 dB, labels right.")
    #expect(
      text([image(264), image(27), image(6), image(60), image(60)])
        == "3 of 5 images came back in full, 1 can be recognised, 1 did not come back to this attack."
    )
    #expect(
      text([image(6, label: 4), image(7), image(7)])
        == "None of 3 images came back: 6 to 7 dB, but 2 of the labels; better attacks may get them."
    )
  }

  /// Without an original the diagnosis decides, and it never says that data are safe.
  @Test func whatIsNotKnown() {
    let unknown = ImageResult(name: "g", recoveredLabel: 3)
    let cases: [(Diagnosis.Verdict?, StopReason, String)] = [
      (
        .recovered, .solved, "The image came back, certain: no other near it has the shared update."
      ),
      (
        .recoveredUpToAmbiguity, .solved,
        "The image that was found has the shared update, but others may have it too."
      ),
      (
        .stuck, .converged,
        "Not shown either way: nothing proves what was found, and nobody knows the originals."
      ),
      (
        .cutShort, .timeLimit,
        "Not shown either way: a limit of time or iterations ended the attack before it was done."
      ),
      (.cutShort, .interrupted, "Not shown either way: the attack was interrupted."),
      (
        .doesNotFit, .converged,
        "Not shown either way: the update does not fit the model as described."
      ),
      (
        .carriesNothing, .converged,
        "Not shown either way: the update is zero whatever the images are."
      ),
      (.notDetermined, .converged, "Not shown either way: many images have this update."),
    ]
    for (verdict, reason, sentence) in cases {
      let found = ResultSentence([record([unknown], verdict, reason: reason)])
      #expect(found.text == sentence)
      #expect(found.style != .green)
    }
  }

  @Test func nothingThatFailedIsGreen() {
    for psnr in [5.0, 15, 30, 80] {
      #expect(ResultSentence([record([image(psnr)])]).style == (psnr < 20 ? .yellow : .red))
    }
  }
}
