// SPDX-License-Identifier: MIT
// One call of a session's user: what is to be requested, and where redirects lead it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <tutti/base/clock.hpp>
#include <tutti/http/client.hpp>
#include <tutti/http/errors.hpp>
#include <tutti/http/message.hpp>
#include <tutti/http/url.hpp>

namespace tutti::http::detail {

/// What the options of session and request come to.
class Call {
 public:
  /// *Errors*: `InvalidUrlClientError`, `ValueError`.
  Call(const ClientSessionOptions& session, std::string method, const RequestUrl& url, RequestOptions options);

  /// The head of the present request.
  [[nodiscard]] RequestHead head() const;
  [[nodiscard]] RequestInfo info() const { return {method, url.to_string()}; }
  /// Whether doing it twice is as good as once. *Source*: RFC 9110 9.2.2.
  [[nodiscard]] bool idempotent() const noexcept;

  /// Where `response` redirects to; nothing if it does not, or redirects are not followed.
  [[nodiscard]] std::optional<std::string> redirect(const ClientResponse& response) const;
  /// Becomes the request that follows. *Errors*: `InvalidUrlRedirectClientError`; `ClientPayloadError` if the body
  /// cannot be sent again.
  void follow(int status, const std::string& location);

  std::string method;
  Url url;
  Headers headers;
  Body body;
  ClientTimeout timeout;
  std::optional<TimePoint> deadline;
  int max_redirects;
  bool raise_for_status;
  std::optional<std::uint64_t> max_body_size;
  std::uint64_t max_read_size;

 private:
  void describe_body(const std::optional<JsonBody>& json);
  void take_credentials();
  void check_scheme() const;

  bool allow_redirects_;
};

}  // namespace tutti::http::detail
