// SPDX-License-Identifier: MIT
// One request and its response on one connection.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include <tutti/base/clock.hpp>
#include <tutti/http/body.hpp>
#include <tutti/http/client.hpp>
#include <tutti/http/errors.hpp>
#include <tutti/http/message.hpp>
#include <tutti/task/coro.hpp>

#include "pool.hpp"
#include "upload.hpp"

namespace tutti::http::detail {

/// Sends a request, reads the head of the response, and then is the source of its body. As soon as that is complete the
/// connection goes back to the pool; an error or leaving it before closes the connection.
class Exchange final : public BodySource {
 public:
  Exchange(PoolSlot slot, RequestInfo info, std::shared_ptr<Pool> pool)
      : pool_(std::move(pool)), slot_(std::move(slot)), info_(std::move(info)) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() override { release(); }

  /// How long a wait for the server may take.
  void set_sock_read(std::optional<Duration> limit) noexcept { sock_read_ = limit; }
  /// When the body must be there; `total` is the limit to be named if it is not.
  void set_deadline(std::optional<TimePoint> deadline, std::optional<Duration> total) noexcept {
    deadline_ = deadline;
    total_ = total;
  }
  void set_body_limit(std::optional<std::uint64_t> limit);

  /// While it lives, the body is being read whole: no more than `limit` bytes, of which `buffered` were taken already.
  class ReadLimit {
   public:
    /// *Errors*: `PayloadTooLargeError`.
    ReadLimit(Exchange& exchange, std::uint64_t limit, std::uint64_t buffered);
    ReadLimit(const ReadLimit&) = delete;
    ReadLimit& operator=(const ReadLimit&) = delete;
    ~ReadLimit() { exchange_.read_limit_.reset(); }

   private:
    Exchange& exchange_;
  };

  void send(const RequestHead& head, const Body& body);
  Coro<ResponseHead> read_head();
  /// Whether the connection was given up before the server sent anything on it, though it had served before.
  [[nodiscard]] bool was_stale() const noexcept { return reused_ && !answered_; }

  Coro<bool> fill(std::string& out) override;
  bool fill_ready(std::string& out) override;

  [[nodiscard]] const RequestInfo& info() const noexcept { return info_; }
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept { return content_length_; }
  [[nodiscard]] const Headers& trailers() const noexcept { return trailers_; }
  /// Whether it still has its connection.
  [[nodiscard]] bool open() const noexcept { return static_cast<bool>(slot_); }
  /// Lets the connection go: back to the pool if the rest of the body is here already.
  void release() noexcept;
  void close() noexcept;

 private:
  [[nodiscard]] ClientConnection& connection() const noexcept { return *slot_.connection(); }
  Coro<BytesView> wait_for_bytes();
  Coro<bool> wait_until(std::optional<TimePoint> deadline, std::exception_ptr& error);
  bool sending_goes_on();
  void check_late(std::optional<TimePoint> deadline);
  std::size_t feed(BytesView data, std::string& out);
  bool feed_ready(std::string& out);
  void end_of_stream();
  void check_open() const;
  void complete() noexcept;
  [[nodiscard]] std::exception_ptr explain(const std::exception_ptr& error) const;
  /// Remembers why there will be no more, and throws that.
  [[noreturn]] void fail(std::exception_ptr error);

  std::shared_ptr<Pool> pool_;
  PoolSlot slot_;
  RequestInfo info_;
  std::shared_ptr<Upload> upload_;
  std::optional<Duration> sock_read_;
  std::optional<TimePoint> deadline_;
  std::optional<Duration> total_;
  std::uint64_t written_ = 0;  // what `send` gave to the writer
  std::uint64_t sent_ = 0;     // how much had left when that was last looked at
  std::uint64_t received_ = 0;
  std::optional<std::uint64_t> body_limit_;
  struct WholeRead {
    std::uint64_t limit;  // as it was asked for
    std::uint64_t end;    // what `received_` may come to
  };
  std::optional<WholeRead> read_limit_;
  std::optional<std::uint64_t> content_length_;
  Headers trailers_;
  std::exception_ptr error_;
  bool closes_ = false;  // the request says that it is the last one
  bool reused_ = false;
  bool answered_ = false;
  bool complete_ = false;
};

}  // namespace tutti::http::detail
