// SPDX-License-Identifier: MIT
// URLs: Boost.URL decides what the grammar of RFC 3986 allows and where the parts are; here is what requests add to it.
#include <tutti/http/url.hpp>

#include <algorithm>
#include <charconv>

#include <boost/core/detail/string_view.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "characters.hpp"
#include "field_text.hpp"
#include "url_text.hpp"

namespace tutti::http {

/// The authority of a URL that is none may end anywhere: a password with "/", "?" or "#" in it is a common mistake. So
/// whatever may be one goes, up to the last "@".
std::string detail::without_secrets(std::string_view text) {
  const auto slashes = text.find("//");
  const std::size_t begin = slashes == std::string_view::npos ? 0 : slashes + 2;
  const auto authority = text.substr(begin, text.find_first_of("/?#\\", begin) - begin);
  const bool colon = authority.find(':') != std::string_view::npos;
  const auto at = (colon ? text.substr(begin) : authority).rfind('@');
  std::string shown(text);
  if (at != std::string_view::npos) shown.replace(begin, at, "***");
  if (const auto hash = shown.find('#'); hash != std::string::npos) shown.replace(hash + 1, std::string::npos, "***");
  return shown;
}

namespace {

using detail::is_alnum;
using detail::is_alpha;
using detail::is_digit;

constexpr bool is_non_ascii(char c) noexcept { return static_cast<unsigned char>(c) >= 0x80; }

constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_percent(std::string& out, char c) {
  constexpr char kHex[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += {'%', kHex[byte >> 4], kHex[byte & 15]};
}

void lower(char* text, std::size_t size) noexcept {
  std::for_each(text, text + size, [](char& c) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  });
}

/// The length of "http:" at the front, without the colon; 0 if there is no scheme.
std::size_t scheme_length(std::string_view text) noexcept {
  if (text.empty() || !is_alpha(text.front())) return 0;
  const auto end = std::find_if_not(text.begin(), text.end(),
                                    [](char c) { return is_alnum(c) || c == '+' || c == '-' || c == '.'; });
  return end != text.end() && *end == ':' ? static_cast<std::size_t>(end - text.begin()) : 0;
}

/// Where the authority of a URL or reference stands, without the slashes; both the same if there is none.
std::pair<std::size_t, std::size_t> find_authority(std::string_view text) noexcept {
  const auto scheme = scheme_length(text);
  const auto begin = scheme == 0 ? 0 : scheme + 1;
  if (text.substr(begin, 2) != "//") return {begin, begin};
  return {begin + 2, std::min(text.find_first_of("/?#", begin + 2), text.size())};
}

void check_characters(std::string_view text) {
  const auto refuse = [&](std::size_t i, const std::string& what, const char* hint = "") {
    throw InvalidUrlError(text, what + " at offset " + std::to_string(i) + hint);
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) refuse(i, "control character");
    if (byte == '\\') refuse(i, "backslash");
    if (byte == '%' && (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)) {
      refuse(i, "'%' without two hexadecimal digits", " (a percent sign itself is %25)");
    }
  }
}

void check_host_and_port(std::string_view text, std::string_view authority) {
  const auto at = authority.rfind('@');
  if (at != authority.find('@'))
    throw InvalidUrlError(text, "more than one '@' (within the user or password it is %40)");
  auto rest = at == std::string_view::npos ? authority : authority.substr(at + 1);
  if (rest.starts_with('[')) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) throw InvalidUrlError(text, "'[' without ']' in the host");
    if (rest.size() > 1 && (rest[1] == 'v' || rest[1] == 'V'))
      throw InvalidUrlError(text, "unknown kind of IP address");
    rest.remove_prefix(close + 1);
    if (!rest.empty() && rest.front() != ':') throw InvalidUrlError(text, "characters between ']' and the port");
  } else {
    const auto host = rest.substr(0, rest.find(':'));
    if (host.empty()) throw InvalidUrlError(text, "no host");
    for (const char c : host) {
      if (is_non_ascii(c)) throw InvalidUrlError(text, "the host is not ASCII (write it in its xn-- form)");
      if (!detail::kUnreserved.has(c)) {
        throw InvalidUrlError(text, std::string("'") + c + "' in the host");
      }
    }
    rest.remove_prefix(host.size());
  }
  if (!rest.empty() && !std::all_of(rest.begin() + 1, rest.end(), is_digit)) {
    throw InvalidUrlError(text, "the port is not a number");
  }
}

/// The text as it will be sent: characters checked, spaces and non-ASCII bytes encoded.
std::string prepare(std::string_view text) {
  check_characters(text);
  const auto [begin, end] = find_authority(text);
  if (begin != end) check_host_and_port(text, text.substr(begin, end - begin));
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == ' ' || is_non_ascii(c)) {
      append_percent(out, c);
    } else {
      out += c;
    }
  }
  return out;
}

/// The parts of a prepared URL or reference.
struct Parts {
  std::string_view scheme, authority, userinfo, host, port, path, query, fragment;
  bool has_authority = false, has_query = false, has_fragment = false, ipv6 = false;
};

/// `given` is for messages.
Parts split(std::string_view given, std::string_view text) {
  // What the grammar forbids and real links hold is masked, byte for byte, so that the parts keep their places.
  std::string masked(text);
  const auto [authority_begin, authority_end] = find_authority(text);
  const auto hash = text.find('#', authority_end);
  for (std::size_t i = authority_end; i < masked.size(); ++i) {
    const bool second_hash = masked[i] == '#' && i > hash;
    if (second_hash || std::string_view("[]{}|^`\"<>").find(masked[i]) != std::string_view::npos) masked[i] = 'x';
  }
  const auto authority = text.substr(authority_begin, authority_end - authority_begin);
  const auto host = authority.substr(authority.find('@') + 1);
  const bool bracket = host.starts_with('[');
  // A name was checked. Boost takes the front of "10.0.0.1.example" for an address, and refuses the rest.
  const std::size_t name_size = bracket ? 0 : std::min(host.find(':'), host.size());
  masked.replace(authority_end - host.size(), name_size, name_size, 'x');
  const auto parsed = boost::urls::parse_uri_reference(boost::core::string_view(masked.data(), masked.size()));
  // Boost 1.81 takes "//a@b@c" for host b and a path "@c": the authority must be what stands up to the path.
  if (!parsed || parsed->encoded_authority().size() != authority_end - authority_begin) {
    throw InvalidUrlError(given, bracket ? "not an IPv6 address" : "it does not have the form of a URL");
  }
  const boost::urls::url_view& view = *parsed;
  const auto original = [&](boost::core::string_view part) {
    if (part.empty()) return std::string_view();
    return text.substr(static_cast<std::size_t>(part.data() - masked.data()), part.size());
  };
  Parts parts;
  parts.scheme = original(view.scheme());
  parts.authority = original(view.encoded_authority());
  parts.userinfo = original(view.encoded_userinfo());
  parts.host = original(view.encoded_host());
  parts.port = original(view.port());
  parts.path = original(view.encoded_path());
  parts.query = original(view.encoded_query());
  parts.fragment = original(view.encoded_fragment());
  parts.has_authority = view.has_authority();
  parts.has_query = view.has_query();
  parts.has_fragment = view.has_fragment();
  parts.ipv6 = view.host_type() == boost::urls::host_type::ipv6;
  if (parts.ipv6) parts.host = parts.host.substr(1, parts.host.size() - 2);
  return parts;
}

std::uint16_t port_number(std::string_view given, std::string_view text, std::uint16_t otherwise) {
  if (text.empty()) return otherwise;
  std::uint16_t port = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), port).ec != std::errc() || port == 0) {
    throw InvalidUrlError(given, "the port is not within 1 to 65535");  // it may be half a password: see above
  }
  return port;
}

/// RFC 3986 5.2.4.
std::string remove_dot_segments(std::string_view in) {
  std::string out;
  const auto drop_last = [&] { out.erase(std::min(out.rfind('/'), out.size())); };
  while (!in.empty()) {
    if (in.starts_with("../")) {
      in.remove_prefix(3);
    } else if (in.starts_with("./") || in.starts_with("/./")) {
      in.remove_prefix(2);
    } else if (in == "/.") {
      in = "/";
    } else if (in.starts_with("/../")) {
      in.remove_prefix(3);
      drop_last();
    } else if (in == "/..") {
      in = "/";
      drop_last();
    } else if (in == "." || in == "..") {
      in = {};
    } else {
      const auto end = std::min(in.find('/', 1), in.size());
      out.append(in.substr(0, end));
      in.remove_prefix(end);
    }
  }
  return out;
}

}  // namespace

InvalidUrlError::InvalidUrlError(std::string_view url, const std::string& reason)
    : ValueError("invalid URL " + detail::quote(detail::without_secrets(url), 200) + ": " + reason), reason_(reason) {}
InvalidUrlError::~InvalidUrlError() = default;

std::string percent_encode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (detail::kUnreserved.has(c)) {
      out += c;
    } else {
      append_percent(out, c);
    }
  }
  return out;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : hex_value(text[i + 2]);
    if (low < 0) {
      out += text[i];
    } else {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::string encode_query(const QueryParameters& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out += percent_encode(name) + '=' + percent_encode(value);
  }
  return out;
}

void Url::parse(std::string_view text) {
  if (take_usual(text)) return;
  const auto scheme = scheme_length(text);
  if (scheme == 0) throw InvalidUrlError(text, "no scheme (write http:// or https:// in front)");
  const bool is_https = iequals(text.substr(0, scheme), "https");
  if (!is_https && !iequals(text.substr(0, scheme), "http")) {
    throw InvalidUrlError(text, "scheme " + detail::quote(text.substr(0, scheme)) + " is neither http nor https");
  }
  text_ = prepare(text);
  const Parts parts = split(text, text_);
  if (!parts.has_authority || parts.host.empty()) throw InvalidUrlError(text, "no host");
  port_ = port_number(text, parts.port, is_https ? 443 : 80);

  const auto place = [&](std::string_view part) {
    return part.empty() ? Slice{} : Slice{static_cast<std::size_t>(part.data() - text_.data()), part.size()};
  };
  scheme_ = place(parts.scheme);
  userinfo_ = place(parts.userinfo);
  host_ = place(parts.host);
  path_ = place(parts.path);
  query_ = place(parts.query);
  fragment_ = place(parts.fragment);
  host_is_ipv6_ = parts.ipv6;
  has_query_ = parts.has_query;
  lower(text_.data() + scheme_.begin, scheme_.size);
  lower(text_.data() + host_.begin, host_.size);
}

std::optional<std::pair<std::string, std::string>> Url::credentials() const {
  if (userinfo().empty()) return std::nullopt;
  const auto colon = std::min(userinfo().find(':'), userinfo().size());
  const auto password = userinfo().substr(std::min(colon + 1, userinfo().size()));
  return std::pair(percent_decode(userinfo().substr(0, colon)), percent_decode(password));
}

QueryParameters Url::query_parameters() const {
  QueryParameters parameters;
  const auto decode = [](std::string_view part) {
    std::string text(part);
    std::replace(text.begin(), text.end(), '+', ' ');
    return percent_decode(text);
  };
  for (auto rest = query(); !rest.empty();) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    parameters.emplace_back(decode(pair.substr(0, equals)), decode(pair.substr(std::min(equals + 1, pair.size()))));
  }
  return parameters;
}

void Url::append_host(std::string& out) const {
  if (host_is_ipv6_) {
    out.append("[").append(host()).append("]");
  } else {
    out.append(host());
  }
  if (port_ == (secure() ? 443 : 80)) return;
  char text[6] = {':'};
  out.append(text, std::to_chars(text + 1, std::end(text), port_).ptr);
}

void Url::append_origin(std::string& out) const {
  out.append(scheme()).append("://");
  append_host(out);
}

std::string Url::host_header() const {
  std::string out;
  out.reserve(host_.size + 8);
  append_host(out);
  return out;
}

std::string Url::request_target() const {
  std::string out(path().empty() ? "/" : path());
  if (has_query_) out.append("?").append(query());
  return out;
}

std::string Url::origin() const {
  std::string out;
  out.reserve(scheme_.size + host_.size + 11);
  append_origin(out);
  return out;
}

bool Url::same_origin(const Url& other) const noexcept {
  return scheme() == other.scheme() && host() == other.host() && port_ == other.port_;
}

Url Url::resolve(std::string_view reference) const {
  const std::string text = prepare(reference);
  const Parts parts = split(reference, text);
  if (!parts.scheme.empty()) {
    // A scheme makes it absolute; only its dots are left to do.
    if (!parts.has_authority) return Url(text);
  }
  std::string out(parts.scheme.empty() ? scheme() : parts.scheme);
  out += "://";
  const auto authority_begin = scheme_.size + 3;
  const auto authority_end = find_authority(text_).second;
  bool has_query = parts.has_query;
  std::string_view new_query = parts.query;
  if (parts.has_authority) {
    out.append(parts.authority).append(remove_dot_segments(parts.path));
  } else {
    out.append(text_, authority_begin, authority_end - authority_begin);
    if (parts.path.empty()) {
      out.append(path());
      if (!has_query) {
        has_query = has_query_;
        new_query = query();
      }
    } else if (parts.path.front() == '/') {
      out.append(remove_dot_segments(parts.path));
    } else {
      const auto directory = path().substr(0, path().rfind('/') + 1);
      out.append(remove_dot_segments((directory.empty() ? "/" : std::string(directory)).append(parts.path)));
    }
  }
  if (has_query) out.append("?").append(new_query);
  if (parts.has_fragment) out.append("#").append(parts.fragment);
  return Url(out);
}

std::string Url::with_query_text(std::string_view query) const {
  const auto end = std::min(text_.find_first_of("?#"), text_.size());
  std::string out = text_.substr(0, end);
  if (!query.empty()) out.append("?").append(query);
  return out;
}

Url Url::with_query(const QueryParameters& parameters) const { return Url(with_query_text(encode_query(parameters))); }

Url Url::extend_query(const QueryParameters& parameters) const {
  std::string all(query());
  const auto added = encode_query(parameters);
  if (!all.empty() && !added.empty()) all += '&';
  return Url(with_query_text(all + added));
}

std::string Url::to_string() const {
  std::string out;
  out.reserve(text_.size() + 2);  // the brackets of an address
  append_origin(out);
  out.append(path());
  if (has_query_) out.append("?").append(query());
  return out;
}

}  // namespace tutti::http
