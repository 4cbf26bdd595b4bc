import ArgumentParser
import Audit
import Clients
import ModelIO

/// Prints the JSON Schemas of records.
struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Prints the JSON Schema of what commands write as JSON.",
    discussion: """
      Without a name it lists them. The schemas are JSON Schema 2020-12; a record's version is in its schema's \
      title, and readers refuse a newer one.

      EXAMPLES
        gradleak schema
        gradleak schema run > run.schema.json      of run.json
      """)

  @Argument(
    help: ArgumentHelp("Which: \(RecordSchema.names.joined(separator: ", ")).", valueName: "name"),
    completion: .list(RecordSchema.names))
  var name: String?

  func run() throws {
    guard let name else {
      for name in RecordSchema.names { Terminal.print(name) }
      return
    }
    guard let text = RecordSchema.text(named: name) else {
      let hint =
        nearestSpelling(to: name, in: RecordSchema.names).map { "did you mean \($0)? " } ?? ""
      throw ValidationError(
        "There is no schema called \(name.quotedForMessage); \(hint)The names are "
          + RecordSchema.names.joined(separator: ", ") + ".")
    }
    Terminal.write(text, to: .standardOutput)
  }
}
