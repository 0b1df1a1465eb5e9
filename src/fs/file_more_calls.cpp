// SPDX-License-Identifier: MIT
// The calls on a file that are always coroutines.
#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "file_state.hpp"

namespace tutti::detail {

using Need = FileState::Need;
using Turn = FileState::Turn;

// ---- reading ----

Coro<std::string> FileCalls::read1(Self self, std::size_t count) {
  constexpr std::size_t kUnbuffered = std::size_t{64} * 1024;
  FileState& file = FileState::of(self);
  const Turn turn = co_await file.take_turn("read1", Need::reading);
  co_await file.flush();
  if (file.in().empty() && count != 0) co_await file.fill(std::min(count, kUnbuffered));
  co_return file.in().take(count);
}

Coro<std::string> FileCalls::peek(Self self) {
  FileState& file = FileState::of(self);
  const Turn turn = co_await file.take_turn("peek", Need::reading);
  co_await file.flush();
  if (file.in().empty()) co_await file.fill(1);
  co_return std::string(file.in().view());
}

Coro<std::vector<std::string>> FileCalls::readlines(Self self, std::size_t hint) {
  FileState& file = FileState::of(self);
  const Turn turn = co_await file.take_turn("readlines", Need::reading);
  co_await file.flush();
  if (hint == 0) hint = static_cast<std::size_t>(-1);
  // All is read before anything is taken, so that a cancellation loses nothing.
  std::size_t end = 0;
  for (std::size_t searched = 0; end <= hint;) {
    const std::size_t found = file.in().view().find('\n', searched);
    if (found != BytesView::npos) {
      end = searched = found + 1;
      continue;
    }
    searched = file.in().size();
    if (co_await file.fill(1) != 0) continue;
    end = searched;
    break;
  }
  std::vector<std::string> lines;
  while (end != 0) {
    lines.push_back(file.in().take(std::min(file.in().view().find('\n'), end - 1) + 1));
    end -= lines.back().size();
  }
  co_return lines;
}

AsyncGenerator<std::string> FileCalls::lines(Self self) {
  while (auto line = co_await NextCall(self)) {
    co_yield std::move(*line);
  }
}

// ---- writing ----

Coro<> FileCalls::writelines(Self self, std::vector<std::string> lines) {
  std::string all;
  for (const std::string& line : lines) all += line;
  FileState& file = FileState::of(self);
  const Turn turn = co_await file.take_turn("writelines", Need::writing);
  co_await file.write(std::move(all));
}

Coro<> FileCalls::flush(Self self) {
  FileState& file = FileState::of(self);
  const Turn turn = co_await file.take_turn("flush", Need::nothing);
  co_await file.flush();
}

Coro<> FileCalls::sync(Self self, bool data_only) {
  FileState& file = FileState::of(self);
  const Turn turn = co_await file.take_turn("fsync", Need::nothing);
  co_await file.flush();
  co_await file.sync(data_only);
}

Coro<std::uint64_t> FileCalls::truncate(Self self, std::optional<std::uint64_t> size) {
  FileState& file = FileState::of(self);
  const Turn turn = co_await file.take_turn("truncate", Need::writing);
  co_await file.flush();
  file.rewind();
  const std::uint64_t length = size ? *size : file.seek(0, files::Whence::current);
  co_await file.in_thread("truncate", [fd = file.fileno(), length] {
    return ::ftruncate(fd, static_cast<off_t>(length)) == 0 ? 0 : -errno;
  });
  co_return length;
}

Coro<std::size_t> FileCalls::pwrite(Self self, std::string data, std::uint64_t offset) {
  FileState& file = FileState::of(self);
  const Turn turn = co_await file.take_turn("pwrite", Need::writing);
  co_await file.flush();
  file.rewind();
  const std::size_t size = data.size();
  co_await file.write_at(std::move(data), offset);
  co_return size;
}

// ---- the file ----

Coro<> FileCalls::close(Self self) {
  if (self) co_await FileState::of(self).close();
}

Coro<files::Stat> FileCalls::stat(Self self) {
  FileState& file = FileState::of(self);
  const Turn turn = co_await file.take_turn("stat", Need::nothing);
  co_await file.flush();
  co_return co_await file.stat();
}

Coro<std::uint64_t> FileCalls::size(Self self) {
  const files::Stat status = co_await stat(std::move(self));
  co_return status.size;
}

}  // namespace tutti::detail
