// SPDX-License-Identifier: MIT
// The other half of a server's connection: responses.
#include <array>
#include <charconv>
#include <chrono>
#include <ctime>
#include <span>
#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/http/serializer.hpp>
#include <tutti/task/timeout.hpp>

#include "field_text.hpp"
#include "server_connection.hpp"

namespace tutti::http::detail {

namespace {

constexpr std::size_t kSmallBody = std::size_t{8} * 1024;  // goes into one piece with the head

/// The date and the server's name (empty: none) as the lines that end nearly all heads; made once a second, by a clock that is
/// good to some milliseconds and cheap.
struct UsualLines {
  std::time_t second = 0;
  std::string server;
  std::string date;
  std::string text;

  static const UsualLines& now(const std::string& server) {
    thread_local UsualLines lines;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != lines.second || server != lines.server) lines.make(now.tv_sec, server);
    return lines;
  }

 private:
  void make(std::time_t now, const std::string& name) {
    date = http_date(std::chrono::system_clock::from_time_t(now));
    text = "Date: " + date + "\r\n";
    if (!name.empty()) text.append("Server: ").append(name).append("\r\n");
    server = name;
    second = now;
  }
};

/// Whether a server sets or looks at a field with such a name.
bool is_managed(std::string_view name) noexcept {
  switch (name.size()) {
    case 4: return iequals(name, "Date");
    case 6: return iequals(name, "Server");
    case 10: return iequals(name, "Connection");
    case 14: return iequals(name, "Content-Length");
    case 17: return iequals(name, "Transfer-Encoding");
    default: return false;
  }
}

/// Fields that the server adds behind those of the response. Most responses have none of these: so that is asked once.
class Additions {
 public:
  explicit Additions(Headers& headers) noexcept : headers_(headers) {
    for (const auto& field : headers) plain_ = plain_ && !is_managed(field.first);
  }

  [[nodiscard]] bool contains(std::string_view name) const noexcept { return !plain_ && headers_.contains(name); }
  /// Instead of what the response has.
  void set(std::string_view name, std::string_view value) {
    if (contains(name)) return headers_.set(name, value);
    fields_[count_++] = {name, value};
  }
  /// Unless the response has them.
  void add_usual_lines(const std::string& server) {
    const UsualLines& usual = UsualLines::now(server);
    if (plain_) {
      lines_ = usual.text;
      return;
    }
    if (!contains("Date")) fields_[count_++] = {"Date", usual.date};
    if (!server.empty() && !contains("Server")) fields_[count_++] = {"Server", server};
  }
  [[nodiscard]] bool plain() const noexcept { return plain_; }
  [[nodiscard]] std::span<const FieldView> fields() const noexcept { return {fields_.data(), count_}; }
  [[nodiscard]] std::string_view lines() const noexcept { return lines_; }

 private:
  Headers& headers_;
  std::array<FieldView, 4> fields_;
  std::size_t count_ = 0;
  std::string_view lines_;
  bool plain_ = true;
};

std::optional<std::uint64_t> length_of(const Headers& headers) {
  const auto text = headers.get("Content-Length");
  if (!text) return std::nullopt;
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), length);
  if (error != std::errc() || end != text->data() + text->size())
    throw ValueError("response: Content-Length is no number");
  return length;
}

}  // namespace

Coro<> ServerConnection::send(Response response) {
  if (response.streamed_) {
    if (!response.streamed_->prepared) co_await start_stream(response.streamed_);
    if (response.streamed_ != stream_) throw RuntimeError("the handler returned the response to another request");
    co_return co_await end_body();
  }
  if (sending_.started) throw RuntimeError("the handler returned another response than the one that it has begun");
  if (response.body_.streamed()) {
    std::string head;
    begin(response.head_, std::nullopt, head);
    co_await write(std::move(head));
    if (sending_.has_body) co_await send_pieces(response.body_);
    co_return co_await end_body();
  }
  std::string out;
  begin_whole(response, out);
  const std::string& body = response.body_.bytes();
  if (!sending_.has_body) co_return co_await write(std::move(out));
  cork_.send();
  writer_.writelines({out, body});
  co_await flush();
}

/// Sends a response that is at hand and small, unless that would have to wait; else the caller is to `send` it.
bool ServerConnection::send_now(Response& response) {
  if (sending_.started || response.streamed_ || response.body_.streamed()) return false;
  if (response.body_.bytes().size() > kSmallBody || must_flush()) return false;
  std::string& out = cork_.bytes();
  begin_whole(response, out);
  if (sending_.has_body) out.append(response.body_.bytes());
  // The next request is here already, so its answer may come with this one.
  if (keep_ && !reader_.buffered().empty() && !cork_.full()) {
    cork_.hold();
  } else {
    cork_.send();
  }
  return true;
}

/// The head of a response whose whole body is at hand.
void ServerConnection::begin_whole(Response& response, std::string& out) {
  const std::size_t size = response.body_.bytes().size();
  discard_rest();
  begin(response.head_, size, out);
  sending_.ended = true;
  if (sending_.has_body) sending_.sent = size;
}

Coro<> ServerConnection::send_pieces(const Body& body) {
  const Body::Pieces pieces = body.pieces();
  while (auto piece = co_await pieces.next()) co_await write_body(std::move(*piece));
}

Coro<> ServerConnection::start_stream(std::shared_ptr<ResponseStream> stream) {
  if (sending_.started || request_ == nullptr) {
    throw RuntimeError("prepare: another response to this request was begun");
  }
  std::string out;
  ResponseHead head = stream->head;  // which the program may still look at
  begin(head, std::nullopt, out);
  stream->connection = this;
  stream->prepared = true;
  stream_ = std::move(stream);
  co_await write(out);
}

/// Takes what has come of a body that nobody wanted: then perhaps the connection can go on.
void ServerConnection::discard_rest() {
  if (broken_ || parser_.complete()) return;
  try {
    std::string rest;
    if (feed_ready(rest)) keep_ = false;
  } catch (const HTTPException&) {
    keep_ = false;
  }
}

/// Adds the head of the response, with all that a server has to say, to `out`. `length`: of the body, if it is known.
void ServerConnection::begin(ResponseHead& head, std::optional<std::uint64_t> length, std::string& out) {
  Headers& headers = head.headers;
  const bool body = status_allows_body(head.status);
  Additions additions(headers);
  if (!additions.plain()) headers.remove("Transfer-Encoding");
  char digits[20];
  std::optional<std::uint64_t> left = length ? length : length_of(headers);
  const bool chunked = body && !left && version_ == Version::http11;
  if (!body && !additions.plain()) headers.remove("Content-Length");
  if (body && length) {
    const char* const end = std::to_chars(std::begin(digits), std::end(digits), *length).ptr;
    additions.set("Content-Length", {digits, static_cast<std::size_t>(end - digits)});
  }
  if (chunked) additions.set("Transfer-Encoding", "chunked");
  if (body && !left && !chunked) keep_ = false;  // the end of the connection is the end of the body
  if (stopping_ || broken_ || !parser_.head_complete() || !parser_.keep_alive() ||
      (!additions.plain() && headers.list_contains("Connection", "close"))) {
    keep_ = false;
  }
  if (!keep_) {
    additions.set("Connection", "close");
  } else if (version_ == Version::http10) {
    additions.set("Connection", "keep-alive");
  }
  additions.add_usual_lines(options_.server_name);
  if (!additions.plain()) check_head(head);
  write_head(head, additions.fields(), additions.lines(), out);
  sending_ = {
      .started = true, .has_body = body && !head_only_, .chunked = chunked, .left = left, .status = head.status};
}

Coro<> ServerConnection::write_body(std::string data) {
  if (sending_.ended) throw RuntimeError("write: the response has ended");
  if (!sending_.has_body || data.empty()) co_return;
  if (sending_.left) {
    if (data.size() > *sending_.left) throw RuntimeError("write: more bytes than Content-Length says");
    *sending_.left -= data.size();
  }
  sending_.sent += data.size();
  if (!sending_.chunked) co_return co_await write(std::move(data));
  const std::string prefix = chunk_prefix(data.size());
  cork_.send();
  writer_.writelines({prefix, data, "\r\n"});
  co_await flush();
}

Coro<> ServerConnection::end_body() {
  if (sending_.ended) co_return;
  if (sending_.has_body && sending_.left.value_or(0) != 0) {
    throw RuntimeError("write_eof: Content-Length says " + std::to_string(*sending_.left) + " bytes more");
  }
  sending_.ended = true;
  if (!sending_.has_body || !sending_.chunked) co_return;
  std::string end;
  append_last_chunk(end);
  co_await write(std::move(end));
}

Coro<> ServerConnection::write(std::string data) {
  cork_.send_with(data);
  if (must_flush()) co_await flush();
}

bool ServerConnection::must_flush() const noexcept {
  return writer_.is_closing() || writer_.transport().write_buffer_size() != 0;
}

/// Waits while too much is buffered; no longer than the client takes something now and then.
Coro<> ServerConnection::flush() {
  while (const std::size_t left = writer_.transport().write_buffer_size()) {
    bool late = false;
    try {
      co_await timeout(options_.write_timeout, [this] { return writer_.drain(); });
      co_return;
    } catch (const TimeoutError&) {
      late = true;
    } catch (const OSError&) {
      gone_ = true;
      throw;
    }
    if (late && writer_.transport().write_buffer_size() >= left) writer_.abort();
    if (writer_.is_closing()) break;
  }
  if (writer_.is_closing()) client_gone("write to");
}

void ServerConnection::log_access() {
  if (!options_.access_log) return;
  AccessLogEntry entry{.remote = remote(), .method = {}, .target = {}};
  if (request_ != nullptr) {
    entry.method = request_->method();
    entry.target = request_->target();
    entry.version = request_->version();
  }
  entry.status = sending_.status;
  entry.body_bytes = sending_.sent;
  entry.took = get_running_loop().time() - began_;
  options_.access_log(entry);
}

}  // namespace tutti::http::detail
