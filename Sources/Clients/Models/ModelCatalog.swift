/// The built-in architectures.
public enum ModelCatalog {
  /// All architectures, from the simplest to the largest.
  public static let all = [
    leNet, multilayerPerceptron, entityEmbeddings, featureTokens, cnn6, convNet, resNet18, resNet20,
    resNet34,
    resNet56,
    vgg11, visionTransformer, aprilTransformer, cnn1D, uNet,
  ]

  /// The architecture called `name`.
  ///
  /// - Throws: ``ModelError`` that suggests the name nearest in spelling.
  public static func architecture(named name: String) throws(ModelError) -> Architecture {
    if let architecture = all.first(where: { $0.name == name }) { return architecture }
    let names = all.map(\.name)
    let suggestion = nearestSpelling(to: name, in: names).map { "did you mean \($0)? " } ?? ""
    throw ModelError(
      "there is no model called \"\(name.prefix(40))\"; \(suggestion)The models are "
        + names.joined(separator: ", "))
  }

  /// The model `name` with its defaults changed by `options`.
  ///
  /// - Throws: ``ModelError`` when there is no such model or an option does not fit it.
  public static func model(
    named name: String, _ options: ModelOptions = ModelOptions()
  ) throws(ModelError) -> Model {
    try architecture(named: name).model(options)
  }
}
