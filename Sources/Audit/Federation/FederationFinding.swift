import Federation
import Foundation
import ModelIO

extension FederationRecord {
  /// What was private.
  package var kind: DataKindDescriptor { DataKinds.descriptor(plan.data.kind) }

  /// Those who saw something, in the order of lists.
  package var observers: [Observer] {
    Observer.allCases.filter { !attacked(by: $0).isEmpty }
  }

  /// What an observer saw and was attacked.
  package func attacked(by observer: Observer) -> [Seen] {
    observations.filter { $0.observer == observer && $0.full != nil }
  }

  /// How many of the attacked private examples an observer can recognise. Those of one update share its fate: the interval
  /// is of updates.
  ///
  /// - Parameter round: one, from 1; nil for all.
  package func rate(of observer: Observer, round: Int? = nil) -> LeakRate {
    let seen = attacked(by: observer).filter { round == nil || $0.round == round }
    return LeakRate(
      seen.flatMap { seen -> [LeakRate.Item] in
        let (leaked, open) = (seen.recognisable ?? 0, seen.undetermined ?? 0)
        return (0..<seen.examples).map {
          LeakRate.Item(
            $0 < leaked ? .leaked : $0 < leaked + open ? .undetermined : .held, ties: [seen.file])
        }
      })
  }

  /// What was found, in a sentence without a full stop. That an attack which was cut short brought nothing back is no
  /// finding.
  package var finding: String {
    let observers = observers
    guard !observers.isEmpty else {
      return "Nothing was attacked, so nothing is shown of the private \(kind.plural)"
    }
    func names(_ observers: [Observer]) -> String {
      observers.map(\.title).joined(separator: ", ")
    }
    let readers = observers.filter { observer in
      attacked(by: observer).contains { ($0.full ?? 0) > 0 }
    }
    let others = observers.filter { !readers.contains($0) && rate(of: $0).leaked > 0 }
    let open = observers.filter { rate(of: $0).leaked == 0 && rate(of: $0).undetermined > 0 }
    let rest =
      open.isEmpty
      ? "" : "; what \(names(open)) could read is not determined, as the attack did not end"
    if !readers.isEmpty {
      return "Private \(kind.plural) came back in full to \(names(readers))"
        + (others.isEmpty ? "" : "; \(names(others)) could recognise some") + rest
    }
    if !others.isEmpty {
      return
        "No private \(kind.singular) came back in full, but \(names(others)) could recognise some"
        + rest
    }
    return "No private \(kind.singular) came back from what was seen"
      + (open.isEmpty ? "; better attacks may get some" : rest)
  }
}

extension FederationRecord.Seen {
  /// The workers whose data are in it, for people.
  package var workersText: String {
    workers.count > 3
      ? "\(workers.count) of them" : workers.map(String.init).joined(separator: ", ")
  }

  /// The best of its examples' scores, for people; a dash for none.
  package func bestScore(_ kind: DataKindDescriptor) -> String {
    guard let best = scores.map(\.value).filter({ !$0.isNaN }).max() else { return "-" }
    return kind.text(best)
  }
}
