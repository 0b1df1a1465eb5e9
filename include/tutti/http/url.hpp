// SPDX-License-Identifier: MIT
// The address of a resource, as requests need it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tutti/base/error.hpp>

namespace tutti::http {

/// A text is not a URL that can be requested. `what()` is "invalid URL 'text': reason"; a password in it is masked.
class InvalidUrlError : public ValueError {
 public:
  InvalidUrlError(std::string_view url, const std::string& reason);
  ~InvalidUrlError() override;
  /// The reason alone.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

 private:
  std::string reason_;
};

/// Names and values of a query, not encoded.
using QueryParameters = std::vector<std::pair<std::string, std::string>>;

/// `text` with each byte but letters, digits and "-._~" as %XX; a space is "%20". *Source*: RFC 3986 2.3.
[[nodiscard]] std::string percent_encode(std::string_view text);
/// The reverse; "%" without two hexadecimal digits stays, "+" stays.
[[nodiscard]] std::string percent_decode(std::string_view text);
/// `parameters` as "a=1&b=x%20y".
[[nodiscard]] std::string encode_query(const QueryParameters& parameters);

/// An absolute http or https URL. A value that never changes.
///
/// What was given stays as it was given, since servers tell "%7e" from "~": nothing is re-quoted, no dots are resolved. Only
/// - scheme and host become lower-case, a port that is not needed stays;
/// - a space or non-ASCII byte in path, query, fragment or user becomes %XX, as browsers, curl and aiohttp send it.
/// A control character, a backslash, "%" without two hexadecimal digits, or a host that is not ASCII is an error. (Write an
/// international host name in its "xn--" form.)
/// *Source*: RFC 3986, RFC 9110 4.2. The characters []{}|^`"<> are taken in path, query and fragment, since links on real
/// pages hold them.
class Url {
 public:
  /// From any string, so that functions that take a `Url` take a text too.
  /// *Errors*: `InvalidUrlError`, which names the text and the reason.
  template <class Text>
    requires(std::convertible_to<const Text&, std::string_view> && !std::is_same_v<Text, Url>)
  Url(const Text& text) {  // NOLINT(google-explicit-constructor): see above
    parse(text);
  }

  /// "http" or "https".
  [[nodiscard]] std::string_view scheme() const noexcept { return slice(scheme_); }
  /// The host in lower case; an IPv6 address without its brackets.
  [[nodiscard]] std::string_view host() const noexcept { return slice(host_); }
  [[nodiscard]] bool host_is_ipv6() const noexcept { return host_is_ipv6_; }
  /// The port to connect to: what is given, else 80 or 443.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// "user:password" as it is written; empty if there is none.
  [[nodiscard]] std::string_view userinfo() const noexcept { return slice(userinfo_); }
  /// The two, decoded, if there is a userinfo.
  [[nodiscard]] std::optional<std::pair<std::string, std::string>> credentials() const;
  /// As it is written; may be empty.
  [[nodiscard]] std::string_view path() const noexcept { return slice(path_); }
  /// What is behind "?", as it is written.
  [[nodiscard]] std::string_view query() const noexcept { return slice(query_); }
  [[nodiscard]] bool has_query() const noexcept { return has_query_; }
  /// The query's names and values, decoded, "+" as a space.
  [[nodiscard]] QueryParameters query_parameters() const;
  /// What is behind "#", as it is written. It is never sent.
  [[nodiscard]] std::string_view fragment() const noexcept { return slice(fragment_); }

  [[nodiscard]] bool secure() const noexcept { return scheme() == "https"; }
  /// What the `Host` field says: "example.com", "[::1]:8080"; the port only if it is not the scheme's.
  [[nodiscard]] std::string host_header() const;
  /// What stands in the request line: path and query as they are written, "/" for an empty path. *Source*: RFC 9112 3.2.1.
  [[nodiscard]] std::string request_target() const;
  /// "https://example.com:8443"; the port only if it is not the scheme's. *Source*: RFC 6454 6.
  [[nodiscard]] std::string origin() const;
  /// Whether scheme, host and port are the same.
  [[nodiscard]] bool same_origin(const Url& other) const noexcept;

  /// The URL that `reference` (a `Location`, a link) means on a page that has this one. *Source*: RFC 3986 5.2.
  /// *Errors*: `InvalidUrlError`, also if it leads to a scheme that cannot be requested.
  [[nodiscard]] Url resolve(std::string_view reference) const;
  /// The same with these parameters as the whole query; with none, without a query. The fragment is dropped.
  [[nodiscard]] Url with_query(const QueryParameters& parameters) const;
  /// The same with these parameters behind those that are there.
  [[nodiscard]] Url extend_query(const QueryParameters& parameters) const;

  /// The whole URL, with credentials.
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  /// For logs and messages: without user, password and fragment.
  [[nodiscard]] std::string to_string() const;

  /// Whether both are written the same.
  friend bool operator==(const Url& a, const Url& b) noexcept { return a.text_ == b.text_; }

 private:
  struct Slice {
    std::size_t begin = 0;
    std::size_t size = 0;
  };
  [[nodiscard]] std::string_view slice(Slice part) const noexcept {
    return std::string_view(text_).substr(part.begin, part.size);
  }
  void parse(std::string_view text);
  [[nodiscard]] bool take_usual(std::string_view text);
  void append_host(std::string& out) const;
  void append_origin(std::string& out) const;
  [[nodiscard]] std::string with_query_text(std::string_view query) const;

  std::string text_;
  Slice scheme_, userinfo_, host_, path_, query_, fragment_;
  std::uint16_t port_ = 0;
  bool host_is_ipv6_ = false;
  bool has_query_ = false;
};

}  // namespace tutti::http
