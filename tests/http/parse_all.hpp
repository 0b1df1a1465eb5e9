// SPDX-License-Identifier: MIT
// Runs a parser over one text cut in every way that matters: the result must always be the same.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/http/parser.hpp>

namespace tutti::http {

/// What came out of a parser; `consumed` is how many bytes the message took.
template <class Head>
struct Parsed {
  Head head;
  std::string body;
  Headers trailers;
  std::size_t consumed = 0;
  bool complete = false;
  bool keep_alive = false;
  bool needs_eof = false;
  std::optional<ParserErrorKind> error;
  int status = 0;
  std::string message;

  friend bool operator==(const Parsed&, const Parsed&) = default;
};

/// Feeds `pieces` one after the other, and the end of the stream if `at_end`.
template <class Head, class Parser>
Parsed<Head> parse_pieces(Parser parser, const std::vector<std::string_view>& pieces, bool at_end) {
  Parsed<Head> parsed;
  try {
    for (auto piece : pieces) {
      while (!piece.empty() && !parser.complete()) {
        const auto taken = parser.feed(piece, parsed.body);
        if (taken == 0) {
          ADD_FAILURE() << "the parser took nothing of " << piece.size() << " bytes";
          return parsed;
        }
        parsed.consumed += taken;
        piece.remove_prefix(taken);
      }
    }
    if (at_end && !parser.complete()) parser.finish();
  } catch (const ParserError& error) {
    parsed.error = error.kind();
    parsed.status = error.status();
    parsed.message = error.what();
    parsed.consumed = 0;  // with an error nobody may use what follows
  }
  parsed.complete = parser.complete();
  if (parser.head_complete() && !parsed.error) {
    parsed.head = parser.head();
    parsed.trailers = parser.trailers();
    parsed.keep_alive = parser.keep_alive();
    if constexpr (requires { parser.needs_eof(); }) parsed.needs_eof = parser.needs_eof();
  }
  return parsed;
}

/// Whole; cut at each point; byte by byte.
template <class Head, class MakeParser>
Parsed<Head> parse_all_ways(MakeParser make, std::string_view text, bool at_end) {
  const auto whole = parse_pieces<Head>(make(), {text}, at_end);
  std::vector<std::string_view> bytes;
  const std::size_t step = text.size() > 2000 ? 97 : 1;  // long inputs are about limits: not each cut
  for (std::size_t i = 0; i < text.size(); i += step) {
    bytes.push_back(text.substr(i, step));
    const auto cut = parse_pieces<Head>(make(), {text.substr(0, i), text.substr(i)}, at_end);
    EXPECT_TRUE(cut == whole) << "cut at " << i << ": " << cut.message << " instead of: " << whole.message;
  }
  const auto single = parse_pieces<Head>(make(), bytes, at_end);
  EXPECT_TRUE(single == whole) << "byte by byte: " << single.message << " instead of: " << whole.message;
  return whole;
}

inline Parsed<RequestHead> parse_request(std::string_view text, const ParserLimits& limits = {}, bool at_end = false) {
  return parse_all_ways<RequestHead>([&] { return RequestParser(limits); }, text, at_end);
}

inline Parsed<ResponseHead> parse_response(std::string_view text, std::string_view method = Method::get,
                                           const ParserLimits& limits = {}, bool at_end = false) {
  return parse_all_ways<ResponseHead>([&] { return ResponseParser(method, limits); }, text, at_end);
}

}  // namespace tutti::http
