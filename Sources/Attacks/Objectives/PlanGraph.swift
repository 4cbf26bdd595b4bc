import Clients
import Defences
import TensorGraph

/// The graph of an ``OptimizationPlan``'s objective, priors included, and its gradient.
///
/// Inputs, in order: dummy images [S·N, C, h, w], seed by seed or epoch by epoch, at the stage's scale;
/// labels of one batch; the
/// model's parameters; the model's buffers; one target gradient per parameter; intervals of these, where the
/// signature's view has some; and, where the plan has that prior, the recovered features [N, F]. The images vary, and so do labels that are sought;
/// the rest is fixed.
struct PlanGraph: Sendable {
  let function: GraphFunction
  let images: ValueHandle
  let labels: ValueHandle
  let parameters: [ValueHandle]
  let buffers: [ValueHandle]
  let targets: [ValueHandle]
  /// Intervals; see `CounterAttack.viewed(_:of:isWeighted:)`.
  let viewed: [ValueHandle]
  /// Nil when the plan has no such prior.
  let features: ValueHandle?
  /// What is minimised.
  let total: ValueHandle
  /// The objective of each seed without priors or weight: [S].
  let objectives: ValueHandle
  /// The squared distance of each seed's gradient to the shared one: [S].
  let squaredDistances: ValueHandle
  /// Where those come from inner products of factored gradients: a function of the same inputs whose
  /// only output is the distances without their cancellation, for the images that count.
  let exactDistances: (function: GraphFunction, values: ValueHandle)?
  let imageGradient: ValueHandle
  /// Nil when labels are given.
  let labelGradient: ValueHandle?

  /// - Parameters:
  ///   - labelForm: ``LabelForm/logits`` seeks the labels too.
  ///   - matched: indices of the parameters to match.
  ///   - scale: of the images' height and width; see ``OptimizationPlan/scales``.
  init(
    _ plan: OptimizationPlan, _ signature: UpdateSignature, labelForm: LabelForm,
    matched: [Int], scale: Double = 1, dtype: DType = .f32
  ) {
    let (model, batchSize, loss) = (signature.model, signature.batchSize, signature.loss)
    let (training, mode) = (signature.training, signature.mode)
    let builder = GraphBuilder()
    let seeds = plan.prior.group.seeds
    let epochs = plan.separateEpochs(of: training)
    let trained = epochs > 1 ? training?.separatingEpochs() : training
    let dummyCount = epochs * batchSize
    let full = Shape([seeds * dummyCount] + model.inputShape.dimensions)
    let dummies = builder.input("images", full.scaled(by: scale), dtype)
    let seeksLabels = labelForm == .logits
    let labelType = labelForm.type(
      batchSize: batchSize, positions: model.labelPositions, classCount: model.classCount,
      dtype: dtype)
    let labels = builder.input(
      "labels", labelType.shape, labelType.dtype, role: seeksLabels ? .varying : .fixed)
    func fixed(_ specs: [ParameterSpec], suffix: String = "") -> [Value] {
      specs.map { builder.input($0.name + suffix, $0.shape, dtype, role: .fixed) }
    }
    let parameters = fixed(model.parameters)
    let buffers = fixed(model.trainedBuffers(training))
    let targets = fixed(model.parameters, suffix: ".target")
    let view = MatchingView(hasIntervals: signature.view.hasIntervals)
    let viewed = view.inputs(builder, model.parameters, dtype)
    let images = dummies.enlarged(to: full)
    let batchLabels =
      epochs == 1 ? labels : Value.concatenate(Array(repeating: labels, count: epochs), axis: 0)

    var batches: [Value] = []
    var (objectives, distances, exact): ([Value], [Value], [Value]) = ([], [], [])
    var recovered: Value?
    var total = builder.constant(0, dtype)
    for seed in 0..<seeds {
      let batch = images.slice(axis: 0, seed * dummyCount..<(seed + 1) * dummyCount)
      let candidate = model.clientUpdate(
        images: batch, labels: batchLabels, labelForm: labelForm, parameters: parameters,
        buffers: buffers, loss: loss, training: trained, mode: mode)
      let gradients = view.seen(candidate.gradients, viewed)
      let objective = plan.objective.distance(
        matched.map { gradients[$0] }, matched.map { targets[$0] })
      total = total + plan.objective.weight * objective
      // Building is hash-consed: these are the nodes of the gradient's own forward pass.
      let trace = model.trace(
        batch, parameters: parameters, buffers: Array(buffers.prefix(model.buffers.count)),
        mode: mode)
      if plan.prior.features.weight > 0, let features = trace.features {
        let target =
          recovered ?? builder.input("features", features.shape, dtype, role: .fixed)
        recovered = target
        total =
          total + plan.prior.features.weight
          * plan.prior.features.value(of: features, recovered: target)
      }
      total = plan.prior.addingBatchPriors(to: total, batch, trace, batchLabels, labelForm)
      if plan.prior.epochOrder.weight > 0, epochs > 1, let training {
        total =
          total + plan.prior.epochOrder.weight
          * plan.prior.epochOrder.value(
            of: batch, epochs: epochs, clients: training.clientRanges)
      }
      batches.append(batch)
      objectives.append(objective.reshape(to: [1]))
      let received = signature.sharedParameters
      let (own, theirs) = (received.map { gradients[$0] }, received.map { targets[$0] })
      exact.append(squaredDistance(own, theirs).reshape(to: [1]))
      distances.append(
        plan.objective.squaredDistanceFromProducts(own, theirs)?.reshape(to: [1]) ?? exact[seed])
    }
    if plan.prior.group.weight > 0, seeds > 1 {
      total = total + plan.prior.group.weight * plan.prior.group.value(of: batches)
    }

    let gradients = total.gradient(withRespectTo: seeksLabels ? [dummies, labels] : [dummies])
    let objective = Value.concatenate(objectives, axis: 0)
    let distance = Value.concatenate(distances, axis: 0)
    function = builder.function(computing: [total, objective, distance] + gradients)
    if zip(exact, distances).allSatisfy({ $0.id == $1.id }) {
      exactDistances = nil
    } else {
      let distance = Value.concatenate(exact, axis: 0)
      exactDistances = (builder.function(computing: [distance]), distance.handle)
    }
    self.images = dummies.handle
    self.labels = labels.handle
    self.parameters = parameters.map(\.handle)
    self.buffers = buffers.map(\.handle)
    self.targets = targets.map(\.handle)
    self.viewed = viewed.handles
    features = recovered?.handle
    self.total = total.handle
    self.objectives = objective.handle
    squaredDistances = distance.handle
    imageGradient = gradients[0].handle
    labelGradient = seeksLabels ? gradients[1].handle : nil
  }
}

extension OptimizationPlan {
  /// Epochs that are given dummy images of their own; 1 where all share them.
  func separateEpochs(of training: LocalTraining?) -> Int {
    guard epochs == .separate, let training, training.dependsOnOrder else { return 1 }
    return training.epochs
  }
}

extension Priors {
  /// `total` and the weighted priors on one dummy batch.
  fileprivate func addingBatchPriors(
    to total: Value, _ images: Value, _ trace: Model.Trace, _ labels: Value, _ form: LabelForm
  ) -> Value {
    var total = total
    func add(_ weight: Double, _ prior: () -> Value) {
      if weight > 0 { total = total + weight * prior() }
    }
    add(totalVariation.weight) { totalVariation.value(of: images) }
    add(norm.weight) { norm.value(of: images) }
    add(orthogonality.weight) { orthogonality.value(of: images) }
    add(box.weight) { box.value(of: images) }
    if !trace.batchNorms.isEmpty {
      add(batchNorm.weight) { batchNorm.value(of: trace.batchNorms) }
    }
    add(label.weight) {
      label.value(of: trace.logits, probabilities: form.probabilities(labels, like: trace.logits))
    }
    return total
  }
}

extension LabelForm {
  /// Labels of this form as probabilities [N, ..., K].
  fileprivate func probabilities(_ labels: Value, like logits: Value) -> Value {
    switch self {
    case .classIndices: labels.oneHot(classCount: logits.shape[logits.shape.rank - 1], logits.dtype)
    case .probabilities: labels
    case .logits: labels.softmax()
    }
  }
}
