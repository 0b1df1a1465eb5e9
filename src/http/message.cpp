// SPDX-License-Identifier: MIT
// What can be told of a message from its head alone.
#include <tutti/http/message.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>

#include "field_text.hpp"

namespace tutti::http {

std::string_view to_string(Version version) noexcept { return version == Version::http10 ? "HTTP/1.0" : "HTTP/1.1"; }

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 102: return "Processing";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 208: return "Already Reported";
    case 226: return "IM Used";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 305: return "Use Proxy";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 423: return "Locked";
    case 424: return "Failed Dependency";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 506: return "Variant Also Negotiates";
    case 507: return "Insufficient Storage";
    case 508: return "Loop Detected";
    case 511: return "Network Authentication Required";
    default: return {};
  }
}

bool wants_keep_alive(Version version, const Headers& headers) noexcept {
  if (headers.list_contains("Connection", "close")) return false;
  return version == Version::http11 || headers.list_contains("Connection", "keep-alive");
}

bool expects_continue(const RequestHead& head) noexcept {
  return head.version == Version::http11 && head.headers.list_contains("Expect", "100-continue");
}

std::string http_date(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  const auto digits = [](long value, int width) {
    std::string text = std::to_string(value);
    text.insert(0, static_cast<std::size_t>(std::max(0, width - static_cast<int>(text.size()))), '0');
    return text;
  };
  return std::string(kDays[weekday(day).c_encoding()]) + ", " + digits(unsigned{date.day()}, 2) + " " +
         kMonths[unsigned{date.month()} - 1] + " " + digits(int{date.year()}, 4) + " " +
         digits(clock.hours().count(), 2) + ":" + digits(clock.minutes().count(), 2) + ":" +
         digits(clock.seconds().count(), 2) + " GMT";
}

bool detail::forbidden_in_trailer(std::string_view name) noexcept {
  static constexpr std::string_view kForbidden[] = {"Transfer-Encoding",
                                                    "Content-Length",
                                                    "Host",
                                                    "Trailer",
                                                    "TE",
                                                    "Connection",
                                                    "Keep-Alive",
                                                    "Proxy-Connection",
                                                    "Upgrade",
                                                    "Content-Encoding",
                                                    "Content-Type",
                                                    "Content-Range",
                                                    "Content-Location",
                                                    "Authorization",
                                                    "Proxy-Authorization",
                                                    "WWW-Authenticate",
                                                    "Proxy-Authenticate",
                                                    "Authentication-Info",
                                                    "Proxy-Authentication-Info",
                                                    "Cookie",
                                                    "Set-Cookie",
                                                    "Origin",
                                                    "Cache-Control",
                                                    "Expect",
                                                    "Max-Forwards",
                                                    "Pragma",
                                                    "Range",
                                                    "If-Match",
                                                    "If-None-Match",
                                                    "If-Modified-Since",
                                                    "If-Unmodified-Since",
                                                    "If-Range",
                                                    "Age",
                                                    "Date",
                                                    "Expires",
                                                    "Location",
                                                    "Retry-After",
                                                    "Vary",
                                                    "Warning",
                                                    "Forwarded",
                                                    "X-Forwarded-For",
                                                    "X-Forwarded-Host",
                                                    "X-Forwarded-Proto"};
  return std::any_of(std::begin(kForbidden), std::end(kForbidden),
                     [&](std::string_view forbidden) { return iequals(name, forbidden); });
}

bool detail::parse_content_length(std::string_view text, unsigned long long& length) noexcept {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), length);
  return result.ec == std::errc() && result.ptr == text.data() + text.size() && text.front() != '-' &&
         length <= 0x7fff'ffff'ffff'ffffULL;
}

}  // namespace tutti::http
