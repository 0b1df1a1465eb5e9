// SPDX-License-Identifier: MIT
// Sends the body of a request while its response may be coming already.
#pragma once

#include <cstdint>
#include <exception>
#include <initializer_list>
#include <memory>
#include <optional>

#include <tutti/base/bytes.hpp>
#include <tutti/http/body.hpp>
#include <tutti/io/streams.hpp>
#include <tutti/task/task.hpp>

namespace tutti::http::detail {

/// A task of its own: servers may answer before they have read it all, and may not read on unless their answer is
/// taken.
class Upload : public std::enable_shared_from_this<Upload> {
 public:
  /// `length`: what `Content-Length` says; absent: sent as chunks.
  Upload(StreamWriter& writer, Body body, std::optional<std::uint64_t> length)
      : writer_(&writer), body_(std::move(body)), length_(length) {}

  void start();
  /// Ends it; it will not touch the writer any more.
  void stop() noexcept;
  [[nodiscard]] bool done() const noexcept { return done_; }
  /// Whether it still sends.
  [[nodiscard]] bool running() const noexcept { return task_.has_value(); }
  /// How many bytes it has given to the writer.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
  /// What the body threw; the connection was cut off then.
  [[nodiscard]] std::exception_ptr error() const noexcept { return error_; }

 private:
  static Coro<> run(std::shared_ptr<Upload> self);
  Coro<> send_pieces();
  void send(std::string piece);
  void write(std::initializer_list<BytesView> pieces);

  StreamWriter* writer_;  // null once it is stopped
  Body body_;
  std::optional<std::uint64_t> length_;
  std::uint64_t sent_ = 0;     // of the body
  std::uint64_t written_ = 0;  // with what chunks add
  std::optional<Task<>> task_;
  std::exception_ptr error_;
  bool done_ = false;
};

}  // namespace tutti::http::detail
