/// What a function of the cryptographic library gives, its errors as one of a federation.
///
/// What comes from other parties is checked before it gets here.
func cryptography<Result>(
  _ body: () throws -> Result
) throws(FederationError) -> Result {
  do {
    return try body()
  } catch {
    throw FederationError("the cryptographic library failed: \(error)", .badInput)
  }
}
