// SPDX-License-Identifier: MIT
#include "server_connection.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/task/timeout.hpp>
#include <tutti/task/wait.hpp>

namespace tutti::http::detail {

namespace {

TimePoint after(Duration delay) { return get_running_loop().time() + delay; }

bool is_known_method(std::string_view method) {
  constexpr std::array known{Method::get, Method::head,    Method::post,    Method::put,  Method::patch,
                             Method::del, Method::options, Method::connect, Method::trace};
  return std::find(known.begin(), known.end(), method) != known.end();
}

Response plain(int status, std::string text = {}, Headers headers = {}) {
  const HTTPException exception(status, std::move(text), std::move(headers));
  return Response::text(exception.text() + "\n", {.status = status, .headers = exception.headers()});
}

/// No handler for the request: 404, 405 or 501.
Response not_found(const Request& request, const std::vector<std::string>& allowed) {
  if (allowed.empty()) return plain(is_known_method(request.method()) ? 404 : 501);
  std::string list;
  for (const std::string& method : allowed) list.append(list.empty() ? "" : ", ").append(method);
  return plain(is_known_method(request.method()) ? 405 : 501, {}, {{"Allow", list}});
}

}  // namespace

ServerConnection::ServerConnection(std::shared_ptr<const void> owner, const ServerOptions& options, Router& router,
                                   StreamReader reader, StreamWriter writer)
    : owner_(std::move(owner)),
      options_(options),
      router_(router),
      reader_(std::move(reader)),
      writer_(std::move(writer)),
      cork_(writer_),
      parser_(options.limits) {}

ServerConnection::~ServerConnection() {
  if (watcher_) watcher_->cancel();
}

Coro<> ServerConnection::serve() {
  task_ = current_task();
  try {
    while (take_head() || co_await read_head()) {
      co_await handle();
      if (!keep_) break;
      parser_.reset();
    }
  } catch (const OSError&) {
    gone_ = true;  // the client: nobody is left to be told
  }
  co_await finish();
}

// ---- reading ----

/// A request whose head has come whole is taken without waiting.
bool ServerConnection::take_head() {
  if (stopping_ || reader_.buffered().empty()) return false;
  begin_head();
  return feed_head() && !refusal_;
}

void ServerConnection::begin_head() {
  // A refusal is no answer to the request before.
  head_only_ = false;
  version_ = Version::http11;
  reading_head_ = true;
  fresh_ = false;
  if (options_.access_log) began_ = get_running_loop().time();
}

/// Reads what has come of the head; true if that was the end of it, or wrong.
bool ServerConnection::feed_head() {
  std::string nothing;
  while (!parser_.head_complete()) {
    const BytesView data = reader_.buffered();
    if (data.empty()) return false;
    try {
      reader_.consume(parser_.feed(data, nothing));
    } catch (const ParserError& error) {
      refusal_ = plain(error.status(), error.what());
      break;
    }
  }
  reading_head_ = false;
  return true;
}

/// Whether there is a request; one that cannot be read is answered here.
Coro<bool> ServerConnection::read_head() {
  if (!refusal_ && !reading_head_) {
    if (reader_.buffered().empty()) {
      idle_ = true;
      const auto data =
          co_await wait_for_bytes(after(fresh_ ? options_.first_byte_timeout : options_.keepalive_timeout));
      idle_ = false;
      if (!data || data->empty()) co_return false;
    }
    if (stopping_) co_return false;
    begin_head();
  }
  if (!refusal_ && !feed_head() && !co_await read_rest_of_head()) co_return false;
  if (!refusal_) co_return true;
  broken_ = true;
  sending_ = {};
  co_await send(std::move(*refusal_));
  log_access();
  co_return false;
}

/// False if the client ends the stream before it has sent all of it.
Coro<bool> ServerConnection::read_rest_of_head() {
  began_ = get_running_loop().time();
  do {
    const auto data = co_await wait_for_bytes(began_ + options_.head_timeout);
    if (!data) {
      refusal_ = plain(408, "the request took too long");
      break;
    }
    if (data->empty()) co_return false;
  } while (!feed_head());
  co_return true;
}

Coro<std::optional<BytesView>> ServerConnection::wait_for_bytes(std::optional<TimePoint> deadline) {
  if (const BytesView ready = reader_.buffered(); !ready.empty()) co_return ready;
  if (cork_.send() && must_flush()) co_await flush();
  Timeout limit(deadline);
  limit.enter();
  BytesView data;
  std::exception_ptr error;
  try {
    data = co_await reader_.peek();
  } catch (...) {
    error = std::current_exception();
  }
  const bool late = limit.expired() && is_cancelled(error);
  error = limit.exit(std::move(error));
  if (late && !is_cancelled(error)) co_return std::nullopt;
  if (error) {
    gone_ = holds<OSError>(error);
    std::rethrow_exception(std::move(error));
  }
  co_return data;
}

bool ServerConnection::feed_ready(std::string& out) {
  while (!parser_.complete()) {
    const BytesView data = reader_.buffered();
    if (data.empty()) return true;
    try {
      const std::size_t used = parser_.feed(data, out);
      body_bytes_ += used;
      reader_.consume(used);
    } catch (const ParserError& error) {
      broken_ = true;
      throw HTTPException(error.status(), error.what());
    }
  }
  if (handling_) start_watching();
  return false;
}

bool ServerConnection::fill_ready(std::string& out) { return feed_ready(out); }

Coro<bool> ServerConnection::fill(std::string& out) {
  if (parser_.complete()) co_return false;
  if (std::exchange(expects_continue_, false) && reader_.buffered().empty() && !sending_.started) {
    co_await write("HTTP/1.1 100 Continue\r\n\r\n");
  }
  const TimePoint begin = get_running_loop().time();
  const auto data = co_await wait_for_bytes(body_deadline());
  body_waited_ += get_running_loop().time() - begin;
  if (!data) {
    broken_ = true;
    throw HTTPException(408, "the body took too long");
  }
  if (data->empty()) client_gone("read the body of a request from");
  co_return feed_ready(out);
}

/// A client must not hold a connection by a byte now and then.
TimePoint ServerConnection::body_deadline() const {
  Duration left = options_.body_timeout;
  if (const auto rate = options_.min_body_rate.value_or(0); rate != 0) {
    const auto earned = std::chrono::duration<double>(static_cast<double>(body_bytes_) / static_cast<double>(rate));
    const auto longest = std::chrono::duration<double>(options_.body_timeout + body_waited_);
    left += std::chrono::duration_cast<Duration>(std::min(earned, longest)) - body_waited_;
    left = std::min(left, options_.body_timeout);
  }
  return after(left);
}

void ServerConnection::limit_body() {
  try {
    const std::uint64_t limit = options_.client_max_size;
    parser_.set_body_limit(std::min(limit, options_.limits.body.value_or(limit)));
  } catch (const ParserError& error) {
    broken_ = true;
    throw HTTPException(error.status(), error.what());
  }
}

void ServerConnection::client_gone(const std::string& operation) {
  gone_ = true;
  throw_os_error(ECONNRESET, operation + " " + remote().to_string());
}

// ---- handling ----

Coro<> ServerConnection::handle() {
  sending_ = {};
  body_waited_ = {};
  body_bytes_ = 0;
  head_only_ = parser_.head().method == Method::head;
  version_ = parser_.head().version;
  expects_something_ = parser_.head().headers.contains("Expect");
  expects_continue_ = expects_something_ && http::expects_continue(parser_.head());
  std::optional<Request> request;
  const EndOfRequest end{*this};
  std::optional<Response> instead;  // of what a handler returns
  std::exception_ptr error;
  try {
    request.emplace(parser_.head(), *this);
    request_ = &*request;
    if (Handler* const handler = route(*request, instead)) {
      Response response = co_await (*handler)(*request);
      handling_ = false;
      if (watcher_) co_await stop_watching();
      if (!send_now(response)) co_await send(std::move(response));
    }
  } catch (...) {
    error = std::current_exception();
  }
  handling_ = false;
  if (watcher_) co_await stop_watching();
  if (error) instead = failure(error);
  error = nullptr;
  try {
    if (instead && !send_now(*instead)) co_await send(std::move(*instead));
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    if (auto apology = failure(error)) co_await send(std::move(*apology));
  }
  log_access();
  if (keep_) discard_rest();
  if (gone_ || broken_ || stopping_) keep_ = false;
}

ServerConnection::EndOfRequest::~EndOfRequest() {
  connection.request_ = nullptr;
  if (const auto stream = std::move(connection.stream_)) stream->connection = nullptr;
}

/// Who is to answer; nobody if the response is known without a handler.
Handler* ServerConnection::route(Request& request, std::optional<Response>& response) {
  // HTTP/1.0 knows no expectations: they are to be ignored (RFC 9110 10.1.1).
  const bool may_expect = version_ == Version::http11;
  if (may_expect && expects_something_ && !expects_continue_) {
    response = plain(417);
    return nullptr;
  }
  Router::Match match = router_.find(request.method(), request.raw_path());
  if (match.handler == nullptr) {
    response = not_found(request, match.allowed);
    return nullptr;
  }
  request.match_info_ = std::move(match.match_info);
  handling_ = true;
  if (parser_.complete()) start_watching();
  return match.handler;
}

/// The response to a request whose handler failed; none if there is nobody to send it to.
std::optional<Response> ServerConnection::failure(const std::exception_ptr& error) {
  if (!sending_.started && holds<HTTPException>(error)) {
    try {
      std::rethrow_exception(error);
    } catch (const HTTPException& exception) {
      return plain(exception.status(), exception.text(), exception.headers());
    }
  }
  const bool started = sending_.started;
  give_up(error);
  if (started || gone_) return std::nullopt;
  return plain(500);
}

/// Reports what a handler threw. A response that was begun is cut off, so that nobody takes the half for the whole.
void ServerConnection::give_up(const std::exception_ptr& error) {
  if (is_cancelled(error) || leaves_loop(error)) std::rethrow_exception(error);
  if (sending_.started) {
    writer_.abort();
    keep_ = false;
  }
  if (gone_ && holds<ConnectionError>(error)) return;
  gone_ = gone_ || sending_.started;
  const std::string what = request_ != nullptr ? request_->method() + " " + request_->target() : "a request";
  get_running_loop().call_exception_handler(
      {"unhandled exception in the handler of " + what, error, "connection with " + remote().to_string(), {}});
}

// ---- a client that leaves ----

void ServerConnection::start_watching() {
  if (options_.handler_cancellation && !watcher_) watcher_ = create_task(watch(*this), {.name = "http watch"});
}

Coro<> ServerConnection::stop_watching() {
  const Task<> watcher = *std::exchange(watcher_, std::nullopt);
  watcher.cancel();
  (void)co_await wait(std::vector{watcher});
}

Coro<> ServerConnection::watch(ServerConnection& self) {
  constexpr std::size_t enough = std::size_t{64} * 1024;  // of requests that come meanwhile
  std::size_t seen = self.reader_.buffered().size();
  try {
    while (seen < enough) {
      const std::size_t now = (co_await self.reader_.peek(seen + 1)).size();
      if (now == seen) break;
      seen = now;
    }
  } catch (const OSError&) {
    seen = 0;
  }
  if (seen >= enough) co_return;
  self.gone_ = true;
  self.cancel();
}

// ---- the end ----

void ServerConnection::stop() noexcept {
  stopping_ = true;
  if (idle_) writer_.close();
}

void ServerConnection::cancel() noexcept {
  if (task_) task_->cancel();
}

Coro<> ServerConnection::finish() {
  cork_.send();
  if (may_still_send()) co_await linger();
  writer_.close();
  while (const std::size_t left = writer_.transport().unsent_size()) {
    try {
      co_await timeout(options_.write_timeout, [this] { return writer_.wait_closed(); });
    } catch (const OSError&) {
      if (writer_.transport().unsent_size() >= left) writer_.abort();
    }
  }
}

/// Whether bytes of the client are here or on their way that nobody will read.
bool ServerConnection::may_still_send() const {
  if (gone_ || writer_.is_closing() || reader_.at_eof()) return false;
  if (broken_ || !reader_.buffered().empty()) return true;
  if (!parser_.complete()) return !parser_.idle();
  return parser_.keep_alive();  // it does not know yet that this was the last response
}

/// Reads what the client still sends, and drops it. Closing at once would reset the connection, and the response might
/// be lost on its way.
Coro<> ServerConnection::linger() {
  constexpr std::size_t most = std::size_t{64} * 1024 * 1024;
  writer_.write_eof();
  std::size_t dropped = 0;
  std::size_t unsent = writer_.transport().write_buffer_size();
  TimePoint deadline = after(options_.lingering_timeout);
  try {
    while (dropped < most) {
      const auto data = co_await wait_for_bytes(deadline);
      if (data && data->empty()) co_return;
      if (data) {
        dropped += data->size();
        reader_.consume(data->size());
        continue;
      }
      // As long as the client takes some of the response, it has not seen the end of it.
      const std::size_t left = writer_.transport().write_buffer_size();
      if (left >= unsent) co_return;
      unsent = left;
      deadline = after(options_.lingering_timeout);
    }
  } catch (const OSError&) {
    gone_ = true;
  }
}

}  // namespace tutti::http::detail
