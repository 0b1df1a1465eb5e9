// SPDX-License-Identifier: MIT
// The parsers: heads of the usual form are read in one pass; for the others Boost.Beast's `basic_parser` reads, and the rules of
// parser_policy.hpp refuse what it would let pass.
//
// Beast wants the bytes that it did not take again, unchanged, so it gets only what it can take whole: a head, a chunk's line,
// body bytes, the trailer. What is incomplete waits here, within the limits.
#pragma once

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tutti/http/parser.hpp>

#include "field_text.hpp"
#include "parser_beast.hpp"
#include "parser_policy.hpp"
#include "usual_head.hpp"

namespace tutti::http::detail {

using Kind = ParserErrorKind;

/// Whether a chunk line says "0", with or without an extension.
inline bool is_last_chunk(std::string_view line) noexcept {
  const auto rest = line.substr(std::min(line.find_first_not_of('0'), line.size()));
  return line.starts_with('0') && (rest.empty() || rest.front() == ';' || rest.front() == ' ' || rest.front() == '\t');
}

/// Beast tells that the framing is wrong, but not how: our own rules, which come after it, say it in words.
inline void explain_framing(std::string_view head) {
  Headers headers;
  for (auto end = head.find("\r\n"); !head.starts_with("\r\n"); end = head.find("\r\n")) {
    const auto line = head.substr(0, end);
    head.remove_prefix(end + 2);
    const auto colon = line.find(':');
    const auto value = line.substr(std::min(line.find_first_not_of(" \t", colon + 1), line.size()));
    if (is_framing(line.substr(0, colon)))
      headers.add(line.substr(0, colon), value.substr(0, value.find_last_not_of(" \t") + 1));
  }
  static_cast<void>(check_framing(Version::http11, headers));
}

inline BlockLimits head_limits(const ParserLimits& limits) noexcept {
  return {limits.start_line, limits.field, limits.fields, limits.head};
}

inline BlockLimits trailer_limits(const ParserLimits& limits) noexcept {
  return {0, limits.field, limits.trailer_fields, limits.trailer};
}

/// What reads a message that is not of the usual form.
template <class Head>
struct CarefulParser {
  CarefulParser(BlockKind kind, const ParserLimits& limits)
      : head_block(kind, head_limits(limits)), trailer_block(BlockKind::trailer, trailer_limits(limits)) {}

  void clear() {
    head_block.clear();
    trailer_block.clear();
    chunk_line.clear();
    trailers.clear();
    beast.reset();
  }

  LineBlock head_block;
  LineBlock trailer_block;
  std::optional<BeastParser<Head>> beast;
  std::string chunk_line;  // what Beast has not taken of the chunk lines and the trailer
  Headers trailers;
};

/// What both kinds of parsers do.
template <class Head>
class MessageParser {
  static constexpr bool kRequest = std::is_same_v<Head, RequestHead>;

 public:
  MessageParser(const ParserLimits& limits, std::string_view request_method) : limits_(limits) {
    reset(request_method);
  }
  MessageParser(const MessageParser&) = delete;
  MessageParser& operator=(const MessageParser&) = delete;

  void reset(std::string_view request_method) {
    if constexpr (!kRequest) request_method_ = request_method;
    informational_ = last_informational_ = 0;
    body_limit_ = limits_.body;
    failure_.reset();
    restart();
  }

  std::size_t feed(BytesView data, std::string& body) {
    return guarded([&] {
      body_ = &body;
      if (careful_ && careful_->beast) careful_->beast->body = body_;
      std::size_t taken = 0;
      while (taken < data.size() && phase_ != Phase::complete) {
        const bool was_head = phase_ == Phase::head;
        taken += step(data.substr(taken));
        if (was_head && phase_ != Phase::head) break;  // the caller looks at the head before the body
      }
      return taken;
    });
  }

  void finish() {
    guarded([&] {
      if (phase_ == Phase::complete || (kRequest && idle())) return;
      if (phase_ != Phase::to_eof) refuse_truncated();
      careful_->beast->put_eof();
      phase_ = Phase::complete;
    });
  }

  void set_body_limit(std::optional<std::uint64_t> limit) {
    guarded([&] {
      body_limit_ = limit;
      check_body(std::max(framing_.length.value_or(0), received_));
    });
  }

  [[nodiscard]] bool idle() const noexcept { return phase_ == Phase::head && informational_ == 0 && begins_head(); }
  [[nodiscard]] bool head_complete() const noexcept { return phase_ != Phase::head; }
  [[nodiscard]] bool complete() const noexcept { return phase_ == Phase::complete; }
  [[nodiscard]] bool needs_eof() const noexcept { return to_eof_; }
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept { return framing_.length; }
  [[nodiscard]] bool chunked() const noexcept { return framing_.chunked; }
  [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
  [[nodiscard]] const Headers& trailers() const noexcept {
    static const Headers none;
    return careful_ ? careful_->trailers : none;
  }
  [[nodiscard]] int informational_count() const noexcept { return informational_; }
  [[nodiscard]] int last_informational() const noexcept { return last_informational_; }
  [[nodiscard]] Head& head() noexcept { return head_; }

 private:
  enum class Phase : std::uint8_t { head, length, to_eof, chunk_line, chunk_data, trailer, complete };

  void restart() {
    clear_head();
    if (careful_) careful_->clear();
    framing_ = {};
    remaining_ = received_ = 0;
    phase_ = Phase::head;
    to_eof_ = keep_alive_ = behind_chunk_ = false;
  }

  /// Made when it is needed first: most connections of a server never do.
  CarefulParser<Head>& careful() {
    if (!careful_) {
      careful_ = std::make_unique<CarefulParser<Head>>(kRequest ? BlockKind::request : BlockKind::response, limits_);
    }
    return *careful_;
  }
  [[nodiscard]] bool begins_head() const noexcept { return !careful_ || careful_->head_block.empty(); }

  void clear_head() {
    if constexpr (kRequest) {
      head_.headers.clear();  // the others mostly stay the same
    } else {
      head_ = {};
    }
  }

  /// Runs `function`; a refusal becomes the error that each later call throws again.
  template <class Function>
  auto guarded(Function function) {
    if (failure_) throw ParserError(*failure_);
    try {
      return function();
    } catch (const Refusal& refusal) {
      failure_.emplace(refusal.kind, kRequest ? "invalid HTTP request: " : "invalid HTTP response: ", refusal.reason);
      throw ParserError(*failure_);
    }
  }

  /// Takes from the front of `data`, which is not empty, what belongs to the present phase.
  std::size_t step(BytesView data) {
    switch (phase_) {
      case Phase::head: return step_head(data);
      case Phase::length:
      case Phase::chunk_data: return step_counted(data);
      case Phase::to_eof: return step_to_eof(data);
      case Phase::chunk_line: return step_chunk_line(data);
      case Phase::trailer: return step_trailer(data);
      case Phase::complete: break;
    }
    return 0;
  }

  std::size_t step_head(BytesView data) {
    if (begins_head()) {
      if (const auto taken = take_usual(data); taken != 0) return taken;
    }
    LineBlock& block = careful().head_block;
    const auto taken = block.feed(data);
    if (block.complete()) on_head(block.text());
    return taken;
  }

  /// Takes the head if `data` begins with one of the usual form.
  std::size_t take_usual(BytesView data) {
    const UsualHead usual = read_usual(data);
    if (usual.size == 0) return 0;
    keep_alive_ =
        usual.names_connection ? wants_keep_alive(head_.version, head_.headers) : head_.version == Version::http11;
    begin_counted(usual.length);
    return usual.size;
  }

  UsualHead read_usual(BytesView data) {
    if constexpr (kRequest) {
      return read_usual_head(data, head_limits(limits_), known_host_, head_);
    } else {
      if (request_method_ == Method::head || request_method_ == Method::connect) return {};
      return read_usual_head(data, head_limits(limits_), head_);
    }
  }

  /// A body of `length` bytes comes next.
  void begin_counted(std::uint64_t length) {
    framing_ = {.chunked = false, .length = length};
    check_body(length);
    remaining_ = length;
    phase_ = length == 0 ? Phase::complete : Phase::length;
  }

  void on_head(std::string_view text) {
    const auto line = text.substr(0, text.find('\r'));
    std::string patched;
    if (take_usual(text) != 0) return;
    if constexpr (kRequest) {
      check_request_line(line);
      careful_->beast.emplace(head_, careful_->trailers).body = body_;
    } else {
      careful_->beast.emplace(head_, careful_->trailers).body = body_;
      if (status_line_lacks_space(line)) {
        patched.assign(text).insert(line.size(), 1, ' ');
        text = patched;
      }
      const bool tunnel = request_method_ == Method::connect && line[9] == '2';
      if (request_method_ == Method::head || tunnel) careful_->beast->skip(true);
    }
    put_head(text);
    if constexpr (kRequest) {
      check_target_and_host(head_);
    } else if (head_.status < 200 && head_.status != 101) {
      on_informational();
      return;
    }
    on_final_head();
  }

  void put_head(std::string_view text) {
    bool more = false;
    try {
      careful_->beast->put(text, more);
    } catch (const Refusal& refusal) {
      if (refusal.kind == Kind::framing) explain_framing(text.substr(text.find('\n') + 1));
      throw;
    }
    if (more || !careful_->beast->is_header_done()) throw Refusal{Kind::field, "the head has no end"};
  }

  void on_informational() {
    last_informational_ = head_.status;
    if (++informational_ > limits_.informational) {
      throw Refusal{Kind::informational, "more than " + std::to_string(limits_.informational) + " 1xx responses"};
    }
    restart();
  }

  void on_final_head() {
    const Framing framing = check_framing(head_.version, head_.headers);
    const bool done = careful_->beast->is_done();
    framing_ = done ? Framing{.chunked = false, .length = 0} : framing;
    to_eof_ = careful_->beast->need_eof();
    keep_alive_ = wants_keep_alive(head_.version, head_.headers) && !to_eof_ && !leaves_http();
    if (done) {
      phase_ = Phase::complete;
    } else if (framing_.chunked) {
      phase_ = Phase::chunk_line;
    } else if (framing_.length) {
      begin_counted(*framing_.length);
    } else {
      phase_ = Phase::to_eof;
    }
  }

  /// Whether the connection speaks another protocol from here on.
  [[nodiscard]] bool leaves_http() const noexcept {
    if constexpr (kRequest) {
      return head_.method == Method::connect;
    } else {
      return head_.status == 101 || (request_method_ == Method::connect && head_.status / 100 == 2);
    }
  }

  std::size_t step_counted(BytesView data) {
    const auto taken =
        put_body(data.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, data.size()))));
    remaining_ -= taken;
    if (remaining_ == 0) phase_ = phase_ == Phase::length ? Phase::complete : Phase::chunk_line;
    return taken;
  }

  std::size_t step_to_eof(BytesView data) {
    if (body_limit_) {
      const auto left = *body_limit_ - received_;
      if (left == 0) check_body(received_ + 1);
      data = data.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, data.size())));
    }
    received_ += data.size();
    return put_body(data);
  }

  std::size_t put_body(BytesView data) {
    if (!careful_ || !careful_->beast) {  // the head was usual: the body is counted here
      body_->append(data);
      return data.size();
    }
    bool more = false;
    return careful_->beast->put(data, more);
  }

  /// Collects the CRLF behind a chunk and the next chunk's size line; Beast takes them together.
  std::size_t step_chunk_line(BytesView data) {
    std::string& pending = careful_->chunk_line;
    std::size_t taken = 0;
    for (; behind_chunk_ && pending.size() < 2 && taken < data.size(); ++taken) {
      if (data[taken] != (pending.empty() ? '\r' : '\n')) throw Refusal{Kind::chunk, "a chunk is longer than its size"};
      pending += data[taken];
    }
    const auto prefix = behind_chunk_ ? 2U : 0U;
    if (pending.size() < prefix) return taken;
    data.remove_prefix(taken);
    const auto end = data.find('\n');
    const bool whole = end != BytesView::npos;
    const auto size = pending.size() - prefix + (whole ? end + 1 : data.size() + 1);
    if (size > limits_.chunk_line) {
      throw Refusal{Kind::chunk, "a chunk line of more than " + std::to_string(limits_.chunk_line) + " bytes"};
    }
    pending.append(data.substr(0, end + (whole ? 1 : 0)));
    if (!whole) return taken + data.size();
    on_chunk_line(std::string_view(pending).substr(prefix));
    return taken + end + 1;
  }

  void on_chunk_line(std::string_view line) {
    std::string& pending = careful_->chunk_line;
    if (!line.ends_with("\r\n"))
      throw Refusal{Kind::chunk, "a chunk line ends with LF instead of CRLF: " + quote(line)};
    line.remove_suffix(2);
    if (!is_field_value(line)) throw Refusal{Kind::chunk, "control character in a chunk line: " + quote(line)};
    bool more = false;
    careful_->beast->put(pending, more);
    if (more) {
      // Beast keeps a last chunk until its trailer is there; anything else would have been taken.
      if (!is_last_chunk(line)) throw Refusal{Kind::chunk, "wrong chunk line: " + quote(line)};
      phase_ = Phase::trailer;
      return;
    }
    pending.clear();
    behind_chunk_ = true;
    remaining_ = careful_->beast->chunk_size;
    if (remaining_ > std::numeric_limits<std::uint64_t>::max() - received_) {
      throw Refusal{Kind::chunk, "chunks larger than any number"};
    }
    received_ += remaining_;
    check_body(received_);
    phase_ = Phase::chunk_data;
  }

  std::size_t step_trailer(BytesView data) {
    std::string& pending = careful_->chunk_line;
    const auto taken = careful_->trailer_block.feed(data);
    if (!careful_->trailer_block.complete()) return taken;
    pending.append(careful_->trailer_block.text());
    bool more = false;
    careful_->beast->put(pending, more);
    if (more || !careful_->beast->is_done()) throw Refusal{Kind::chunk, "the trailer has no end"};
    phase_ = Phase::complete;
    return taken;
  }

  void check_body(std::uint64_t size) const {
    if (!body_limit_ || size <= *body_limit_) return;
    throw Refusal{Kind::body_too_large, "a body of more than " + std::to_string(*body_limit_) + " bytes"};
  }

  [[noreturn]] void refuse_truncated() const {
    std::string reason;
    if (phase_ == Phase::length) {
      reason = "the stream ended " + std::to_string(remaining_) + " bytes before the end of a body of " +
               std::to_string(framing_.length.value_or(0));
    } else if (phase_ != Phase::head) {
      reason = "the stream ended inside a chunked body";
    } else {
      reason = idle() ? "the stream ended before it" : "the stream ended inside the head";
    }
    throw Refusal{Kind::truncated, reason};
  }

  ParserLimits limits_;
  Head head_;
  Framing framing_;
  std::string* body_ = nullptr;  // where body bytes go
  std::string request_method_;   // whose response this is
  std::string known_host_;       // was found valid in an earlier request of this connection
  std::optional<std::uint64_t> body_limit_;
  std::uint64_t remaining_ = 0;  // of the body, or of the present chunk
  std::uint64_t received_ = 0;   // body bytes so far, where the head does not tell their number
  int informational_ = 0;
  int last_informational_ = 0;
  Phase phase_ = Phase::head;
  bool to_eof_ = false;
  bool keep_alive_ = false;
  bool behind_chunk_ = false;  // the CRLF behind a chunk's data comes next
  std::unique_ptr<CarefulParser<Head>> careful_;
  std::optional<ParserError> failure_;
};

}  // namespace tutti::http::detail
