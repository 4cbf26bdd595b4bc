import Dispatch

/// What `transform` makes of 0, 1, ... `count` - 1, on all cores. The first failure by index is thrown.
func parallelMap<Result: Sendable, Failure: Error>(
  _ count: Int, _ transform: @Sendable (Int) throws(Failure) -> Result
) throws(Failure) -> [Result] {
  let results = Places<Swift.Result<Result, Failure>>(count)
  DispatchQueue.concurrentPerform(iterations: count) { index in
    do throws(Failure) {
      results[index] = .success(try transform(index))
    } catch {
      results[index] = .failure(error)
    }
  }
  var values: [Result] = []
  values.reserveCapacity(count)
  for index in 0..<count {
    if let result = results[index] { values.append(try result.get()) }
  }
  return values
}

/// Places that threads write, each its own.
private final class Places<Element>: @unchecked Sendable {
  private let storage: UnsafeMutableBufferPointer<Element?>

  init(_ count: Int) {
    storage = .allocate(capacity: count)
    storage.initialize(repeating: nil)
  }

  deinit {
    storage.deinitialize()
    storage.deallocate()
  }

  subscript(index: Int) -> Element? {
    get { storage[index] }
    set { storage[index] = newValue }
  }
}
