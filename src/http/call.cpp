// SPDX-License-Identifier: MIT
#include "call.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <tutti/base/error.hpp>

#include "url_text.hpp"

namespace tutti::http {

Url RequestUrl::resolve(const std::optional<Url>& base) const {
  if (url_) return *url_;
  return base ? base->resolve(text_) : Url(text_);
}

namespace detail {

namespace {

constexpr std::string_view kUserAgent = "tutti/0.1";

Url resolve(const std::string& method, const RequestUrl& url, const ClientSessionOptions& session,
            const QueryParameters& params) {
  try {
    const Url resolved = url.resolve(session.base_url);
    return params.empty() ? resolved : resolved.extend_query(params);
  } catch (const InvalidUrlError& error) {
    const std::string shown = without_secrets(url.text());
    throw InvalidUrlClientError({method, shown.substr(0, shown.find('#'))}, url.text(), error.reason());
  }
}

/// *Source*: RFC 4648 4.
std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::string_view group = bytes.substr(i, 3);
    std::uint32_t value = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      value = value << 8 | (k < group.size() ? static_cast<unsigned char>(group[k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out.push_back(k <= group.size() ? digits[value >> (18 - 6 * k) & 63U] : '=');
    }
  }
  return out;
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

Call::Call(const ClientSessionOptions& session, std::string method_given, const RequestUrl& url_given,
           RequestOptions options)
    : method(std::move(method_given)),
      url(resolve(method, url_given, session, options.params)),
      headers(session.headers),
      body(std::move(options.data)),
      timeout(options.timeout.value_or(session.timeout)),
      max_redirects(options.max_redirects.value_or(session.max_redirects)),
      raise_for_status(options.raise_for_status.value_or(session.raise_for_status)),
      max_body_size(options.max_body_size ? options.max_body_size : session.max_body_size),
      max_read_size(options.max_read_size.value_or(session.max_read_size)),
      allow_redirects_(options.allow_redirects.value_or(method != Method::head)) {
  check_scheme();
  if (!is_token(method)) throw ValueError("request: the method is not a token: '" + method + "'");
  if (method == Method::connect) throw ValueError("request: CONNECT is not a request for a resource");
  headers.update(options.headers);
  headers.set_default("User-Agent", kUserAgent);
  headers.set_default("Accept", "*/*");
  if (session.connector.force_close) headers.set_default("Connection", "close");
  describe_body(options.json);
  take_credentials();
}

void Call::check_scheme() const {
  if (!url.secure()) return;
  throw InvalidUrlClientError(info(), url.to_string(), "TLS is not supported yet: only http, not https");
}

/// `Content-Type` and the framing.
void Call::describe_body(const std::optional<JsonBody>& json) {
  if (json) {
    if (!body.empty()) throw ValueError("request: both data and json are given");
    body = Body(json->text());
    headers.set_default("Content-Type", "application/json");
  }
  headers.remove("Transfer-Encoding");
  if (body.streamed()) {
    if (!headers.contains("Content-Length")) headers.set("Transfer-Encoding", "chunked");
  } else if (!body.empty() || is_one_of(method, {Method::post, Method::put, Method::patch})) {
    headers.set("Content-Length", std::to_string(body.bytes().size()));
  } else {
    headers.remove("Content-Length");
  }
  if (!body.empty()) headers.set_default("Content-Type", "application/octet-stream");
}

void Call::take_credentials() {
  if (const auto credentials = url.credentials()) {
    headers.set_default("Authorization", "Basic " + base64(credentials->first + ":" + credentials->second));
  }
}

RequestHead Call::head() const {
  RequestHead head{.method = method, .target = url.request_target()};
  if (!headers.contains("Host")) head.headers.add("Host", url.host_header());
  head.headers.update(headers);
  return head;
}

bool Call::idempotent() const noexcept {
  return is_one_of(method, {Method::get, Method::head, Method::options, Method::trace, Method::put, Method::del});
}

std::optional<std::string> Call::redirect(const ClientResponse& response) const {
  constexpr std::array statuses{301, 302, 303, 307, 308};
  if (!allow_redirects_ || std::find(statuses.begin(), statuses.end(), response.status()) == statuses.end()) return {};
  const auto location = response.headers().get("Location");
  if (!location || location->empty()) return {};
  return std::string(*location);
}

void Call::follow(int status, const std::string& location) {
  const Url from = url;
  try {
    url = from.resolve(location);
    check_scheme();
  } catch (const InvalidUrlError& error) {
    throw InvalidUrlRedirectClientError({method, from.to_string()}, location,
                                        "redirect from " + from.to_string() + ": " + error.reason());
  }
  if (!url.same_origin(from)) {
    // What is meant for one server is no business of another; and a Host that was given named the first one.
    for (const char* name : {"Authorization", "Cookie", "Proxy-Authorization", "Host"}) headers.remove(name);
  }
  if (url.credentials()) headers.remove("Authorization");
  take_credentials();
  const bool becomes_get =
      (status == 303 && method != Method::head) || ((status == 301 || status == 302) && method == Method::post);
  if (becomes_get) {
    method = Method::get;
    body = Body();
    for (const char* name : {"Content-Length", "Transfer-Encoding", "Content-Type", "Content-Encoding",
                             "Content-Language", "Content-Location"}) {
      headers.remove(name);
    }
  } else if (!body.repeatable()) {
    throw ClientPayloadError(info(), "cannot follow the redirect: the body was sent and cannot be sent again");
  }
}

}  // namespace detail
}  // namespace tutti::http
