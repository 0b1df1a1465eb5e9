// SPDX-License-Identifier: MIT
// What stands before the body of a message: the start line and the fields. Values only; parser and serializer make and
// write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tutti/base/chrono.hpp>
#include <tutti/http/headers.hpp>

namespace tutti::http {

/// The names of the usual methods. A method is a string: programs may use any token. Methods are case-sensitive.
struct Method {
  static constexpr std::string_view get = "GET";
  static constexpr std::string_view head = "HEAD";
  static constexpr std::string_view post = "POST";
  static constexpr std::string_view put = "PUT";
  static constexpr std::string_view patch = "PATCH";
  static constexpr std::string_view del = "DELETE";
  static constexpr std::string_view options = "OPTIONS";
  static constexpr std::string_view connect = "CONNECT";
  static constexpr std::string_view trace = "TRACE";
};

enum class Version : std::uint8_t { http10, http11 };

/// "HTTP/1.0", "HTTP/1.1".
[[nodiscard]] std::string_view to_string(Version version) noexcept;

struct RequestHead {
  std::string method{Method::get};
  std::string target = "/";  ///< as it stands in the request line
  Version version = Version::http11;
  Headers headers{};

  friend bool operator==(const RequestHead&, const RequestHead&) = default;
};

struct ResponseHead {
  int status = 200;
  std::string reason{};  ///< may be empty: it says nothing that `status` does not
  Version version = Version::http11;
  Headers headers{};

  friend bool operator==(const ResponseHead&, const ResponseHead&) = default;
};

/// "Not Found" for 404; empty for a code that has no registered phrase. *Source*: the IANA registry of status codes.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

/// Whether a response with this status has a body at all: not 1xx, 204, 304. (Nor has any response to HEAD.)
[[nodiscard]] constexpr bool status_allows_body(int status) noexcept {
  return status >= 200 && status != 204 && status != 304;
}

/// Whether the connection may carry another message after this one, as version and `Connection` say.
/// The end of the body is not looked at: the parsers' `keep_alive` does that too. *Source*: RFC 9112 9.3.
[[nodiscard]] bool wants_keep_alive(Version version, const Headers& headers) noexcept;

/// Whether the client waits for "100 Continue" before it sends the body. Other expectations: 417, if the server likes.
[[nodiscard]] bool expects_continue(const RequestHead& head) noexcept;

/// A point in time as fields carry it: "Sun, 06 Nov 1994 08:49:37 GMT". *Source*: RFC 9110 5.6.7.
[[nodiscard]] std::string http_date(std::chrono::system_clock::time_point time);

}  // namespace tutti::http
