// SPDX-License-Identifier: MIT
#include <tutti/http/response.hpp>

#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/http/request.hpp>

#include "field_text.hpp"
#include "response_stream.hpp"
#include "server_connection.hpp"

namespace tutti::http {

namespace {

/// `content_type` is one of ours, or empty.
ResponseHead make_head(ResponseOptions&& options, std::string_view content_type) {
  if (options.status < 200 || options.status > 599) {
    throw ValueError("response: not a status: " + std::to_string(options.status));
  }
  if (!is_field_value(options.reason)) throw ValueError("response: the reason has a character that is not allowed");
  ResponseHead head{
      .status = options.status, .reason = std::move(options.reason), .headers = std::move(options.headers)};
  if (!options.content_type.empty()) {
    head.headers.set("Content-Type", options.content_type);
  } else if (!content_type.empty() && !head.headers.contains("Content-Type")) {
    detail::FieldText::add(head.headers, "Content-Type", content_type);
  }
  return head;
}

constexpr std::string_view kBytes = "application/octet-stream";
constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kHtml = "text/html; charset=utf-8";

}  // namespace

// ---- Response ----

Response::Response(int status, Headers headers)
    : head_(make_head({.status = status, .headers = std::move(headers)}, {})) {}

Response::Response(Body body, ResponseOptions options)
    : head_(make_head(std::move(options), body.empty() ? std::string_view() : kBytes)), body_(std::move(body)) {}

Response::Response(const StreamResponse& response) : head_(response.stream_->head), streamed_(response.stream_) {}

Response::Response(std::string&& body, std::string_view content_type) : body_(std::move(body)) {
  detail::FieldText::add(head_.headers, "Content-Type", content_type);
}

Response::Response(std::string&& body, ResponseOptions&& options, std::string_view content_type)
    : head_(make_head(std::move(options), content_type)), body_(std::move(body)) {}

Response Response::text(std::string body) { return {std::move(body), kText}; }
Response Response::text(std::string body, ResponseOptions options) {
  return {std::move(body), std::move(options), kText};
}

Response Response::html(std::string body) { return {std::move(body), kHtml}; }
Response Response::html(std::string body, ResponseOptions options) {
  return {std::move(body), std::move(options), kHtml};
}

Response Response::stream(Body pieces, ResponseOptions options) {
  return Response(std::move(pieces), std::move(options));
}

Response Response::redirect(std::string_view location, int status) {
  return Response(status, {{"Location", location}});
}

void Response::set_status(int status, std::string reason) {
  const ResponseHead checked = make_head({.status = status, .reason = std::move(reason)}, {});
  head_.status = checked.status;
  head_.reason = checked.reason;
}

// ---- StreamResponse ----

StreamResponse::StreamResponse(ResponseOptions options) : stream_(std::make_shared<detail::ResponseStream>()) {
  stream_->head = make_head(std::move(options), kBytes);
}

Headers& StreamResponse::headers() noexcept { return stream_->head.headers; }
int StreamResponse::status() const noexcept { return stream_->head.status; }
bool StreamResponse::prepared() const noexcept { return stream_->prepared; }

namespace {

detail::ServerConnection& connection_of(const detail::ResponseStream& stream, const char* operation) {
  if (!stream.prepared) throw RuntimeError(std::string(operation) + ": the response is not prepared");
  if (stream.connection == nullptr) throw RuntimeError(std::string(operation) + ": its request has ended");
  return *stream.connection;
}

}  // namespace

Coro<> StreamResponse::prepare(Request& request) {
  if (stream_->prepared) throw RuntimeError("prepare: the response is prepared already");
  return request.connection_.start_stream(stream_);
}

namespace {

// Another task may write while the one that serves the connection is cancelled: so these hold it.

Coro<> write_held(std::shared_ptr<detail::ServerConnection> connection, std::string data) {
  co_await connection->write_body(std::move(data));
}

Coro<> end_held(std::shared_ptr<detail::ServerConnection> connection) { co_await connection->end_body(); }

}  // namespace

Coro<> StreamResponse::write(std::string data) {
  return write_held(connection_of(*stream_, "write").shared_from_this(), std::move(data));
}

Coro<> StreamResponse::write_eof() { return end_held(connection_of(*stream_, "write_eof").shared_from_this()); }

}  // namespace tutti::http
