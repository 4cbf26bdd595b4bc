import NIOCore

/// Cuts a connection's bytes into messages. The first bytes that are none end the connection.
struct FrameDecoder: ByteToMessageDecoder {
  typealias InboundOut = Frame

  /// Largest body in bytes, as the connection stands.
  let limit: ByteLimit
  private var head: (frame: Frame, bodySize: Int)?

  init(limit: ByteLimit) {
    self.limit = limit
  }

  mutating func decode(
    context: ChannelHandlerContext, buffer: inout ByteBuffer
  ) throws -> DecodingState {
    if head == nil {
      guard let header = buffer.readBytes(length: Frame.headerSize) else { return .needMoreData }
      head = try Frame.parse(header: header, limit: limit.value)
    }
    guard let head, let body = buffer.readBytes(length: head.bodySize) else { return .needMoreData }
    self.head = nil
    var frame = head.frame
    frame.body = body
    context.fireChannelRead(wrapInboundOut(frame))
    return .continue
  }

  mutating func decodeLast(
    context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
  ) throws -> DecodingState {
    // A message that was cut off is none.
    buffer.clear()
    return .needMoreData
  }
}
