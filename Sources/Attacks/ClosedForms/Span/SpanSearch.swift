import Clients
import Solvers
import TensorGraph

/// Finds the examples of a batch one by one, each by equations of its own.
///
/// The gradient of a hidden fully connected layer is Σ δₙ hₙᵀ: the features h that it read of each example span its rows. Petrov et
/// al. 2024 (arXiv 2405.15586) test words of a text by that. Where an example is numbers, "h(x) lies in the span" is as many
/// equations for x as the layer has more features than there are examples, and Gauss-Newton steps from random starts solve them: one
/// example at a time, whatever the batch. What is found is taken out of the gradient, so that the others are easier to find.
struct SpanSearch {
  /// An example that was found.
  struct Example {
    let input: [Double]
    let label: Int
    /// How often it is in the batch.
    let times: Int
  }

  private let problem: AttackProblem
  private let space: ExampleSpace
  private let front: AffineFront?
  /// The gradient's spans as they are.
  private let membership: SpanMembership
  /// Without what was found, as far as that is known.
  private var rest: SpanMembership
  private var source: RandomSource
  private(set) var found: [Example] = []

  /// The examples so far, each as often as it is in the batch.
  var examples: [Example] {
    found.flatMap { example in (0..<example.times).map { _ in example } }
  }

  /// More equations than unknowns by so many at least, so that chance has no part in a solution.
  private static let spareEquations = 8

  /// - Throws: ``AttackError`` when no layers have enough equations for an example.
  init(_ problem: AttackProblem) throws(AttackError) {
    let (weighted, update, backend) = (problem.weighted, problem.update, problem.backend)
    var found: ExampleSpace?
    membership = try SpanMembership(
      weighted, update, mode: problem.mode,
      directions: { equations throws(AttackError) in
        let most = equations - Self.spareEquations
        let space = try ExampleSpace(weighted, update, unknowns: most, backend: backend)
        guard space.directions.count <= most else {
          throw AttackError(
            "the hidden layers' spans give \(equations) equations for the \(space.directions.count) unknowns of an example, too few to "
              + "tell it; use the attack auto")
        }
        found = space
        return space.directions
      }, backend: backend)
    guard let space = found else { throw AttackError("an example has no inputs") }
    self.space = space
    rest = membership
    self.problem = problem
    let leak = try AttackError.ifApplicable { () throws(AttackError) in
      try LinearLayerLeak(weighted, backend: backend)
    }
    front = leak?.front
    source = RandomSource(seed: problem.configuration.seed).derive(label: "span")
  }

  /// Follows one start.
  ///
  /// - Returns: whether it led to an example that was not found before.
  mutating func start() throws(AttackError) -> Bool {
    let algebra = problem.backend.linearAlgebra
    func descent(_ spans: [LayerSpan]) -> SpanDescent {
      SpanDescent(
        function: membership.function, spans: spans, directions: space.directions, algebra: algebra)
    }
    let start = space.nearest(to: randomExample(), algebra: algebra)
    var end = try descent(rest.spans).run(from: start)
    guard end.distance <= rest.accepted else { return false }
    // What was taken out may have left something of itself.
    if isSingle { end = try descent(membership.spans).run(from: end.example) }
    guard end.distance <= membership.accepted else { return false }
    let example = try settled(end.example, descent(membership.spans))
    guard !isKnown(example),
      let part = try membership.part(of: example, membership.function.run(example).features)
    else { return false }
    found.append(Example(input: example, label: part.label, times: part.times))
    rest.takeOut(part)
    return true
  }

  private mutating func randomExample() -> [Double] {
    guard let structure = problem.weighted.model.inputStructure else {
      return (0..<space.base.count).map { _ in source.uniform() }
    }
    return structure.randomExample(using: &source)
  }

  /// Times that what is left open is solved for again.
  private static let settlings = 4

  /// The example with its words made and its numbers rounded to their decimals, as far as it has the features all the same; what is
  /// not clear is solved for again with the rest as it should be, which is known to more digits then.
  private func settled(
    _ example: [Double], _ descent: SpanDescent
  ) throws(AttackError) -> [Double] {
    var example = front.map { $0.exampleBehind(example) } ?? example
    guard let structure = problem.weighted.model.inputStructure else { return example }
    var open = Array(example.indices)
    for _ in 0..<Self.settlings {
      let next = structure.settled(example)
      guard try descent.distance(of: next.example) <= membership.accepted else { break }
      example = next.example
      guard !next.open.isEmpty, space.isWhole, next.open.count < open.count else { break }
      open = next.open
      example = try descent.run(from: example, free: open).example
    }
    return example
  }

  /// Whether the gradient's numbers have the digits of f32.
  private var isSingle: Bool {
    problem.update.gradients.contains { $0.dtype != .f64 }
  }

  /// Examples nearer than this share of their length are the same; those from numbers of f32 are known to fewer digits.
  private static let (sameness, singleSameness) = (1e-3, 2e-2)

  private func isKnown(_ example: [Double]) -> Bool {
    found.contains { other in
      let (distance, norm) = zip(example, other.input).reduce((0.0, 0.0)) {
        let difference = $1.0 - $1.1
        return ($0.0 + difference * difference, $0.1 + $1.1 * $1.1)
      }
      let share = isSingle ? Self.singleSameness : Self.sameness
      return distance <= share * share * max(norm, 1e-300)
    }
  }

  /// What was found, and for the rest of `count` examples the mean of it.
  func solution(count: Int) -> ClosedFormSolution {
    let examples = Array(self.examples.prefix(count))
    let mean = space.base.indices.map { index in
      examples.reduce(0) { $0 + $1.input[index] } / Double(max(examples.count, 1))
    }
    let missing = count - examples.count
    let inputs = examples.map(\.input) + (0..<missing).map { _ in mean }
    return ClosedFormSolution(
      images: Tensor(
        Shape([count] + problem.weighted.model.inputShape.dimensions), .f64(inputs.flatMap(\.self))
      ),
      labels: examples.map(\.label) + (0..<missing).map { _ in examples.first?.label ?? 0 },
      solvedCount: missing > 0 ? examples.count : nil)
  }
}
