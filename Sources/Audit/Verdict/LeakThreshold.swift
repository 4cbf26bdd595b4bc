/// From where on private data count as leaked. docs/guides/reading-results.md gives the reasons.
public enum LeakThreshold {
  /// PSNR in dB from which an image came back in full.
  public static let fullPSNR = 40.0
  /// PSNR in dB from which an image's subject can be told at 32x32 pixels.
  public static let recognisablePSNR = 20.0
  /// dB by which a recognisable image beats a grey one, since dull pictures look like one.
  public static let marginOverGrey = 3.0
  /// ROUGE-1 from which a text can be recognised: half of its words.
  public static let recognisableROUGE = 0.5
  /// By how much the ROUGE-1 of a recognisable text beats that of frequent words.
  public static let marginOverFrequentWords = 0.25
  /// Share of a text's telling words in the batch's bag of words from which the text can be recognised.
  public static let recognisableBagShare = 0.75
  /// Share of a row's cells from which the row can be recognised.
  public static let recognisableCells = 0.75
  /// By how much that share beats the better of two guesses: each column's mode or median, and random draws.
  public static let marginOverGuessedCells = 0.1
  /// Signal-to-noise ratio in dB from which a signal came back in full.
  public static let fullSNR = 40.0
  /// The same from which it can be recognised; flat lines have 0 dB.
  public static let recognisableSNR = 10.0
}
