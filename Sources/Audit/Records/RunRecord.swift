import Attacks
import Clients
import Solvers

/// Everything about one attack on one shared update: what was attacked, with what, under which
/// assumptions, and what came back. Whatever is shown, in a terminal, a picture or a report, is made
/// from records.
///
/// The same seed, build and machine give the same record to the byte; elapsed times are kept apart,
/// in ``RunTiming``.
public struct RunRecord: Codable, Sendable, Equatable {
  /// The format's version; readers refuse a newer one. Version 2 lets images lack what only the truth
  /// tells, and updates lack parameters; version 3 embeds the experiment, version 4 holds examples of any kind, version 5
  /// rows of tables.
  /// Files of older versions are read as they are: what they lack is not known, and no command repeats runs of
  /// the first two.
  public static let currentVersion = 5

  /// Of the format.
  public var version = RunRecord.currentVersion
  /// Version of gradleak that made the record.
  public var tool: String
  /// The attack as it was run.
  public var configuration: AttackConfiguration
  /// All that the run depends on; nil in records of version 1 and 2.
  public var experiment: Experiment?
  /// What was attacked.
  public var model: ModelSummary
  /// What was shared.
  public var update: UpdateSummary
  /// Who attacks, and what they know.
  public var threatModel: ThreatModel
  /// Every start.
  public var trials: [TrialRecord]
  /// Index in ``trials`` of the trial with the lowest matching loss.
  public var bestTrial: Int
  /// Matching loss of the best trial: squared distance between the dummy's gradient and the shared.
  public var matchingLoss: JSONNumber
  /// What kind of data came back.
  public var kind = DataKindName.pictures
  /// One entry per private image, in the order the client had them; empty for other kinds of data.
  public var images: [ImageResult] = []
  /// The same of other kinds of data; in files under the name of ``kind``.
  public var examples: [ExampleResult] = []
  /// Progress of every trial, at each recorded iteration.
  public var trace: [TracePoint]
  /// What the attack's end means; nil for attacks that were not diagnosed.
  public var diagnosis: Diagnosis?
  /// What speaks against the update being this model's, as it was described: then no failure of an attack
  /// says anything of the client. Nil for nothing, and in records without.
  public var misfit: UpdateMisfit?
  /// Whether the true images have the update; nil where there are none or it cannot be told.
  public var truthCheck: TruthCheck?
  /// What the client did to the update before it was shared; nil for nothing.
  public var defence: DefenceSummary?
  /// What the automatic attack left out, since it needs what the attacker does not know; nil for nothing.
  public var skipped: [SkippedAttack]?
  /// What gave the examples, where an attack chose among several; nil of images, whose trials say it.
  public var method: String?
  /// The squared distance between the update of what was found and the shared one, relative to the latter's
  /// squared norm; nil of images, and where what was found is no whole batch.
  public var relativeDistance: JSONNumber?
  /// Whether the update of what was found is the shared one up to rounding; nil of images, whose diagnosis says
  /// it.
  public var isCertain: Bool?
  /// Of rows that have the shared update to rounding: those one step away, which must not; nil otherwise.
  public var nearMisses: NearMisses?
  /// What attacks on texts tell besides; nil of other data.
  public var text: TextDetails?
  /// What attacks on rows tell besides; nil of other data.
  public var table: TableDetails?
  /// What computed, with its versions; nil for gradleak's own engine.
  public var device: String?

  /// One entry per private example, of any kind.
  public var judged: [any JudgedExample] { images.isEmpty ? examples : images }

  /// Of the properties of these names.
  public init(
    tool: String, configuration: AttackConfiguration, model: ModelSummary, update: UpdateSummary,
    threatModel: ThreatModel, trials: [TrialRecord], bestTrial: Int, matchingLoss: Double,
    images: [ImageResult] = [], trace: [TracePoint], diagnosis: Diagnosis? = nil,
    defence: DefenceSummary? = nil, skipped: [SkippedAttack]? = nil
  ) {
    self.skipped = skipped
    self.defence = defence
    self.diagnosis = diagnosis
    self.tool = tool
    self.configuration = configuration
    self.model = model
    self.update = update
    self.threatModel = threatModel
    self.trials = trials
    self.bestTrial = bestTrial
    self.matchingLoss = JSONNumber(matchingLoss)
    self.images = images
    self.trace = trace
  }
}

/// The attacked model.
public struct ModelSummary: Codable, Sendable, Equatable {
  /// For people.
  public var name: String
  /// Its nonlinearity.
  public var activation: String
  /// Channels, height, width of one input.
  public var inputShape: [Int]
  /// Logits.
  public var classCount: Int
  /// Numbers in all parameters.
  public var parameterCount: Int
  /// How it came by its weights.
  public var weights: WeightSource
  /// Fingerprint of the weights' names, shapes and bytes.
  public var fingerprint: String

  /// Of the properties of these names.
  public init(
    name: String, activation: String, inputShape: [Int], classCount: Int, parameterCount: Int,
    weights: WeightSource, fingerprint: String
  ) {
    self.name = name
    self.activation = activation
    self.inputShape = inputShape
    self.classCount = classCount
    self.parameterCount = parameterCount
    self.weights = weights
    self.fingerprint = fingerprint
  }
}

/// The update that a client shared.
public struct UpdateSummary: Codable, Sendable, Equatable {
  /// What the tensors are, such as "gradient".
  public var kind: String
  /// The client's, in words.
  public var loss: String
  /// Examples behind the update, of all clients.
  public var batchSize: Int
  /// Of each client; 1 for a gradient.
  public var localSteps: Int
  /// Euclidean norm over all tensors.
  public var norm: JSONNumber
  /// Of the tensors.
  public var fingerprint: String
  /// Number of parameter tensors that were shared; nil for all.
  public var sharedTensors: Int?
  /// The local steps, for people; nil for one gradient.
  public var training: String?

  /// Of the properties of these names.
  public init(
    kind: String, loss: String, batchSize: Int, localSteps: Int, norm: Double, fingerprint: String,
    sharedTensors: Int? = nil, training: String? = nil
  ) {
    self.training = training
    self.sharedTensors = sharedTensors
    self.kind = kind
    self.loss = loss
    self.batchSize = batchSize
    self.localSteps = localSteps
    self.norm = JSONNumber(norm)
    self.fingerprint = fingerprint
  }
}

/// One start of the attack from its own random dummy data.
public struct TrialRecord: Codable, Sendable, Equatable {
  /// What was run, such as "l-bfgs"; nil in records of gradleak 0.1.
  public var method: String?
  /// Why it ended.
  public var reason: StopReason
  /// Of the solver.
  public var iterations: Int
  /// Of the objective and its gradient.
  public var evaluations: Int
  /// Squared distance between the dummy's update and the shared one.
  public var matchingLoss: JSONNumber
  /// Second-order work; nil for methods without.
  public var secondOrder: SecondOrderCounts?
  /// A plan's own objective at the end, without priors; nil where that is the matching loss.
  public var objective: JSONNumber?

  /// Of the properties of these names.
  public init(
    method: String? = nil, reason: StopReason, iterations: Int, evaluations: Int,
    matchingLoss: Double, secondOrder: SecondOrderCounts? = nil, objective: Double? = nil
  ) {
    self.method = method
    self.secondOrder = secondOrder
    self.objective = objective.map(JSONNumber.init)
    self.reason = reason
    self.iterations = iterations
    self.evaluations = evaluations
    self.matchingLoss = JSONNumber(matchingLoss)
  }
}

/// What came back of one private image. Measures against it are nil where it is not known.
public struct ImageResult: Codable, Sendable, Equatable {
  /// For people.
  public var name: String
  /// What was done to the file's picture to fit the model, if anything.
  public var preparation: String?
  /// The file beside the record with the reconstruction's numbers, neither clamped nor rounded: .npy, f32,
  /// [C, H, W]; nil where no files were written, and in records without.
  public var numbers: String?
  /// Of the original's numbers: tells repeats of one image from others; nil where it is not known, and
  /// in records without.
  public var fingerprint: String?
  /// Mean squared error of values in 0...1, after clamping the reconstruction to that range; of numbers beyond
  /// it in units of the original's range, squared.
  public var meanSquaredError: JSONNumber?
  /// Peak signal-to-noise ratio in dB; infinite for a perfect copy.
  public var psnr: JSONNumber?
  /// Structural similarity (Wang et al. 2004); nil for images smaller than its 11x11 window.
  public var ssim: JSONNumber?
  /// The class, of a ``mask`` its commonest; nil where it is not known.
  public var trueLabel: Int?
  /// The class that was found, of a ``mask`` its commonest.
  public var recoveredLabel: Int
  /// What came back of the mask where the model labels each pixel; nil where it gives one label for each image.
  public var mask: MaskResult?
  /// What the labels stand for where they are no classes, such as "0+3" or "0.5"; nil for classes.
  public var trueTarget: String?
  /// See ``trueTarget``.
  public var recoveredTarget: String?
  /// PSNR in dB of an image of uniform random pixels against this one: what knowing nothing gives.
  public var randomGuessPSNR: JSONNumber?
  /// PSNR in dB of a uniform mid-grey image against this one.
  public var greyImagePSNR: JSONNumber?
  /// PSNR in dB of the mean of the candidate images against this one; nil in records without.
  public var meanImagePSNR: JSONNumber?
  /// PSNR in dB after the best shift by a few pixels; nil in records without.
  public var shiftedPSNR: JSONNumber?
  /// Gradient magnitude similarity deviation (Xue et al. 2014), 0 for a perfect copy; nil for images
  /// that are too small, and in records without.
  public var gmsd: JSONNumber?
  /// Whether, of ``candidateCount`` images, the true one is nearest to the reconstruction; nil in records
  /// without.
  public var isIdentified: Bool?
  /// See ``isIdentified``.
  public var candidateCount: Int?
  /// PSNR in dB against the mixture that the client fed to its model in the image's place; nil for none.
  public var encodedPSNR: JSONNumber?
  /// PSNR in dB against the image as the client transformed it for its model; nil where it did not.
  public var transformedPSNR: JSONNumber?
  /// Whether the label was given to the attack, so that it is no finding; nil for no.
  public var isLabelGiven: Bool?
  /// PSNR at least ``LeakThreshold/fullPSNR`` and the label right, where it is known.
  public var isRecovered: Bool?

  /// Of the properties of these names.
  public init(
    name: String, preparation: String?, meanSquaredError: Double, psnr: Double, ssim: Double?,
    trueLabel: Int?, recoveredLabel: Int, mask: MaskResult? = nil, randomGuessPSNR: Double,
    greyImagePSNR: Double
  ) {
    self.name = name
    self.preparation = preparation
    self.meanSquaredError = JSONNumber(meanSquaredError)
    self.psnr = JSONNumber(psnr)
    self.ssim = ssim.map(JSONNumber.init)
    self.trueLabel = trueLabel
    self.recoveredLabel = recoveredLabel
    self.mask = mask
    self.randomGuessPSNR = JSONNumber(randomGuessPSNR)
    self.greyImagePSNR = JSONNumber(greyImagePSNR)
    self.isRecovered = psnr >= LeakThreshold.fullPSNR && isLabelRight != false
  }

  /// The result for an image that nobody knows.
  public init(name: String, recoveredLabel: Int) {
    self.name = name
    self.recoveredLabel = recoveredLabel
  }

  /// Whether the recovered label is the true one, of a mask ``MaskResult/isRight``; nil when that is not known, or the
  /// label was given.
  public var isLabelRight: Bool? {
    guard isLabelGiven != true else { return nil }
    if let mask { return mask.isRight }
    return trueLabel.map { $0 == recoveredLabel }
  }
}

/// A trial's state at one iteration.
public struct TracePoint: Codable, Sendable, Equatable {
  /// Index of the start.
  public var trial: Int
  /// Of the solver.
  public var iteration: Int
  /// Of the objective and its gradient.
  public var evaluations: Int
  /// Squared distance between the dummy's update and the shared one.
  public var matchingLoss: JSONNumber
  /// Mean PSNR in dB over the batch, where the true images are known.
  public var psnr: JSONNumber?

  /// Of the properties of these names.
  public init(
    trial: Int, iteration: Int, evaluations: Int, matchingLoss: Double, psnr: Double?
  ) {
    self.trial = trial
    self.iteration = iteration
    self.evaluations = evaluations
    self.matchingLoss = JSONNumber(matchingLoss)
    self.psnr = psnr.map(JSONNumber.init)
  }
}

/// Wall-clock seconds of one run. Kept out of ``RunRecord``, since no two runs share them.
public struct RunTiming: Codable, Sendable, Equatable {
  /// Building, differentiating and planning the objective's graph.
  public var compileSeconds: Double
  /// Of all trials.
  public var attackSeconds: Double
  /// Of the objective and its gradient.
  public var evaluationsPerSecond: Double

  /// Of the properties of these names.
  public init(compileSeconds: Double, attackSeconds: Double, evaluationsPerSecond: Double) {
    self.compileSeconds = compileSeconds
    self.attackSeconds = attackSeconds
    self.evaluationsPerSecond = evaluationsPerSecond
  }
}
