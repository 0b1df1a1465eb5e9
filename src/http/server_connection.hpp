// SPDX-License-Identifier: MIT
// A connection of the server: reads requests one after the other, has them handled, and writes the responses.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <tutti/base/clock.hpp>
#include <tutti/http/body.hpp>
#include <tutti/http/parser.hpp>
#include <tutti/http/request.hpp>
#include <tutti/http/response.hpp>
#include <tutti/http/server.hpp>
#include <tutti/io/streams.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/task.hpp>

#include "cork.hpp"
#include "response_stream.hpp"

namespace tutti::http::detail {

/// It is the source of its request's body too. Lives in the coroutine that serves it.
class ServerConnection final : public BodySource, public std::enable_shared_from_this<ServerConnection> {
 public:
  /// `owner` is who has the options and the router.
  ServerConnection(std::shared_ptr<const void> owner, const ServerOptions& options, Router& router, StreamReader reader,
                   StreamWriter writer);
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;
  ~ServerConnection() override;

  /// Serves until the connection ends.
  Coro<> serve();

  /// The present request is the last one; ends at once if there is none.
  void stop() noexcept;
  /// Ends whatever goes on.
  void cancel() noexcept;
  void abort() noexcept { writer_.abort(); }

  // ---- for Request ----
  Coro<bool> fill(std::string& out) override;
  bool fill_ready(std::string& out) override;
  /// The body is to be read whole. *Errors*: `HTTPException` 413.
  void limit_body();
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept { return parser_.content_length(); }
  [[nodiscard]] bool expects_continue() const noexcept { return expects_continue_; }
  [[nodiscard]] Address remote() const { return writer_.peername(); }

  // ---- for StreamResponse ----
  Coro<> start_stream(std::shared_ptr<ResponseStream> stream);
  Coro<> write_body(std::string data);
  Coro<> end_body();

 private:
  /// How far the response to the present request has come.
  struct Sending {
    bool started = false;
    bool ended = false;
    bool has_body = false;  // the client takes one
    bool chunked = false;
    std::optional<std::uint64_t> left;  // of Content-Length
    std::uint64_t sent = 0;
    int status = 0;
  };

  struct EndOfRequest {
    ServerConnection& connection;
    ~EndOfRequest();
  };

  // ---- reading: server_connection.cpp ----
  bool take_head();
  void begin_head();
  bool feed_head();
  Coro<bool> read_head();
  Coro<bool> read_rest_of_head();
  /// The next bytes, which stay in the reader; none at the end of the stream; nothing if they take too long.
  Coro<std::optional<BytesView>> wait_for_bytes(std::optional<TimePoint> deadline);
  Coro<> handle();
  Handler* route(Request& request, std::optional<Response>& response);
  std::optional<Response> failure(const std::exception_ptr& error);
  void give_up(const std::exception_ptr& error);
  void start_watching();
  Coro<> stop_watching();
  static Coro<> watch(ServerConnection& self);
  [[nodiscard]] TimePoint body_deadline() const;
  Coro<> finish();
  [[nodiscard]] bool may_still_send() const;
  Coro<> linger();
  bool feed_ready(std::string& out);
  [[noreturn]] void client_gone(const std::string& operation);

  // ---- writing: server_sending.cpp ----
  Coro<> send(Response response);
  bool send_now(Response& response);
  void begin_whole(Response& response, std::string& out);
  Coro<> send_pieces(const Body& body);
  void discard_rest();
  void begin(ResponseHead& head, std::optional<std::uint64_t> length, std::string& out);
  Coro<> write(std::string data);
  Coro<> flush();
  [[nodiscard]] bool must_flush() const noexcept;
  void log_access();

  std::shared_ptr<const void> owner_;
  const ServerOptions& options_;
  Router& router_;
  StreamReader reader_;
  StreamWriter writer_;
  Cork cork_;
  RequestParser parser_;
  std::optional<AnyTask> task_;
  std::optional<Task<>> watcher_;
  Request* request_ = nullptr;
  std::shared_ptr<ResponseStream> stream_;
  Sending sending_;
  TimePoint began_{};             // the present request, if somebody asks
  Duration body_waited_{};        // for its body
  std::uint64_t body_bytes_ = 0;  // of it, as they came
  Version version_ = Version::http11;
  bool head_only_ = false;
  bool reading_head_ = false;
  bool fresh_ = true;      // no byte has come
  bool idle_ = false;      // between two requests
  bool handling_ = false;  // a handler runs
  bool stopping_ = false;
  bool keep_ = true;     // for another request
  bool broken_ = false;  // what the client sends cannot be told apart any more
  bool gone_ = false;    // nothing can be sent to the client
  bool expects_something_ = false;
  bool expects_continue_ = false;
  std::optional<Response> refusal_;  // of a request that cannot be read
};

}  // namespace tutti::http::detail
