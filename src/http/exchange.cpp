// SPDX-License-Identifier: MIT
#include "exchange.hpp"

#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/http/serializer.hpp>
#include <tutti/task/timeout.hpp>

#include "within.hpp"

namespace tutti::http::detail {

namespace {

std::optional<std::uint64_t> content_length_of(const Headers& headers) {
  const auto text = headers.get("Content-Length");
  std::uint64_t length = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), length).ec != std::errc()) return {};
  return length;
}

}  // namespace

// ---- the request ----

void Exchange::send(const RequestHead& head, const Body& body) {
  std::string bytes;
  serialize(head, bytes);
  reused_ = connection().reused;
  connection().parser.reset(head.method);
  closes_ = head.headers.list_contains("Connection", "close");
  connection().writer.writelines({bytes, body.bytes()});
  written_ = bytes.size() + body.bytes().size();
  (void)sending_goes_on();
  if (!body.streamed()) return;
  upload_ = std::make_shared<Upload>(connection().writer, body, content_length_of(head.headers));
  upload_->start();
}

// ---- the response ----

Coro<ResponseHead> Exchange::read_head() {
  ResponseParser& parser = connection().parser;
  std::string nothing;
  while (!parser.head_complete()) {
    const BytesView data = co_await wait_for_bytes();
    if (data.empty()) {
      fail(std::make_exception_ptr(
          ServerDisconnectedError(info_, answered_ ? "the server closed the connection inside the head of its response"
                                                   : "the server closed the connection without a response")));
    }
    answered_ = true;
    connection().reader.consume(feed(data, nothing));
  }
  // After a HEAD it is what a GET would give.
  content_length_ = parser.complete() ? content_length_of(parser.head().headers) : parser.content_length();
  co_return parser.take_head();
}

void Exchange::set_body_limit(std::optional<std::uint64_t> limit) {
  body_limit_ = limit;
  try {
    connection().parser.set_body_limit(limit);
  } catch (const ParserError&) {
    fail(explain(std::current_exception()));
  }
}

Exchange::ReadLimit::ReadLimit(Exchange& exchange, std::uint64_t limit, std::uint64_t buffered) : exchange_(exchange) {
  std::uint64_t size = buffered;
  if (!exchange.complete_ && exchange.slot_) {
    const std::uint64_t before = exchange.received_ - buffered;
    const auto length = exchange.connection().parser.content_length();
    if (length) size = *length - before;
    exchange.read_limit_ = {limit, limit > UINT64_MAX - before ? UINT64_MAX : before + limit};
  }
  if (size <= limit) return;
  exchange.read_limit_.reset();
  exchange.fail(std::make_exception_ptr(PayloadTooLargeError(exchange.info_, limit)));
}

Coro<bool> Exchange::fill(std::string& out) {
  check_open();
  const BytesView data = co_await wait_for_bytes();
  if (data.empty()) {
    end_of_stream();
    co_return false;
  }
  co_return feed_ready(out);
}

bool Exchange::fill_ready(std::string& out) {
  if (complete_) return false;
  check_open();
  return feed_ready(out);
}

/// Takes what is buffered; whether more is to come.
bool Exchange::feed_ready(std::string& out) {
  ClientConnection& own = connection();
  while (!own.parser.complete()) {
    const BytesView data = own.reader.buffered();
    if (data.empty()) break;
    own.reader.consume(feed(data, out));
  }
  if (own.parser.complete()) {
    complete();
  } else if (own.reader.at_eof()) {
    end_of_stream();
  }
  return !complete_;
}

/// The server's next bytes, which stay in the reader; none at the end of the stream.
Coro<BytesView> Exchange::wait_for_bytes() {
  // Bytes that came before an error are good.
  if (const BytesView ready = connection().reader.buffered(); !ready.empty()) co_return ready;
  std::exception_ptr error;
  for (;;) {
    std::optional<TimePoint> deadline = deadline_;
    if (sock_read_) deadline = earlier(deadline, get_running_loop().time() + *sock_read_);
    if (co_await wait_until(deadline, error)) break;
    check_late(deadline);
  }
  if (!slot_) check_open();
  if (upload_ && upload_->error()) fail(upload_->error());
  const BytesView data = error ? BytesView() : connection().reader.buffered();
  if (data.empty() && pool_->closed()) fail(std::make_exception_ptr(SessionClosedError(info_)));
  if (error) fail(explain(error));
  co_return data;
}

/// Whether something came in time: bytes, the end of the stream, or `error`.
Coro<bool> Exchange::wait_until(std::optional<TimePoint> deadline, std::exception_ptr& error) {
  Timeout limit(deadline);
  limit.enter();
  try {
    (void)co_await connection().reader.peek();
  } catch (...) {
    error = std::current_exception();
  }
  const bool late = limit.expired() && is_cancelled(error);
  error = limit.exit(std::move(error));
  if (late && !is_cancelled(error)) {
    error = nullptr;
    co_return false;
  }
  if (is_cancelled(error)) std::rethrow_exception(std::move(error));
  co_return true;
}

/// After `deadline` has passed. *Errors*: the one that says which limit it was; none if it is not the server's turn.
void Exchange::check_late(std::optional<TimePoint> deadline) {
  if (deadline == deadline_) {
    fail(std::make_exception_ptr(ServerTimeoutError(info_, "timed out after " + to_text(*total_) + " in all")));
  }
  if (!slot_) check_open();
  if (sending_goes_on()) return;
  const bool stuck = connection().writer.transport().write_buffer_size() != 0;
  fail(std::make_exception_ptr(SocketTimeoutError(
      info_, (stuck ? "the server took nothing for " : "the server sent nothing for ") + to_text(*sock_read_))));
}

/// Whether more of the request has left since this was last asked, or nothing but the generator of its body holds it up.
bool Exchange::sending_goes_on() {
  const std::uint64_t left = connection().writer.transport().write_buffer_size();
  const std::uint64_t sent = written_ + (upload_ ? upload_->written() : 0) - left;
  if (std::exchange(sent_, sent) != sent) return true;
  return left == 0 && upload_ && upload_->running();
}

std::size_t Exchange::feed(BytesView data, std::string& out) {
  const std::size_t before = out.size();
  std::size_t used = 0;
  try {
    used = connection().parser.feed(data, out);
  } catch (const ParserError&) {
    fail(explain(std::current_exception()));
  }
  received_ += out.size() - before;
  if (read_limit_ && received_ > read_limit_->end) {
    fail(std::make_exception_ptr(PayloadTooLargeError(info_, read_limit_->limit)));
  }
  return used;
}

void Exchange::end_of_stream() {
  if (upload_ && upload_->error()) fail(upload_->error());
  try {
    connection().parser.finish();
  } catch (const ParserError&) {
    fail(explain(std::current_exception()));
  }
  complete();
}

// ---- the end ----

void Exchange::complete() noexcept {
  complete_ = true;
  const ResponseParser& parser = connection().parser;
  const bool keep = parser.keep_alive() && !closes_ && (!upload_ || upload_->done());
  try {
    trailers_ = parser.trailers();
  } catch (...) {
    return close();
  }
  if (!keep) return close();
  upload_ = nullptr;
  slot_.recycle();
}

void Exchange::release() noexcept {
  if (!slot_) return;
  try {
    std::string rest;
    if (connection().parser.head_complete()) (void)feed_ready(rest);
  } catch (...) {
    // The rest is of no use: nobody wanted it.
  }
  close();
}

void Exchange::close() noexcept {
  if (upload_) upload_->stop();
  slot_.drop();
}

void Exchange::check_open() const {
  if (error_) std::rethrow_exception(error_);
  if (pool_->closed()) throw SessionClosedError(info_);
  if (!slot_) throw ClientPayloadError(info_, "the response was closed before its body was read");
}

std::exception_ptr Exchange::explain(const std::exception_ptr& error) const {
  try {
    std::rethrow_exception(error);
  } catch (const ParserError& e) {
    if (!connection().parser.head_complete()) {
      return std::make_exception_ptr(
          InvalidResponseError(info_, 0, std::string("invalid response: ").append(e.reason())));
    }
    if (e.kind() == ParserErrorKind::body_too_large && body_limit_) {
      return std::make_exception_ptr(PayloadTooLargeError(info_, *body_limit_));
    }
    return std::make_exception_ptr(ClientPayloadError(info_, std::string("invalid body: ").append(e.reason())));
  } catch (const OSError& e) {
    return std::make_exception_ptr(ClientOSError(info_, e.code(), e.what()));
  } catch (...) {
    return error;
  }
}

void Exchange::fail(std::exception_ptr error) {
  error_ = error;
  close();
  std::rethrow_exception(std::move(error));
}

}  // namespace tutti::http::detail
