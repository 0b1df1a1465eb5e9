// SPDX-License-Identifier: MIT
// What both parser fuzzers check: however a stream is cut, the same messages come out, and what a parser has taken can be
// written again and read again as the same message.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tutti/http/parser.hpp>
#include <tutti/http/serializer.hpp>

namespace tutti::http::fuzz {

inline void check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

template <class Head>
struct Message {
  Head head;
  std::string body;
  Headers trailers;
  bool complete = false;
  bool keep_alive = false;

  friend bool operator==(const Message&, const Message&) = default;
};

template <class Head>
struct Result {
  std::vector<Message<Head>> messages;
  std::optional<ParserErrorKind> error;
  std::string text;

  friend bool operator==(const Result&, const Result&) = default;
};

/// Reads messages until the stream, given in pieces of sizes that `next_size` tells, is at its end.
template <class Head, class Parser, class NextSize>
Result<Head> read(Parser parser, std::string_view stream, NextSize next_size) {
  Result<Head> result;
  std::string body;
  const auto keep = [&] {
    if (!parser.head_complete()) return;
    result.messages.push_back({parser.head(), body, parser.trailers(), parser.complete(), parser.keep_alive()});
  };
  try {
    while (!stream.empty()) {
      auto piece = stream.substr(0, next_size());
      stream.remove_prefix(piece.size());
      while (!piece.empty()) {
        const auto taken = parser.feed(piece, body);
        check(taken > 0 && taken <= piece.size(), "feed takes something, and not more than there is");
        piece.remove_prefix(taken);
        if (!parser.complete()) continue;
        keep();
        if (!parser.keep_alive()) return result;
        parser.reset();
        body.clear();
      }
    }
    parser.finish();
    keep();
  } catch (const ParserError& error) {
    keep();
    result.error = error.kind();
    result.text = error.what();
    check(error.status() >= 400 && error.status() < 600, "an error has a status of an error");
    try {
      parser.feed("x", body);
      check(false, "a parser goes on after an error");
    } catch (const ParserError& again) {
      check(again.kind() == error.kind(), "a parser tells another error the second time");
    }
  }
  return result;
}

/// `stream` whole, byte by byte, and in pieces of the sizes in `cuts`.
template <class Head, class MakeParser>
Result<Head> read_all_ways(MakeParser make, std::string_view stream, std::string_view cuts) {
  const auto whole = read<Head>(make(), stream, [&] { return stream.size() + 1; });
  check(read<Head>(make(), stream, [] { return std::size_t{1}; }) == whole, "byte by byte is as whole");
  std::size_t i = 0;
  const auto cut = [&] {
    return cuts.empty() ? std::size_t{7} : 1 + static_cast<unsigned char>(cuts[i++ % cuts.size()]);
  };
  check(read<Head>(make(), stream, cut) == whole, "in pieces is as whole");
  return whole;
}

/// Small limits, so that the fuzzer reaches them.
inline ParserLimits small_limits() {
  return {.start_line = 200,
          .field = 200,
          .fields = 10,
          .head = 500,
          .body = 1000,
          .chunk_line = 50,
          .trailer = 100,
          .trailer_fields = 3,
          .informational = 2};
}

}  // namespace tutti::http::fuzz
