// SPDX-License-Identifier: MIT
#include <tutti/http/body.hpp>

#include <algorithm>

#include <tutti/base/error.hpp>

namespace tutti::http {

BodySource::~BodySource() = default;

bool BodyStream::take_ready() {
  compact();
  if (!ended_) ended_ = !source_->fill_ready(buffer_);
  return ended_;
}

Coro<> BodyStream::fill() {
  compact();
  const bool more = co_await source_->fill(buffer_);
  ended_ = !more;
}

/// Frees the memory of what was read, once that is worth the move.
void BodyStream::compact() {
  if (begin_ == buffer_.size()) {
    buffer_.clear();
    begin_ = 0;
  } else if (begin_ > buffer_.size() / 2) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
}

std::string BodyStream::take(std::size_t count) {
  if (begin_ == 0 && count >= buffer_.size()) return std::exchange(buffer_, {});
  std::string data = buffer_.substr(begin_, count);
  begin_ += data.size();
  return data;
}

Coro<std::string> BodyStream::read() {
  while (!ended_) co_await fill();
  co_return take(buffer_.size());
}

Coro<std::string> BodyStream::read(std::size_t count) {
  if (count == 0) co_return std::string();
  while (buffered().empty() && !ended_) co_await fill();
  co_return take(count);
}

Coro<std::string> BodyStream::readany() { return read(static_cast<std::size_t>(-1)); }

Coro<std::string> BodyStream::readexactly(std::size_t count) {
  while (buffered().size() < count && !ended_) co_await fill();
  std::string data = take(count);
  if (data.size() < count) throw IncompleteReadError(std::move(data), count);
  co_return data;
}

Coro<std::string> BodyStream::readline(std::size_t limit) {
  std::size_t searched = 0;
  for (;;) {
    const std::size_t at = buffered().find('\n', searched);
    if (at != std::string_view::npos && at < limit) co_return take(at + 1);
    searched = buffered().size();
    if (at != std::string_view::npos || searched > limit) {
      throw ValueError("readline: the line is longer than " + std::to_string(limit) + " bytes");
    }
    if (ended_) co_return take(searched);
    co_await fill();
  }
}

Coro<std::optional<std::string>> BodyStream::next() {
  std::string piece = co_await readany();
  if (piece.empty()) co_return std::nullopt;
  co_return std::move(piece);
}

}  // namespace tutti::http
