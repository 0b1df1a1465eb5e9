// SPDX-License-Identifier: MIT
// Protocols: what a transport tells, as virtual functions. asyncio's `Protocol` and its kin.
//
//   connection_made, then data_received any number of times, then perhaps eof_received, then connection_lost
//
// `connection_made` and `connection_lost` are called exactly once each, and all but `pause_writing` from the loop, never
// inside a call of the transport's. What such a function throws is reported through the loop's exception handler; from those
// that take data it also ends the connection, and `connection_lost` gets it.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>

#include <tutti/base/bytes.hpp>
#include <tutti/io/address.hpp>
#include <tutti/net/transports.hpp>

namespace tutti {

/// What all protocols on streams have; enough where nothing is read. Each function does nothing unless it is overridden.
/// *Source*: asyncio.BaseProtocol.
class BaseProtocol {
 public:
  BaseProtocol() = default;
  BaseProtocol(const BaseProtocol&) = delete;
  BaseProtocol& operator=(const BaseProtocol&) = delete;
  virtual ~BaseProtocol();

  /// The connection is there. A protocol that keeps its transport lets go of it in `connection_lost` at the latest, or is
  /// let go of by it then.
  virtual void connection_made(std::shared_ptr<Transport> transport);
  /// The connection has ended; `error` is null if it was closed by us, or by the peer in good order.
  virtual void connection_lost(std::exception_ptr error);
  /// More than the high mark is buffered. Called inside the `write` that went too far.
  virtual void pause_writing();
  /// It is down to the low mark.
  virtual void resume_writing();
};

/// *Source*: asyncio.Protocol.
class Protocol : public BaseProtocol {
 public:
  /// Bytes came, any number; the view holds during the call.
  virtual void data_received(BytesView data);
  /// The peer will send no more. True: the transport stays open for writing; false, as if it is not overridden: it
  /// closes. (With TLS it always closes.)
  virtual bool eof_received();
};

/// A protocol that owns the memory that bytes come into. *Source*: asyncio.BufferedProtocol.
class BufferedProtocol : public BaseProtocol {
 public:
  /// Memory for the next bytes, at least one; `size_hint` is how many there are.
  virtual MutableBytes get_buffer(std::size_t size_hint);
  /// `count` bytes were written to its beginning.
  virtual void buffer_updated(std::size_t count);
  virtual bool eof_received();
};

/// *Source*: asyncio.DatagramProtocol.
class DatagramProtocol {
 public:
  DatagramProtocol() = default;
  DatagramProtocol(const DatagramProtocol&) = delete;
  DatagramProtocol& operator=(const DatagramProtocol&) = delete;
  virtual ~DatagramProtocol();

  virtual void connection_made(std::shared_ptr<DatagramTransport> transport);
  virtual void connection_lost(std::exception_ptr error);
  /// A datagram came, perhaps an empty one, from `address` (empty for a Unix socket without a name).
  virtual void datagram_received(BytesView data, const Address& address);
  /// Sending or receiving failed; the transport goes on. `ConnectionRefusedError`: an earlier datagram reached nobody.
  virtual void error_received(std::exception_ptr error);
  virtual void pause_writing();
  virtual void resume_writing();
};

}  // namespace tutti
