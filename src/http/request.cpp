// SPDX-License-Identifier: MIT
#include <tutti/http/request.hpp>

#include <utility>

#include <tutti/base/error.hpp>

#include "media_type.hpp"
#include "server_connection.hpp"

namespace tutti::http {

namespace {

bool is_origin_form(const RequestHead& head) noexcept {
  return head.target.starts_with('/') || head.target == "*" || head.method == Method::connect;
}

/// Path and query of an absolute target. *Errors*: `HTTPException` 400 unless it names the same server as `Host`: a proxy before us may
/// have looked at the other.
std::string origin_form(const RequestHead& head) {
  try {
    const Url url(head.target);
    const auto host = head.headers.get("Host");
    if (host && !Url("http://" + std::string(*host)).same_origin(Url("http://" + url.host_header()))) {
      throw HTTPException(400, "the target and Host do not name the same host");
    }
    return url.request_target();
  } catch (const InvalidUrlError&) {
    throw HTTPException(400, "the target is not a URL");
  }
}

}  // namespace

Request::Request(const RequestHead& head, detail::ServerConnection& connection)
    : head_(head), raw_path_(&head.target), connection_(connection), content_(connection) {
  if (!is_origin_form(head)) {
    path_of_target_ = origin_form(head);
    raw_path_ = &path_of_target_;
  }
  const std::size_t query = raw_path_->find('?');
  if (query == std::string::npos) return;
  query_string_ = raw_path_->substr(query + 1);
  path_of_target_ = raw_path_->substr(0, query);
  raw_path_ = &path_of_target_;
}

Request::~Request() = default;

QueryParameters Request::query() const {
  QueryParameters parameters;
  std::string_view rest = query_string_;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (part.empty()) continue;
    const auto decode = [](std::string_view text) {
      std::string copy(text);
      for (char& c : copy) {
        if (c == '+') c = ' ';
      }
      return percent_decode(copy);
    };
    const std::size_t equals = part.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
    parameters.emplace_back(decode(part.substr(0, equals)), decode(value));
  }
  return parameters;
}

std::optional<std::string> Request::query(std::string_view name) const {
  for (auto& [key, value] : query()) {
    if (key == name) return std::move(value);
  }
  return std::nullopt;
}

Address Request::remote() const { return connection_.remote(); }

const std::string& Request::match(std::string_view name) const {
  for (const auto& [key, value] : match_info_) {
    if (key == name) return value;
  }
  throw ValueError("match: the route has no '{" + std::string(name) + "}'");
}

std::string Request::content_type() const { return detail::media_type(headers()); }

std::optional<std::uint64_t> Request::content_length() const noexcept { return connection_.content_length(); }

bool Request::expects_continue() const noexcept { return connection_.expects_continue(); }

Coro<std::string> Request::read() {
  if (!body_) {
    connection_.limit_body();
    body_ = co_await content_.read();
  }
  co_return *body_;
}

}  // namespace tutti::http
