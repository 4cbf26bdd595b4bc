// Everything of the rooms below under one import, for users of the library; gradleak's own targets import the
// rooms that they use.
@_exported import Attacks
@_exported import Clients
@_exported import Defences
@_exported import Solvers
@_exported import Texts
