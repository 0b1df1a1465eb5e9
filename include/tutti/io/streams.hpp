// SPDX-License-Identifier: MIT
// Streams: a reader and a writer of bytes, whatever carries them.
#pragma once

#include <cstddef>
#include <exception>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <tutti/base/bytes.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/io/address.hpp>
#include <tutti/io/ssl.hpp>
#include <tutti/io/transport.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

namespace detail {
class StreamState;
}

struct StreamReaderOptions {
  /// Of a line, in bytes, for calls that name none; reading ahead pauses above twice as much.
  std::size_t limit = std::size_t{64} * 1024;
};

/// Reads bytes as they come. Reading runs ahead: what comes while nobody waits is buffered, and the transport is paused
/// when that is too much.
///
/// Moves only. *Errors* of each read: the exception the connection was lost with (`ConnectionResetError`, …);
/// `RuntimeError` if another coroutine waits for data already. *Cancellation* of each read: no byte is lost, the next
/// read finds them all. *Concurrency*: one reading coroutine at a time, on the loop's thread. *Lifetime*: a read under
/// way may outlive its reader. *Source*: asyncio.StreamReader.
class StreamReader {
 public:
  /// A reader without a transport: `feed_data` fills it. *Errors*: `ValueError` if the limit is 0.
  explicit StreamReader(StreamReaderOptions options = {});
  explicit StreamReader(detail::Ref<detail::StreamState> state) noexcept;
  StreamReader(StreamReader&& other) noexcept;
  StreamReader& operator=(StreamReader&& other) noexcept;
  /// What is buffered, and what comes later, is dropped.
  ~StreamReader();

  /// At most `count` bytes, as soon as there is one; empty at the end of the stream, or for 0.
  [[nodiscard]] Coro<std::string> read(std::size_t count);
  /// All bytes up to the end of the stream.
  [[nodiscard]] Coro<std::string> read();
  /// The same as `read(count)`, into memory that must live until then; gives how many bytes it wrote, 0 at the end of
  /// the stream.
  [[nodiscard]] Coro<std::size_t> read_into(MutableBytes memory);
  /// Exactly `count` bytes, not bounded by the limit. *Errors*: `IncompleteReadError` with what there was, at the end
  /// of the stream.
  [[nodiscard]] Coro<std::string> readexactly(std::size_t count);
  /// All bytes up to the first `separator`, and the separator. *Errors*: `IncompleteReadError` at the end of the
  /// stream; `LimitOverrunError` if it does not come within `limit` bytes, or else the stream's limit (the bytes stay in
  /// the buffer); `ValueError` for an empty one.
  [[nodiscard]] Coro<std::string> readuntil(std::string separator = "\n", std::optional<std::size_t> limit = {});
  /// The same for whichever of several separators makes the shortest piece.
  [[nodiscard]] Coro<std::string> readuntil(std::vector<std::string> separators, std::optional<std::size_t> limit = {});
  [[nodiscard]] Coro<std::string> readuntil(std::initializer_list<std::string_view> separators,
                                            std::optional<std::size_t> limit = {});
  /// A line with its "\n"; the last one may lack it; empty at the end of the stream. *Errors*: `ValueError` if it is
  /// longer than `limit` bytes, or else the stream's limit; it is dropped then, as far as it has come.
  [[nodiscard]] Coro<std::string> readline(std::optional<std::size_t> limit = {});
  /// The next line, nothing at the end of the stream: `while (auto line = co_await reader.next())`.
  [[nodiscard]] Coro<std::optional<std::string>> next();

  /// Waits until `count` bytes are buffered or the stream has ended; gives all that are buffered, which stay there. The
  /// view holds until the next `co_await`. For parsers: `peek`, parse, `consume`. Not bounded by the limit.
  [[nodiscard]] Coro<BytesView> peek(std::size_t count = 1);
  /// Drops the first `count` of the buffered bytes, at most all.
  void consume(std::size_t count);
  /// What is buffered now; until the next `co_await`.
  [[nodiscard]] BytesView buffered() const noexcept;

  /// Whether the stream has ended and all of it was read.
  [[nodiscard]] bool at_eof() const noexcept;
  /// What the connection was lost with; null if nothing.
  [[nodiscard]] std::exception_ptr exception() const noexcept;

  /// For those who fill it: bytes, the end, an error. *Errors*: `RuntimeError` for data after the end.
  void feed_data(BytesView data);
  void feed_eof();
  void set_exception(std::exception_ptr error);
  /// Who is paused when too much is buffered. *Errors*: `RuntimeError` if there is one already.
  void set_transport(detail::Ref<lowlevel::Transport> transport);

 private:
  detail::Ref<detail::StreamState> state_;
};

/// Writes bytes. `write` never waits: it sends at once what it can and buffers the rest, and `drain` waits until that
/// is not too much.
///
/// Moves only. Leaving a writer without `close` aborts the connection, and debug mode reports that; a server's handler
/// may just return, which closes it in good order. *Concurrency*: on the loop's thread; any number of coroutines may
/// `drain` or `wait_closed`. *Source*: asyncio.StreamWriter.
class StreamWriter {
 public:
  explicit StreamWriter(detail::Ref<detail::StreamState> state) noexcept;
  StreamWriter(StreamWriter&& other) noexcept;
  StreamWriter& operator=(StreamWriter&& other) noexcept;
  ~StreamWriter();

  /// Sends or buffers a copy of `data`. On a connection that was lost it does nothing: `drain` tells. *Errors*:
  /// `RuntimeError` after `write_eof`.
  void write(BytesView data);
  /// The same for several pieces, in one system call if it can be.
  void writelines(std::span<const BytesView> pieces);
  void writelines(std::initializer_list<BytesView> pieces) { writelines(std::span(pieces.begin(), pieces.size())); }
  /// Waits while more than the high mark (64 KiB) is buffered, until it is down to the low mark (a quarter).
  /// *Errors*: the exception the connection was lost with, `ConnectionResetError` if it has none.
  /// *Cancellation*: ends the waiting; what was written is sent all the same.
  [[nodiscard]] Coro<> drain();
  /// After what was written the peer sees the end of the stream; reading goes on. *Errors*: `RuntimeError` if the
  /// transport cannot, as TLS.
  void write_eof();
  [[nodiscard]] bool can_write_eof() const noexcept;

  /// Goes on with TLS: encrypts all that is written from now on, and takes what is buffered for reading as TLS already,
  /// so that nothing that came in the clear is read afterwards. With a client's context it begins the handshake, with
  /// a server's it awaits one. *Errors*: as `drain`; those of a handshake, which end the connection
  /// (`SSLCertVerificationError`, `SSLError`, `ConnectionResetError`, `ConnectionAbortedError` after the time for it);
  /// `ValueError` for options that do not fit. *Cancellation*: aborts the connection, once the handshake has begun.
  [[nodiscard]] Coro<> start_tls(SSLContext context, TLSOptions options = {});

  /// Reads no more, sends what is buffered, closes. Over TLS it waits for the peer's end as long as
  /// `ssl_shutdown_timeout` says. Idempotent.
  void close();
  /// Waits until the connection has ended. *Errors*: the exception it was lost with. *Cancellation*: ends the waiting
  /// only.
  [[nodiscard]] Coro<> wait_closed();
  /// Closes now; what is buffered is lost.
  void abort();
  [[nodiscard]] bool is_closing() const noexcept;

  /// The other end, and this end while it is open; empty for what is no socket.
  [[nodiscard]] Address peername() const;
  [[nodiscard]] Address sockname() const;
  /// The descriptor; -1 if there is none (any more). It stays the stream's.
  [[nodiscard]] int fd() const noexcept;
  /// What is known of its TLS; null if it has none. It lives as long as the streams, unless `start_tls` puts another
  /// one on top.
  [[nodiscard]] const SSLObject* ssl_object() const noexcept;
  /// What is below: for its write buffer limits and other details.
  [[nodiscard]] lowlevel::Transport& transport() const noexcept;

 private:
  detail::Ref<detail::StreamState> state_;
};

/// What opening a connection gives: `auto [reader, writer] = co_await open_connection(…);`
struct Streams {
  StreamReader reader;
  StreamWriter writer;
};

/// A reader and a writer on a new transport, which becomes theirs.
[[nodiscard]] Streams make_streams(detail::Ref<lowlevel::Transport> transport, StreamReaderOptions options = {});

}  // namespace tutti
