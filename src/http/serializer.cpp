// SPDX-License-Identifier: MIT
// Heads and chunks as bytes, after a check that nobody can read them otherwise than they are meant.
#include <tutti/http/serializer.hpp>

#include <algorithm>
#include <charconv>

#include <tutti/base/error.hpp>

#include "field_text.hpp"

namespace tutti::http {

namespace {

/// What is wrong with the framing; empty if it is sure.
std::string framing_problem(Version version, const Headers& headers) {
  const auto length = headers.get("Content-Length");
  const auto coding = headers.get("Transfer-Encoding");
  if (!length && !coding) return {};
  unsigned long long number = 0;
  if (headers.count("Content-Length") > 1) return "more than one Content-Length";
  if (length && !detail::parse_content_length(*length, number)) {
    return "Content-Length is not a number: " + detail::quote(*length);
  }
  if (!coding) return {};
  if (length) return "Content-Length beside Transfer-Encoding";
  if (headers.count("Transfer-Encoding") > 1 || !iequals(*coding, "chunked")) {
    return "a transfer coding that is not chunked: " + detail::quote(*coding);
  }
  return version == Version::http10 ? "Transfer-Encoding in an HTTP/1.0 message" : "";
}

bool is_target(std::string_view target) noexcept {
  return !target.empty() && std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::size_t size_of(const Headers& headers) noexcept {
  std::size_t size = 0;
  for (auto field = headers.begin(); field != headers.end(); ++field) size += detail::FieldText::line(field).size();
  return size;
}

void append_fields(const Headers& headers, std::string& out) {
  for (auto field = headers.begin(); field != headers.end(); ++field) out.append(detail::FieldText::line(field));
}

std::string problem_of(const RequestHead& head) {
  if (!is_token(head.method)) return "the method is not a token";
  if (!is_target(head.target)) return "the target is empty or has a character that is not allowed";
  const auto hosts = head.headers.count("Host");
  if (hosts > 1) return "more than one Host";
  if (hosts == 0 && head.version == Version::http11) return "no Host";
  return framing_problem(head.version, head.headers);
}

std::string_view reason_of(const ResponseHead& head) noexcept {
  return head.reason.empty() ? reason_phrase(head.status) : std::string_view(head.reason);
}

std::string problem_of(const ResponseHead& head) {
  if (head.status < 100 || head.status > 999) return "not a status";
  if (!is_field_value(head.reason)) return "invalid reason " + detail::quote(head.reason);
  return framing_problem(head.version, head.headers);
}

}  // namespace

void serialize(const RequestHead& head, std::string& out) {
  if (const auto problem = problem_of(head); !problem.empty()) {
    throw ValueError("request " + detail::quote(head.method + " " + head.target) + ": " + problem);
  }
  out.reserve(out.size() + head.method.size() + head.target.size() + 14 + size_of(head.headers));
  out.append(head.method).append(" ").append(head.target).append(" ").append(to_string(head.version)).append("\r\n");
  append_fields(head.headers, out);
  out.append("\r\n");
}

void serialize(const ResponseHead& head, std::string& out) {
  detail::check_head(head);
  detail::write_head(head, {}, {}, out);
}

void detail::check_head(const ResponseHead& head) {
  if (const auto problem = problem_of(head); !problem.empty()) {
    throw ValueError("response " + std::to_string(head.status) + ": " + problem);
  }
}

void detail::write_head(const ResponseHead& head, std::span<const FieldView> more, std::string_view lines,
                        std::string& out) {
  const std::string_view reason = reason_of(head);
  const char digits[] = {static_cast<char>('0' + head.status / 100), static_cast<char>('0' + head.status / 10 % 10),
                         static_cast<char>('0' + head.status % 10)};
  const bool framed = head.status >= 200 && head.status != 204;
  const auto is_sent = [framed](std::string_view name) { return framed || !detail::is_framing(name); };
  std::size_t size = 17 + reason.size() + lines.size();
  for (auto field = head.headers.begin(); field != head.headers.end(); ++field) {
    if (is_sent((*field).first)) size += FieldText::line(field).size();
  }
  for (const auto& [name, value] : more) size += Pen::size_of_field(name, value);
  Pen pen(out, out.size(), size);
  pen.put(to_string(head.version)).put(" ").put({digits, sizeof digits}).put(" ").put(reason).put("\r\n");
  for (auto field = head.headers.begin(); field != head.headers.end(); ++field) {
    if (is_sent((*field).first)) pen.put(FieldText::line(field));
  }
  for (const auto& [name, value] : more) pen.field(name, value);
  pen.put(lines).put("\r\n");
}

std::string serialize(const RequestHead& head) {
  std::string out;
  serialize(head, out);
  return out;
}

std::string serialize(const ResponseHead& head) {
  std::string out;
  serialize(head, out);
  return out;
}

std::string chunk_prefix(std::uint64_t size) {
  char digits[16];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), size, 16).ptr;
  return std::string(digits, end) + "\r\n";
}

void append_chunk(BytesView data, std::string& out) {
  if (data.empty()) return;
  out.append(chunk_prefix(data.size())).append(data).append("\r\n");
}

void append_last_chunk(std::string& out, const Headers& trailers) {
  for (const auto& [name, value] : trailers) {
    if (detail::forbidden_in_trailer(name)) throw ValueError("trailer: " + std::string(name) + " must not stand there");
  }
  out.append("0\r\n");
  append_fields(trailers, out);
  out.append("\r\n");
}

}  // namespace tutti::http
