// SPDX-License-Identifier: MIT
#include <tutti/http/client.hpp>

#include <utility>

#include "session.hpp"

namespace tutti::http {

ClientSession::ClientSession(ClientSessionOptions options)
    : session_(std::make_shared<detail::Session>(std::move(options))) {}
ClientSession::ClientSession(ClientSession&&) noexcept = default;
ClientSession& ClientSession::operator=(ClientSession&& other) noexcept {
  std::swap(session_, other.session_);
  return *this;
}
ClientSession::~ClientSession() {
  if (session_) session_->pool().shut();
}

Coro<ClientResponse> ClientSession::request(std::string method, RequestUrl url, RequestOptions options) {
  return detail::Session::request(session_, std::move(method), std::move(url), std::move(options));
}
Coro<ClientResponse> ClientSession::get(RequestUrl url, RequestOptions options) {
  return request(std::string(Method::get), std::move(url), std::move(options));
}
Coro<ClientResponse> ClientSession::head(RequestUrl url, RequestOptions options) {
  return request(std::string(Method::head), std::move(url), std::move(options));
}
Coro<ClientResponse> ClientSession::post(RequestUrl url, RequestOptions options) {
  return request(std::string(Method::post), std::move(url), std::move(options));
}
Coro<ClientResponse> ClientSession::put(RequestUrl url, RequestOptions options) {
  return request(std::string(Method::put), std::move(url), std::move(options));
}
Coro<ClientResponse> ClientSession::patch(RequestUrl url, RequestOptions options) {
  return request(std::string(Method::patch), std::move(url), std::move(options));
}
Coro<ClientResponse> ClientSession::delete_(RequestUrl url, RequestOptions options) {
  return request(std::string(Method::del), std::move(url), std::move(options));
}
Coro<ClientResponse> ClientSession::options(RequestUrl url, RequestOptions options) {
  return request(std::string(Method::options), std::move(url), std::move(options));
}

namespace {
Coro<> close_session(std::shared_ptr<detail::Session> session) { co_await session->pool().close(); }
}  // namespace

Coro<> ClientSession::close() { return close_session(session_); }
bool ClientSession::closed() const noexcept { return session_->pool().closed(); }
std::size_t ClientSession::connections_in_use() const noexcept { return session_->pool().in_use(); }
std::size_t ClientSession::connections_idle() const noexcept { return session_->pool().idle(); }

}  // namespace tutti::http
