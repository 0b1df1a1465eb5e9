// SPDX-License-Identifier: MIT
// The seam below the streams: a transport moves bytes, a receiver is told what came. asyncio's transports and
// protocols.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>

#include <tutti/base/bytes.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/io/address.hpp>
#include <tutti/io/byte_buffer.hpp>
#include <tutti/loop/event_loop.hpp>

namespace tutti {
class SSLObject;
}

namespace tutti::lowlevel {

class Transport;

/// Is told what happens on a transport: data, then perhaps the end of it, and at last, exactly once, the loss of the
/// connection. Called from the loop and never inside a call of the transport's, except for `pause_writing`, which comes
/// inside the `write` that goes too far. Must not throw.
class Receiver : public Shared {
 public:
  /// Bytes came. It may take the whole buffer by moving it; what it leaves is dropped.
  virtual void data_received(ByteBuffer&& data) noexcept = 0;
  /// The peer will send no more. True: the transport stays open for writing; false: it closes.
  virtual bool eof_received() noexcept = 0;
  /// The transport has ended; `error` is null if it was closed by us, or by the peer in good order.
  virtual void connection_lost(std::exception_ptr error) noexcept = 0;
  /// The transport's buffer is above its high mark; it is below its low mark again.
  virtual void pause_writing() noexcept = 0;
  virtual void resume_writing() noexcept = 0;
  /// The transport on top of the one that this receives from, as TLS is one: closing in good order is up to that. Null
  /// if there is none.
  virtual Transport* upper() noexcept { return nullptr; }
};

/// How many bytes may be written ahead.
struct WriteBufferLimits {
  std::size_t high = std::size_t{64} * 1024;  ///< above, the receiver is asked to pause
  std::size_t low = std::size_t{16} * 1024;   ///< down there, to go on

  /// What is absent made from the other one, as asyncio does: the low mark is a quarter of the high one, which is 64 KiB
  /// if there is none.
  [[nodiscard]] static WriteBufferLimits complete(std::optional<std::size_t> high,
                                                  std::optional<std::size_t> low) noexcept;
};

/// Moves bytes: a socket, a pipe, TLS on top of one of them, or memory. Belongs to a loop and its thread.
/// It lives until its connection is lost, whoever has let go of it, and then lets go of its receiver.
class Transport : public Shared {
 public:
  /// Who is told from now on.
  virtual void set_receiver(detail::Ref<Receiver> receiver) noexcept = 0;
  /// Null before there is one, and when the connection was lost.
  [[nodiscard]] virtual detail::Ref<Receiver> receiver() const noexcept = 0;
  [[nodiscard]] virtual EventLoop& loop() const noexcept = 0;

  /// Idempotent, both. What is under way when reading is paused may still come.
  virtual void pause_reading() noexcept = 0;
  virtual void resume_reading() noexcept = 0;
  /// Whether it is neither paused nor closing.
  [[nodiscard]] virtual bool is_reading() const noexcept = 0;

  /// Sends what can be sent at once and keeps a copy of the rest. Nothing happens on a transport that is closing.
  /// *Errors*: `RuntimeError` after `write_eof`.
  virtual void write(BytesView data) = 0;
  /// The same for several pieces, as if they were one.
  virtual void writelines(std::span<const BytesView> pieces) = 0;
  /// After what is buffered the peer sees the end. *Errors*: `RuntimeError` if it cannot.
  virtual void write_eof() = 0;
  [[nodiscard]] virtual bool can_write_eof() const noexcept = 0;
  /// Bytes that were written and wait for room: those that flow control counts.
  [[nodiscard]] virtual std::size_t write_buffer_size() const noexcept = 0;
  /// Bytes that were written and that the kernel has not taken yet: besides, what leaves with the loop's next system call.
  [[nodiscard]] virtual std::size_t unsent_size() const noexcept { return write_buffer_size(); }
  /// Above `high` bytes the receiver is asked to pause, at `low` to go on. *Errors*: `ValueError` unless `low <= high`.
  virtual void set_write_buffer_limits(std::size_t high, std::size_t low) = 0;
  /// The same with what is absent made from the other one: see `WriteBufferLimits::complete`.
  void set_write_buffer_limits(std::optional<std::size_t> high = {}, std::optional<std::size_t> low = {});
  [[nodiscard]] virtual WriteBufferLimits get_write_buffer_limits() const noexcept = 0;

  /// Reads no more, sends what is buffered, and ends.
  virtual void close() noexcept = 0;
  /// Ends now; what is buffered is lost.
  virtual void abort() noexcept = 0;
  /// Whether it is about to end, or has ended.
  [[nodiscard]] virtual bool is_closing() const noexcept = 0;

  /// The other end, as it was when the connection was made, and this end while it is open; empty if there is none.
  [[nodiscard]] virtual Address peername() const = 0;
  [[nodiscard]] virtual Address sockname() const = 0;
  /// What it is, in messages: for a socket the other end's address.
  [[nodiscard]] virtual std::string description() const;
  /// The descriptor; -1 if there is none (any more).
  [[nodiscard]] virtual int fd() const noexcept = 0;
  /// What is known of its TLS; null if it has none. It lives as long as the transport.
  [[nodiscard]] virtual const SSLObject* ssl_object() const noexcept { return nullptr; }

 protected:
  ~Transport() override;
};

}  // namespace tutti::lowlevel
