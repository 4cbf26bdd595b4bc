import ModelIO

extension Setting {
  /// The option of the commands that have this setting.
  var option: String {
    switch self {
    case .model: "--model"
    case .weights: "--weights"
    case .update: "--update"
    case .before: "--before"
    case .after: "--after"
    case .labels: "--labels"
    case .mode: "--mode"
    case .classes: "--classes"
    case .output: "--output"
    case .adapter: "--adapter"
    case .head: "--head"
    case .method: "--method"
    case .rounds: "--rounds"
    case .loss: "--loss"
    case .reduction: "--reduction"
    case .epochs: "--epochs"
    case .budget: "--budget"
    case .iterations: "--iterations"
    case .labelSmoothing: "--label-smoothing"
    case .lossScale: "--loss-scale"
    case .keptSoftmax: "--keep-softmax"
    case .updateKind: "--update-kind"
    case .learningRate: "--learning-rate"
    case .optimizer: "--optimizer"
    case .weightDecay: "--weight-decay"
    case .batchSize: "--batch-size"
    case .timeLimit: "--time-limit"
    case .inputShape: "--input-shape"
    case .extents: "--shape"
    case .renaming: "--rename"
    case .adapterRank: "--lora"
    case .force: "--force"
    case .limit: "--fail-above"
    }
  }
}

extension Sentence {
  /// The sentence as a user of the commands reads it.
  var namingOptions: String { naming(\.option) }

  /// What an error says, with the settings that it names.
  init(of error: any Error) {
    self = (error as? any ErrorInWords)?.sentence ?? Sentence(String(describing: error))
  }
}
