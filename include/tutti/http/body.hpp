// SPDX-License-Identifier: MIT
// Bodies of messages: what is sent, and the stream of what comes.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tutti/base/function.hpp>
#include <tutti/task/async_generator.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::http {

/// How a type becomes JSON and comes from it: `static std::string encode(const T&)`, `static T
/// decode(std::string_view)`, which throws `JsonError`. `<tutti/http/json.hpp>` defines it for all that nlohmann::json
/// knows: include that where JSON is used. For another library, or for types of your own, specialise it.
template <class T>
struct JsonCodec;

/// Stands for "any JSON value" until `<tutti/http/json.hpp>` says what that is.
struct AnyJson;

namespace detail {
template <class T>
using JsonDecoded = decltype(JsonCodec<T>::decode(std::string_view()));
}

/// A body to send: nothing, bytes, or pieces that an async generator gives one by one (sent as chunks).
class Body {
 public:
  using Pieces = AsyncGenerator<std::string>;

  Body() noexcept = default;
  template <class Text>
    requires(std::convertible_to<Text, std::string> || std::convertible_to<Text, std::string_view>)
  Body(Text&& text) : kind_(Kind::bytes) {  // NOLINT(google-explicit-constructor): a text is a body
    if constexpr (std::convertible_to<Text, std::string>) {
      bytes_ = std::forward<Text>(text);
    } else {
      bytes_ = std::string_view(text);
    }
  }
  /// Pieces that can be sent once.
  Body(Pieces pieces) : Body([pieces = std::move(pieces)] { return pieces; }) {  // NOLINT(google-explicit-constructor)
    repeatable_ = false;
  }
  /// A callable that makes the generator, each time that the body is sent. It is kept alive, so it may be a lambda with
  /// captures.
  template <class F>
    requires(std::is_invocable_r_v<Pieces, F&> && !std::same_as<std::remove_cvref_t<F>, Body>)
  Body(F function)  // NOLINT(google-explicit-constructor): it is called later, that is all
      : kind_(Kind::pieces), make_(std::make_shared<MoveOnlyFunction<Pieces()>>(std::move(function))) {}

  [[nodiscard]] bool empty() const noexcept { return kind_ == Kind::nothing; }
  [[nodiscard]] bool streamed() const noexcept { return kind_ == Kind::pieces; }
  /// Whether it can be sent a second time, to follow a redirect.
  [[nodiscard]] bool repeatable() const noexcept { return repeatable_; }
  /// The bytes, if it is not streamed.
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::string take_bytes() noexcept { return std::move(bytes_); }
  /// The pieces, if it is streamed. *Lifetime*: this body must outlive them.
  [[nodiscard]] Pieces pieces() const { return (*make_)(); }

 private:
  enum class Kind : unsigned char { nothing, bytes, pieces };

  Kind kind_ = Kind::nothing;
  bool repeatable_ = true;
  std::string bytes_;
  std::shared_ptr<MoveOnlyFunction<Pieces()>> make_;
};

/// Where the bytes of a body come from.
class BodySource {
 public:
  virtual ~BodySource();
  /// Waits for more, and appends it to `out`; false if the body has ended with that.
  [[nodiscard]] virtual Coro<bool> fill(std::string& out) = 0;
  /// The same for what has come already, without waiting.
  [[nodiscard]] virtual bool fill_ready(std::string& out) = 0;
};

/// The body of a message that comes in, decoded from its chunks. Nothing is read unless somebody asks for it.
///
/// *Errors* of each read: of a client see `ClientResponse`, of a server `Request`. *Cancellation*: no byte is lost, the
/// next read finds them. *Concurrency*: one reading coroutine at a time. *Source*: aiohttp's StreamReader.
class BodyStream {
 public:
  /// `source` must outlive the coroutines of this stream.
  explicit BodyStream(BodySource& source) noexcept : source_(&source) {}
  BodyStream(const BodyStream&) = delete;
  BodyStream& operator=(const BodyStream&) = delete;

  /// All the rest.
  [[nodiscard]] Coro<std::string> read();
  /// At most `count` bytes, as soon as there is one; empty at the end, or for 0.
  [[nodiscard]] Coro<std::string> read(std::size_t count);
  /// What has come, at least one byte; empty at the end.
  [[nodiscard]] Coro<std::string> readany();
  /// Exactly `count` bytes. *Errors*: `IncompleteReadError` at the end.
  [[nodiscard]] Coro<std::string> readexactly(std::size_t count);
  /// A line with its "\n"; the last one may lack it; empty at the end. *Errors*: `ValueError` if it is longer than
  /// `limit`.
  [[nodiscard]] Coro<std::string> readline(std::size_t limit = std::size_t{64} * 1024);
  /// The next piece, as it comes; nothing at the end: `while (auto chunk = co_await response.content().next())`.
  [[nodiscard]] Coro<std::optional<std::string>> next();

  /// Whether the end was reached and all was read.
  [[nodiscard]] bool at_eof() const noexcept { return ended_ && begin_ == buffer_.size(); }
  /// What has come and was not read.
  [[nodiscard]] std::string_view buffered() const noexcept { return std::string_view(buffer_).substr(begin_); }

  /// Takes over what has come already; true if that is all there will be. *Errors*: as a read.
  bool take_ready();

 private:
  [[nodiscard]] Coro<> fill();
  void compact();
  [[nodiscard]] std::string take(std::size_t count);

  BodySource* source_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what was not read
  bool ended_ = false;
};

}  // namespace tutti::http
