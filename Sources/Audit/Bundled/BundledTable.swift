/// A small table of people who do not exist, to try attacks on, carried inside the program.
///
/// Made by `scripts/sources/synthetic-table.py`: no row is that of a person.
public enum BundledTable {
  /// What experiments call it.
  public static let name = "patients"

  /// Its comma-separated values.
  package static var bytes: [UInt8] { bundledFile("tables/patients.csv") }

  /// What its columns are, in YAML.
  package static var schema: String {
    String(decoding: bundledFile("tables/patients.yaml"), as: UTF8.self)
  }
}
