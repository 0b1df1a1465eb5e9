// SPDX-License-Identifier: MIT
// What we refuse although a parser would let it pass, and all limits: the rules by which a message is read in one way only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tutti/base/bytes.hpp>
#include <tutti/http/message.hpp>
#include <tutti/http/parser.hpp>

namespace tutti::http::detail {

/// Thrown inside the parser; it leaves it as a `ParserError` that also says whose message it was.
struct Refusal {
  ParserErrorKind kind;
  std::string reason;
};

/// What a block of lines may have at most.
struct BlockLimits {
  std::size_t start_line;
  std::size_t field;
  std::size_t fields;
  std::size_t total;
};

enum class BlockKind : std::uint8_t { request, response, trailer };

/// Collects a start line (unless it is a trailer) and field lines up to the empty line, and checks the bytes of each line:
/// its end is CRLF and nothing else, no control characters, no folded lines, a name that is a token with a colon behind it.
/// The result does not depend on where the input was cut: a line is judged when it is complete or longer than allowed.
class LineBlock {
 public:
  LineBlock(BlockKind kind, const BlockLimits& limits) noexcept : limits_(limits), kind_(kind) {}

  /// Takes bytes, not further than the end of the block; says how many.
  std::size_t feed(BytesView data);
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  /// The whole block with the empty line, once complete; valid until the bytes given last, or this object, change.
  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  [[nodiscard]] bool empty() const noexcept { return buffer_.size() == begin_; }
  void clear() noexcept;

 private:
  bool scan(std::string_view bytes);
  void check_first_byte(char c) const;
  void check_line(std::string_view line);
  void check_field_line(std::string_view line) const;
  [[noreturn]] void refuse_long_line(bool whole_block) const;
  [[nodiscard]] std::size_t budget(bool& whole_block) const noexcept;
  [[nodiscard]] bool in_start_line() const noexcept { return kind_ != BlockKind::trailer && lines_ == 0; }
  [[nodiscard]] ParserErrorKind line_error() const noexcept;

  BlockLimits limits_;
  std::string buffer_;
  std::string_view text_;
  std::size_t begin_ = 0;       // behind an empty line that was skipped
  std::size_t line_begin_ = 0;  // of the line that is being collected
  std::size_t scanned_ = 0;     // no line ends before this
  std::size_t lines_ = 0;
  BlockKind kind_;
  bool complete_ = false;
};

/// Throws a `Refusal` unless it is exactly one request line, without its CRLF.
void check_request_line(std::string_view line);

/// The same for a status line. Says whether it lacks the space behind the status, which servers forget when they give no
/// reason; that is the one thing forgiven.
[[nodiscard]] bool status_line_lacks_space(std::string_view line);

/// Whether it is "host" or "host:port".
[[nodiscard]] bool is_authority(std::string_view text) noexcept;

/// The target's form fits the method, and `Host` is there once, valid, and the same as in an absolute target.
void check_target_and_host(const RequestHead& head);

/// How the body is delimited, as far as the fields say.
struct Framing {
  bool chunked = false;
  std::optional<std::uint64_t> length;
};

/// Throws a `Refusal` unless there is at most one way to read the fields.
[[nodiscard]] Framing check_framing(Version version, const Headers& headers);

}  // namespace tutti::http::detail
