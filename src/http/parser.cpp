// SPDX-License-Identifier: MIT
#include <tutti/http/parser.hpp>

#include "message_parser.hpp"

namespace tutti::http {

ParserError::~ParserError() = default;

int ParserError::status() const noexcept {
  switch (kind_) {
    case ParserErrorKind::version: return 505;
    case ParserErrorKind::transfer_coding: return 501;
    case ParserErrorKind::start_line_too_long: return 414;
    case ParserErrorKind::head_too_large: return 431;
    case ParserErrorKind::body_too_large: return 413;
    default: return 400;
  }
}

RequestParser::RequestParser(const ParserLimits& limits)
    : impl_(std::make_unique<detail::MessageParser<RequestHead>>(limits, std::string_view())) {}
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;
RequestParser::~RequestParser() = default;

std::size_t RequestParser::feed(BytesView data, std::string& body) { return impl_->feed(data, body); }
void RequestParser::finish() { impl_->finish(); }
void RequestParser::reset() { impl_->reset({}); }
bool RequestParser::idle() const noexcept { return impl_->idle(); }
bool RequestParser::head_complete() const noexcept { return impl_->head_complete(); }
bool RequestParser::complete() const noexcept { return impl_->complete(); }
const RequestHead& RequestParser::head() const noexcept { return impl_->head(); }
RequestHead RequestParser::take_head() noexcept { return std::move(impl_->head()); }
std::optional<std::uint64_t> RequestParser::content_length() const noexcept { return impl_->content_length(); }
bool RequestParser::chunked() const noexcept { return impl_->chunked(); }
bool RequestParser::keep_alive() const noexcept { return impl_->keep_alive(); }
const Headers& RequestParser::trailers() const noexcept { return impl_->trailers(); }
void RequestParser::set_body_limit(std::optional<std::uint64_t> limit) { impl_->set_body_limit(limit); }

ResponseParser::ResponseParser(std::string_view request_method, const ParserLimits& limits)
    : impl_(std::make_unique<detail::MessageParser<ResponseHead>>(limits, request_method)) {}
ResponseParser::ResponseParser(ResponseParser&&) noexcept = default;
ResponseParser& ResponseParser::operator=(ResponseParser&&) noexcept = default;
ResponseParser::~ResponseParser() = default;

std::size_t ResponseParser::feed(BytesView data, std::string& body) { return impl_->feed(data, body); }
void ResponseParser::finish() { impl_->finish(); }
void ResponseParser::reset(std::string_view request_method) { impl_->reset(request_method); }
bool ResponseParser::idle() const noexcept { return impl_->idle(); }
bool ResponseParser::head_complete() const noexcept { return impl_->head_complete(); }
bool ResponseParser::complete() const noexcept { return impl_->complete(); }
bool ResponseParser::needs_eof() const noexcept { return impl_->needs_eof(); }
const ResponseHead& ResponseParser::head() const noexcept { return impl_->head(); }
ResponseHead ResponseParser::take_head() noexcept { return std::move(impl_->head()); }
std::optional<std::uint64_t> ResponseParser::content_length() const noexcept { return impl_->content_length(); }
bool ResponseParser::chunked() const noexcept { return impl_->chunked(); }
bool ResponseParser::keep_alive() const noexcept { return impl_->keep_alive(); }
const Headers& ResponseParser::trailers() const noexcept { return impl_->trailers(); }
void ResponseParser::set_body_limit(std::optional<std::uint64_t> limit) { impl_->set_body_limit(limit); }
int ResponseParser::informational_count() const noexcept { return impl_->informational_count(); }
int ResponseParser::last_informational() const noexcept { return impl_->last_informational(); }

}  // namespace tutti::http
