// SPDX-License-Identifier: MIT
// The strict rules, one function for each part of a message. The sections named are those of RFC 9112.
#include "parser_policy.hpp"

#include <algorithm>
#include <charconv>

#include "characters.hpp"
#include "field_text.hpp"

namespace tutti::http::detail {

namespace {

using Kind = ParserErrorKind;

constexpr bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

[[noreturn]] void refuse(Kind kind, std::string reason) { throw Refusal{kind, std::move(reason)}; }

/// Section 2.3: two digits, exactly; what they are decides between "wrong" and "not supported".
Version check_version(std::string_view version) {
  if (version == "HTTP/1.1") return Version::http11;
  if (version == "HTTP/1.0") return Version::http10;
  if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) || version[6] != '.' ||
      !is_digit(version[7])) {
    refuse(Kind::start_line, "not an HTTP version: " + quote(version));
  }
  refuse(Kind::version, "unsupported version " + quote(version));
}

/// An address in brackets, loosely: whoever connects to it judges it; here it must only be unable to hide anything.
bool is_ip_literal(std::string_view host) noexcept {
  return host.size() >= 4 && host.front() == '[' && host.back() == ']' &&
         std::all_of(host.begin() + 1, host.end() - 1, [](char c) { return is_hex(c) || c == ':' || c == '.'; });
}

struct Authority {
  std::string_view host;
  std::string_view port;
};

/// "host", "host:port"; nothing if it is anything else, such as two hosts, a user, a path.
std::optional<Authority> split_authority(std::string_view text) noexcept {
  const auto bracket = text.starts_with('[') ? text.rfind(']') : std::string_view::npos;
  const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  Authority authority{text.substr(0, colon), {}};
  if (!kUnreserved.makes(authority.host) && !is_ip_literal(authority.host)) return std::nullopt;
  if (colon == std::string_view::npos) return authority;
  authority.port = text.substr(colon + 1);
  unsigned port = 0;
  const auto end = authority.port.data() + authority.port.size();
  const auto result = std::from_chars(authority.port.data(), end, port);
  if (result.ec != std::errc() || result.ptr != end || port == 0 || port > 65535) return std::nullopt;
  return authority;
}

bool same_authority(const Authority& a, const Authority& b, std::string_view default_port) noexcept {
  const auto port = [&](std::string_view text) { return text.empty() ? default_port : text; };
  return iequals(a.host, b.host) && port(a.port) == port(b.port);
}

/// Sections 3.2.1 to 3.2.4. Gives the authority of an absolute target.
std::optional<Authority> check_target(const RequestHead& head, std::string_view& default_port) {
  const std::string_view target = head.target;
  if (head.method == Method::connect) {
    const auto authority = split_authority(target);
    if (!authority || authority->port.empty())
      refuse(Kind::target, "the target of CONNECT is not host:port: " + quote(target));
    return std::nullopt;
  }
  if (target.starts_with('/')) return std::nullopt;
  if (target == "*") {
    if (head.method != Method::options) refuse(Kind::target, "target '*' with method " + quote(head.method));
    return std::nullopt;
  }
  const bool http = iequals(target.substr(0, 7), "http://");
  if (!http && !iequals(target.substr(0, 8), "https://"))
    refuse(Kind::target, "not a request target: " + quote(target));
  default_port = http ? "80" : "443";
  const auto rest = target.substr(http ? 7 : 8);
  const auto authority = split_authority(rest.substr(0, rest.find_first_of("/?")));
  if (!authority) refuse(Kind::target, "no valid host in the target " + quote(target));
  return authority;
}

}  // namespace

bool is_authority(std::string_view text) noexcept { return split_authority(text).has_value(); }

void LineBlock::clear() noexcept {
  buffer_.clear();
  text_ = {};
  begin_ = line_begin_ = scanned_ = lines_ = 0;
  complete_ = false;
}

std::size_t LineBlock::feed(BytesView data) {
  if (buffer_.empty()) {
    // The usual case, a block that comes whole, is not copied.
    if (scan(data)) {
      text_ = data.substr(begin_, scanned_ - begin_);
      return scanned_;
    }
    buffer_.assign(data);
    return data.size();
  }
  const auto before = buffer_.size();
  buffer_.append(data.substr(0, limits_.total + 4));
  if (!scan(buffer_)) return data.size();
  text_ = std::string_view(buffer_).substr(begin_, scanned_ - begin_);
  return scanned_ - before;
}

/// Goes on behind what was scanned before; says whether the block is complete.
bool LineBlock::scan(std::string_view bytes) {
  while (!complete_) {
    if (lines_ == 0 && line_begin_ < bytes.size()) check_first_byte(bytes[line_begin_]);
    const auto end = bytes.find('\n', scanned_);
    const bool whole = end != std::string_view::npos;
    const auto size = (whole ? end + 1 : bytes.size() + 1) - line_begin_;
    bool whole_block = false;
    if (size > budget(whole_block)) refuse_long_line(whole_block);
    if (!whole) {
      scanned_ = bytes.size();
      return false;
    }
    scanned_ = end + 1;
    check_line(bytes.substr(line_begin_, size));
    line_begin_ = scanned_;
  }
  return true;
}

/// Tells at once when the peer does not speak HTTP at all, instead of waiting for the end of a line.
void LineBlock::check_first_byte(char c) const {
  if (kind_ == BlockKind::trailer) return;
  if (kind_ == BlockKind::request) {
    if (is_token(std::string_view(&c, 1)) || (c == '\r' && begin_ == 0)) return;
  } else if (c == 'H') {
    return;
  }
  refuse(Kind::start_line, c == '\x16' ? "it is not HTTP but looks like TLS"
                                       : "it is not HTTP: it begins with " + quote(std::string_view(&c, 1)));
}

/// How long the present line may be, with its end, and whether that is because of the block as a whole.
std::size_t LineBlock::budget(bool& whole_block) const noexcept {
  const auto line = in_start_line() ? limits_.start_line : limits_.field;
  const auto used = line_begin_ - begin_;
  const auto left = limits_.total > used ? limits_.total - used : 0;
  whole_block = left < line;
  return std::min(left, line);
}

void LineBlock::refuse_long_line(bool whole_block) const {
  if (whole_block) refuse(Kind::head_too_large, "more than " + std::to_string(limits_.total) + " bytes of fields");
  if (in_start_line()) {
    refuse(Kind::start_line_too_long, "a start line of more than " + std::to_string(limits_.start_line) + " bytes");
  }
  refuse(Kind::head_too_large, "a field of more than " + std::to_string(limits_.field) + " bytes");
}

Kind LineBlock::line_error() const noexcept { return in_start_line() ? Kind::start_line : Kind::field; }

/// `line` with its LF. Sections 2.2, 5.1, 5.2.
void LineBlock::check_line(std::string_view line) {
  if (!line.ends_with("\r\n")) refuse(line_error(), "a line ends with LF instead of CRLF: " + quote(line));
  line.remove_suffix(2);
  if (line.empty()) {
    if (!in_start_line()) {
      complete_ = true;
    } else if (kind_ == BlockKind::request && begin_ == 0) {
      begin_ = scanned_;  // section 2.2: old clients send one empty line too many behind a body
    } else {
      refuse(Kind::start_line, "empty start line");
    }
    return;
  }
  if (!is_field_value(line)) {
    const bool cr = line.find('\r') != std::string_view::npos;
    refuse(line_error(), (cr ? "CR inside a line: " : "control character in a line: ") + quote(line));
  }
  if (!in_start_line()) check_field_line(line);
  ++lines_;
  if (lines_ > limits_.fields + (kind_ == BlockKind::trailer ? 0 : 1)) {
    refuse(Kind::head_too_large, "more than " + std::to_string(limits_.fields) + " fields");
  }
}

void LineBlock::check_field_line(std::string_view line) const {
  if (line.front() == ' ' || line.front() == '\t') {
    const bool first = lines_ == (kind_ == BlockKind::trailer ? 0U : 1U);
    refuse(Kind::field, (first ? "white space before the first field: " : "folded field line: ") + quote(line));
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) refuse(Kind::field, "a field without a colon: " + quote(line));
  const auto name = line.substr(0, colon);
  if (name.empty()) refuse(Kind::field, "a field without a name: " + quote(line));
  if (name.back() == ' ' || name.back() == '\t') refuse(Kind::field, "white space before the colon of " + quote(name));
  if (!is_token(name)) refuse(Kind::field, "invalid name of a field: " + quote(name));
}

void check_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) {
    refuse(Kind::start_line, "not \"method target version\": " + quote(line));
  }
  const auto method = line.substr(0, first);
  const auto target = line.substr(first + 1, second - first - 1);
  const auto version = line.substr(second + 1);
  if (!is_token(method)) refuse(Kind::start_line, "invalid method " + quote(method));
  if (target.empty()) refuse(Kind::start_line, "no target between method and version: " + quote(line));
  if (version.find(' ') != std::string_view::npos) refuse(Kind::start_line, "more than two spaces: " + quote(line));
  static_cast<void>(check_version(version));
  if (const std::size_t good = kTargetCharacters.count_at_front(target); good != target.size()) {
    refuse(Kind::target, target[good] == '#' ? "a fragment in the target " + quote(target)
                                             : "a byte that is not ASCII, or a tab, in the target " + quote(target));
  }
}

bool status_line_lacks_space(std::string_view line) {
  static_cast<void>(check_version(line.substr(0, line.find(' '))));
  const auto rest = line.substr(8);
  if (rest.size() < 4 || !std::all_of(rest.begin() + 1, rest.begin() + 4, is_digit) || rest[1] == '0' ||
      (rest.size() > 4 && rest[4] != ' ')) {
    refuse(Kind::start_line, "not a status line: " + quote(line));
  }
  return rest.size() == 4;
}

void check_target_and_host(const RequestHead& head) {
  std::string_view default_port;
  const auto in_target = check_target(head, default_port);
  std::size_t count = 0;
  std::string_view value;
  for (const auto& field : head.headers) {
    if (iequals(field.first, "Host") && count++ == 0) value = field.second;
  }
  if (count > 1) refuse(Kind::host, "more than one Host field");
  if (count == 0) {
    if (head.version == Version::http11) refuse(Kind::host, "no Host field");
    return;
  }
  const auto host = split_authority(value);
  if (!host) refuse(Kind::host, "invalid Host " + quote(value));
  if (in_target && !same_authority(*in_target, *host, default_port)) {
    refuse(Kind::host, "Host " + quote(value) + " is not the one in the target " + quote(head.target));
  }
}

Framing check_framing(Version version, const Headers& headers) {
  const auto lengths = headers.count("Content-Length");
  const auto codings = headers.count("Transfer-Encoding");
  if (lengths > 0 && codings > 0) refuse(Kind::framing, "Content-Length and Transfer-Encoding together");
  if (lengths > 1) refuse(Kind::framing, "more than one Content-Length");
  if (codings > 1) refuse(Kind::framing, "more than one Transfer-Encoding");
  if (lengths == 1) {
    const auto value = *headers.get("Content-Length");
    unsigned long long length = 0;
    if (!parse_content_length(value, length)) refuse(Kind::framing, "invalid Content-Length " + quote(value));
    return {.chunked = false, .length = length};
  }
  if (codings == 0) return {};
  const auto value = *headers.get("Transfer-Encoding");
  if (version == Version::http10) refuse(Kind::framing, "Transfer-Encoding in an HTTP/1.0 message");
  if (iequals(value, "chunked")) return {.chunked = true, .length = std::nullopt};
  // Section 6.3: without chunked as the last and only framing nobody knows the length; 6.1: other codings are "not implemented".
  const auto list = headers.get_list("Transfer-Encoding");
  const auto chunked = [](std::string_view coding) { return iequals(coding, "chunked"); };
  const bool unsure = list.empty() || !std::all_of(list.begin(), list.end(), is_token) ||
                      std::any_of(list.begin(), list.end() - 1, chunked) || (list.size() == 1 && chunked(list[0]));
  refuse(unsure ? Kind::framing : Kind::transfer_coding, "transfer coding " + quote(value));
}

}  // namespace tutti::http::detail
