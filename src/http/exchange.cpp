// SPDX-License-Identifier: MIT
#include "exchange.hpp"

#include <charconv>
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
  connection().writer.writelines({bytes, body.bytes()});
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
  content_length_ = content_length_of(parser.head().headers);
  co_return parser.take_head();
}

void Exchange::set_body_limit(std::optional<std::uint64_t> limit) {
  try {
    connection().parser.set_body_limit(limit);
  } catch (const ParserError&) {
    fail(explain(std::current_exception()));
  }
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
  std::optional<TimePoint> limit_of_wait;
  if (sock_read_) limit_of_wait = get_running_loop().time() + *sock_read_;
  Timeout limit(earlier(deadline_, limit_of_wait));
  limit.enter();
  BytesView data;
  std::exception_ptr error;
  try {
    data = co_await connection().reader.peek();
  } catch (...) {
    error = std::current_exception();
  }
  const bool late = limit.expired() && is_cancelled(error);
  error = limit.exit(std::move(error));
  if (late && !is_cancelled(error)) {
    const bool total = limit.when() == deadline_;
    if (total)
      fail(std::make_exception_ptr(ServerTimeoutError(info_, "timed out after " + to_text(*total_) + " in all")));
    fail(std::make_exception_ptr(SocketTimeoutError(info_, "the server sent nothing for " + to_text(*sock_read_))));
  }
  if (is_cancelled(error)) std::rethrow_exception(std::move(error));
  if (!slot_) check_open();
  if (upload_ && upload_->error()) fail(upload_->error());
  if (data.empty() && pool_->closed()) fail(std::make_exception_ptr(SessionClosedError(info_)));
  if (error) fail(explain(error));
  co_return data;
}

std::size_t Exchange::feed(BytesView data, std::string& out) {
  try {
    return connection().parser.feed(data, out);
  } catch (const ParserError&) {
    fail(explain(std::current_exception()));
  }
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
  const bool keep = parser.keep_alive() && (!upload_ || upload_->done());
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
      return std::make_exception_ptr(InvalidResponseError(info_, 0, std::string("invalid response: ") + e.what()));
    }
    return std::make_exception_ptr(ClientPayloadError(info_, std::string("invalid body: ") + e.what()));
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
