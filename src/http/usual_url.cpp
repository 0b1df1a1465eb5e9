// SPDX-License-Identifier: MIT
// URLs of the form that nearly all have, read in one pass.
#include <charconv>
#include <string_view>
#include <system_error>

#include <tutti/http/url.hpp>

#include "characters.hpp"

namespace tutti::http {

namespace {

constexpr detail::CharacterSet kUsualHost([](unsigned char c) {
  return detail::kUnreserved.has(static_cast<char>(c)) && !(c >= 'A' && c <= 'Z');
});
/// *Source*: RFC 3986 3.3, without what is encoded.
constexpr detail::CharacterSet kUsualPath([](unsigned char c) {
  return c < 128 && (detail::kUnreserved.has(static_cast<char>(c)) ||
                     std::string_view("!$&'()*+,;=:@/").find(static_cast<char>(c)) != std::string_view::npos);
});
constexpr detail::CharacterSet kUsualQuery([](unsigned char c) {
  return c == '?' || kUsualPath.has(static_cast<char>(c));
});

}  // namespace

/// Takes what nearly all programs write, in one pass: a host in lower case, perhaps a port, a path and a query of which nothing must be
/// encoded. It finds no fault with anything: what it does not take is for the grammar.
bool Url::take_usual(std::string_view text) {
  const std::size_t scheme = text.starts_with("http://") ? 4 : text.starts_with("https://") ? 5 : 0;
  if (scheme == 0) return false;
  std::size_t at = scheme + 3;
  const auto rest = [&] { return text.substr(at); };
  const Slice host{at, kUsualHost.count_at_front(rest())};
  at += host.size;
  std::uint16_t port = scheme == 4 ? 80 : 443;
  if (host.size == 0) return false;
  if (rest().starts_with(':')) {
    const auto parsed = std::from_chars(text.data() + at + 1, text.data() + text.size(), port);
    if (parsed.ec != std::errc() || port == 0) return false;
    at = static_cast<std::size_t>(parsed.ptr - text.data());
  }
  Slice path{at, rest().starts_with('/') ? kUsualPath.count_at_front(rest()) : 0};
  at += path.size;
  Slice query;
  const bool has_query = rest().starts_with('?');
  if (has_query) {
    ++at;
    query = {at, kUsualQuery.count_at_front(rest())};
    at += query.size;
  }
  if (at != text.size()) return false;
  text_ = text;
  scheme_ = {0, scheme};
  host_ = host;
  path_ = path.size == 0 ? Slice{} : path;
  query_ = query.size == 0 ? Slice{} : query;
  port_ = port;
  has_query_ = has_query;
  return true;
}

}  // namespace tutti::http
