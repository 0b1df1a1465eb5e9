// SPDX-License-Identifier: MIT
// Transports as protocols see them: asyncio's `Transport` and `DatagramTransport`.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>

#include <tutti/base/bytes.hpp>
#include <tutti/base/error.hpp>
#include <tutti/io/address.hpp>
#include <tutti/io/transport.hpp>

namespace tutti {

class BaseProtocol;
class DatagramProtocol;
class SSLObject;

/// A function of an abstract class that its subclass has not.
class NotImplementedError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
  ~NotImplementedError() override;
};

using WriteBufferLimits = lowlevel::WriteBufferLimits;

/// What all transports have. The functions of these classes throw `NotImplementedError` unless a subclass has them, so that
/// a test can make one that has only what it needs. Those that `create_connection` and its kin make have all.
///
/// Such a transport lives until its connection is lost, whoever has let go of it, and holds its protocol until then.
/// *Concurrency*: on the loop's thread. *Source*: asyncio.BaseTransport.
class BaseTransport {
 public:
  BaseTransport() = default;
  BaseTransport(const BaseTransport&) = delete;
  BaseTransport& operator=(const BaseTransport&) = delete;
  virtual ~BaseTransport();

  /// Receives no more, sends what is buffered, and then the protocol's `connection_lost(nullptr)` is called. Idempotent.
  virtual void close();
  /// The same at once: what is buffered is lost.
  virtual void abort();
  /// Whether it is about to end, or has ended.
  [[nodiscard]] virtual bool is_closing() const;

  /// The other end, and this end while it is open; empty for what is no socket.
  [[nodiscard]] virtual Address peername() const;
  [[nodiscard]] virtual Address sockname() const;
  /// The descriptor, which stays the transport's; -1 if there is none (any more).
  [[nodiscard]] virtual int fd() const noexcept;
  /// What is known of its TLS; null if it has none. It lives as long as the transport.
  [[nodiscard]] virtual const SSLObject* ssl_object() const noexcept;
  /// The same by key: `transport->get_extra_info(extra_info::peername)`.
  template <class Key>
  [[nodiscard]] auto get_extra_info(Key key) const {
    return key(*this);
  }
};

/// Keys of `BaseTransport::get_extra_info`: each is a function of the transport, and so can be yours.
namespace extra_info {
inline constexpr auto peername = [](const BaseTransport& transport) { return transport.peername(); };
inline constexpr auto sockname = [](const BaseTransport& transport) { return transport.sockname(); };
inline constexpr auto socket = [](const BaseTransport& transport) { return transport.fd(); };
inline constexpr auto ssl_object = [](const BaseTransport& transport) { return transport.ssl_object(); };
}  // namespace extra_info

/// A stream of bytes in both directions: TCP, a Unix socket, TLS on one of them; or in one direction, a pipe. *Source*:
/// asyncio.Transport.
class Transport : public BaseTransport {
 public:
  /// Whether it is neither paused nor closing.
  [[nodiscard]] virtual bool is_reading() const;
  /// No data reaches the protocol until `resume_reading`. Idempotent, both.
  virtual void pause_reading();
  virtual void resume_reading();

  /// Sends what can be sent at once and keeps a copy of the rest. Nothing happens on a transport that is closing.
  /// *Errors*: `RuntimeError` after `write_eof`.
  virtual void write(BytesView data);
  /// The same for several pieces, as if they were one.
  virtual void writelines(std::span<const BytesView> pieces);
  void writelines(std::initializer_list<BytesView> pieces) { writelines(std::span(pieces.begin(), pieces.size())); }
  /// After what is buffered the peer sees the end of the stream; reading goes on. *Errors*: `RuntimeError` if it cannot.
  virtual void write_eof();
  [[nodiscard]] virtual bool can_write_eof() const;

  /// Above `high` bytes the protocol's `pause_writing` is called, at `low` `resume_writing`. Absent: 64 KiB, or four times
  /// `low`; a quarter of `high`. *Errors*: `ValueError` unless `low <= high`.
  virtual void set_write_buffer_limits(std::optional<std::size_t> high = {}, std::optional<std::size_t> low = {});
  [[nodiscard]] virtual WriteBufferLimits get_write_buffer_limits() const;
  /// Bytes that were written and not sent yet.
  [[nodiscard]] virtual std::size_t get_write_buffer_size() const;

  /// Who is told from now on. *Errors*: `ValueError` for null.
  virtual void set_protocol(std::shared_ptr<BaseProtocol> protocol);
  /// Null once the connection is lost.
  [[nodiscard]] virtual std::shared_ptr<BaseProtocol> get_protocol() const;
};

/// Datagrams in both directions: UDP, a Unix socket. *Source*: asyncio.DatagramTransport.
class DatagramTransport : public BaseTransport {
 public:
  /// Sends `data`, perhaps no byte, to `address`; to the peer if there is none. If the kernel has no room it is kept for
  /// later. What goes wrong is told by the protocol's `error_received`. *Errors*: `ValueError` for another address than
  /// that of the peer on a connected transport.
  virtual void sendto(BytesView data, std::optional<Address> address = {});

  /// As those of `Transport`; each datagram counts 8 bytes more than it has.
  virtual void set_write_buffer_limits(std::optional<std::size_t> high = {}, std::optional<std::size_t> low = {});
  [[nodiscard]] virtual WriteBufferLimits get_write_buffer_limits() const;
  [[nodiscard]] virtual std::size_t get_write_buffer_size() const;

  virtual void set_protocol(std::shared_ptr<DatagramProtocol> protocol);
  [[nodiscard]] virtual std::shared_ptr<DatagramProtocol> get_protocol() const;
};

}  // namespace tutti
