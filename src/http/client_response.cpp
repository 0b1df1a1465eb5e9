// SPDX-License-Identifier: MIT
#include <tutti/http/client_response.hpp>

#include <utility>

#include "media_type.hpp"
#include "response_state.hpp"

namespace tutti::http {

ClientResponse::ClientResponse(std::shared_ptr<detail::ResponseState> state) noexcept : state_(std::move(state)) {}
ClientResponse::ClientResponse(const ClientResponse&) noexcept = default;
ClientResponse::ClientResponse(ClientResponse&&) noexcept = default;
ClientResponse& ClientResponse::operator=(const ClientResponse&) noexcept = default;
ClientResponse& ClientResponse::operator=(ClientResponse&&) noexcept = default;
ClientResponse::~ClientResponse() = default;

int ClientResponse::status() const noexcept { return state_->head.status; }
const std::string& ClientResponse::reason() const noexcept { return state_->head.reason; }
Version ClientResponse::version() const noexcept { return state_->head.version; }
const Headers& ClientResponse::headers() const noexcept { return state_->head.headers; }
const std::string& ClientResponse::method() const noexcept { return state_->exchange.info().method; }
const Url& ClientResponse::url() const noexcept { return state_->url; }
const std::vector<ClientResponse>& ClientResponse::history() const noexcept { return state_->history; }
std::string ClientResponse::content_type() const { return detail::media_type(headers()); }
std::optional<std::uint64_t> ClientResponse::content_length() const noexcept {
  return state_->exchange.content_length();
}
BodyStream& ClientResponse::content() const noexcept { return state_->content; }
const Headers& ClientResponse::trailers() const noexcept { return state_->exchange.trailers(); }
void ClientResponse::close() const noexcept { state_->exchange.close(); }
void ClientResponse::release() const noexcept { state_->exchange.release(); }

namespace {

Coro<std::string> read_whole(std::shared_ptr<detail::ResponseState> state) {
  if (!state->body) {
    const detail::Exchange::ReadLimit limit(state->exchange, state->max_read_size, state->content.buffered().size());
    state->body = co_await state->content.read();
  }
  co_return *state->body;
}

bool is_json_type(const std::string& type, const std::string& wanted) {
  if (type == wanted) return true;
  return wanted == "application/json" && type.starts_with("application/") && type.ends_with("+json");
}

}  // namespace

Coro<std::string> ClientResponse::read() const { return read_whole(state_); }

void ClientResponse::raise_for_status() const {
  if (ok()) return;
  release();
  std::string reason = std::to_string(status());
  const std::string_view phrase = this->reason().empty() ? reason_phrase(status()) : std::string_view(this->reason());
  if (!phrase.empty()) reason.append(" ").append(phrase);
  throw ClientResponseError(state_->exchange.info(), status(), reason, headers());
}

void ClientResponse::check_json_type(const JsonOptions& options) const {
  if (!options.content_type) return;
  const std::string type = content_type();
  if (is_json_type(type, *options.content_type)) return;
  throw ContentTypeError(state_->exchange.info(), status(), "the body is " + type + ", not " + *options.content_type,
                         headers());
}

std::string ClientResponse::json_error_text(std::string_view reason) const {
  return error_text(state_->exchange.info(), std::string("invalid JSON: ").append(reason));
}

}  // namespace tutti::http
