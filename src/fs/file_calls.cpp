// SPDX-License-Identifier: MIT
// What each call on a file does: at once, if it is the file's turn and all is at hand, or as a coroutine.
#include <algorithm>
#include <cstring>

#include "file_state.hpp"

namespace tutti::detail {
namespace {

using Need = FileState::Need;
using Turn = FileState::Turn;

constexpr std::size_t kAll = static_cast<std::size_t>(-1);

/// What a read still lacks of `count` bytes.
struct Lack {
  std::size_t count = 0;
  bool exactly = false;
};

Lack lack(const FileState& file, std::size_t present, std::size_t count) {
  if (count != kAll) return {count - std::min(count, present), false};
  // One more than there is, to see the end without more room.
  if (const auto rest = file.expected_rest()) return {*rest + 1, true};
  return {std::max<std::size_t>(present, 4096), false};
}

/// Takes the next line out of the buffer; nothing if it is not there yet. `searched` bytes are known to hold no end
/// of it.
std::optional<std::string> take_line(FileState& file, std::size_t most, std::size_t& searched) {
  ReadBuffer& in = file.in();
  const std::size_t limit = file.options().line_limit.value_or(kAll);
  const BytesView view = in.view().substr(0, most);
  const std::size_t end = view.find('\n', searched);
  const std::size_t size = end == BytesView::npos ? view.size() : end + 1;
  if (size > limit) {
    throw LimitOverrunError(
        "readline " + file.name() + ": the line is longer than the limit of " + std::to_string(limit) + " bytes", size);
  }
  if (end != BytesView::npos || size == most) return in.take(size);
  searched = size;
  return std::nullopt;
}

/// With the turn.
Coro<> prepare_to_read(FileState& file) {
  if (file.unwritten() != 0) co_await file.flush();
}

/// Whether the buffers may be used without asking for a turn.
bool may_read(FileState& file, const char* operation) {
  file.check(operation, Need::reading);
  return file.is_free() && file.unwritten() == 0;
}

Coro<> fill_up_to(FileState& file, std::size_t count) {
  while (file.in().size() < count) {
    const auto [missing, exactly] = lack(file, file.in().size(), count);
    if (co_await file.fill(missing, exactly) == 0) break;
  }
}

bool fill_up_to_now(FileState& file, std::size_t count) {
  while (file.in().size() < count) {
    const auto [missing, exactly] = lack(file, file.in().size(), count);
    const auto got = file.fill_now(missing, exactly);
    if (!got) return false;
    if (*got == 0) break;
  }
  return true;
}

Coro<std::string> read_line(FileState& file, std::size_t most) {
  std::size_t searched = 0;
  for (;;) {
    if (auto line = take_line(file, most, searched)) co_return std::move(*line);
    if (co_await file.fill(1) == 0) co_return file.in().take(most);
  }
}

std::size_t copy_out(ReadBuffer& in, MutableBytes memory) {
  const std::size_t count = std::min(in.size(), memory.size());
  if (count != 0) std::memcpy(memory.data(), in.view().data(), count);
  in.consume(count);
  return count;
}

/// What is large goes straight to where it is wanted; if not all is at hand, what had come goes to the buffer after
/// all.
bool read_past_buffer(FileState& file, std::optional<std::size_t>& result, MutableBytes memory) {
  std::size_t done = 0;
  while (done < memory.size()) {
    const auto got = file.read_now(memory.subspan(done));
    if (!got && done != 0) {
      std::memcpy(file.in().room(done).data(), memory.data(), done);
      file.in().commit(done);
    }
    if (!got) return false;
    if (*got == 0) break;
    done += *got;
  }
  result = done;
  return true;
}

std::optional<std::string> none_if_empty(std::string line) {
  if (line.empty()) return std::nullopt;
  return line;
}

}  // namespace

// ---- read ----

bool FileCalls::read_now(const Self& self, std::optional<std::string>& result, std::size_t count) {
  FileState& file = FileState::of(self);
  if (!may_read(file, "read") || !fill_up_to_now(file, count)) return false;
  result = file.in().take(count);
  return true;
}

Coro<std::string> FileCalls::read_later(Self self, std::size_t count) {
  FileState& file = FileState::of(self);
  const Turn turn = co_await file.take_turn("read", Need::reading);
  co_await prepare_to_read(file);
  co_await fill_up_to(file, count);
  co_return file.in().take(count);
}

bool FileCalls::readinto_now(const Self& self, std::optional<std::size_t>& result, MutableBytes memory) {
  FileState& file = FileState::of(self);
  if (!may_read(file, "readinto")) return false;
  if (file.in().empty() && memory.size() >= file.options().buffer_size) return read_past_buffer(file, result, memory);
  if (!fill_up_to_now(file, memory.size())) return false;
  result = copy_out(file.in(), memory);
  return true;
}

Coro<std::size_t> FileCalls::readinto_later(Self self, MutableBytes memory) {
  FileState& file = FileState::of(self);
  const Turn turn = co_await file.take_turn("readinto", Need::reading);
  co_await prepare_to_read(file);
  if (file.in().empty() && memory.size() >= file.options().buffer_size) {
    co_await file.wait_for_budget();
    std::optional<std::size_t> result;
    if (read_past_buffer(file, result, memory)) co_return *result;
  }
  co_await fill_up_to(file, memory.size());
  co_return copy_out(file.in(), memory);
}

// ---- lines ----

bool FileCalls::readline_now(const Self& self, std::optional<std::string>& result, std::size_t most) {
  FileState& file = FileState::of(self);
  if (!may_read(file, "readline")) return false;
  for (std::size_t searched = 0;;) {
    result = take_line(file, most, searched);
    if (result) return true;
    const auto got = file.fill_now(1);
    if (!got) return false;
    if (*got != 0) continue;
    result = file.in().take(most);
    return true;
  }
}

Coro<std::string> FileCalls::readline_later(Self self, std::size_t most) {
  FileState& file = FileState::of(self);
  const Turn turn = co_await file.take_turn("readline", Need::reading);
  co_await prepare_to_read(file);
  co_return co_await read_line(file, most);
}

bool FileCalls::next_now(const Self& self, std::optional<std::optional<std::string>>& result) {
  std::optional<std::string> line;
  if (!readline_now(self, line, kAll)) return false;
  result.emplace(none_if_empty(std::move(*line)));
  return true;
}

Coro<std::optional<std::string>> FileCalls::next_later(Self self) {
  co_return none_if_empty(co_await readline_later(std::move(self), kAll));
}

// ---- write ----

bool FileCalls::write_now(const Self& self, std::optional<std::size_t>& result, std::string& data) {
  FileState& file = FileState::of(self);
  file.check("write", Need::writing);
  if (!file.is_free() || !file.write_now(data)) return false;
  result = data.size();
  return true;
}

Coro<std::size_t> FileCalls::write_later(Self self, std::string data) {
  FileState& file = FileState::of(self);
  const Turn turn = co_await file.take_turn("write", Need::writing);
  const std::size_t size = data.size();
  co_await file.write(std::move(data));
  co_return size;
}

// ---- position ----

bool FileCalls::seek_now(const Self& self, std::optional<std::uint64_t>& result, std::int64_t offset,
                         files::Whence from) {
  FileState& file = FileState::of(self);
  const bool tells = offset == 0 && from == files::Whence::current;
  file.check(tells ? "tell" : "seek");
  if (!file.is_free() || (!tells && file.unwritten() != 0)) return false;
  result = file.seek(offset, from);
  return true;
}

Coro<std::uint64_t> FileCalls::seek_later(Self self, std::int64_t offset, files::Whence from) {
  FileState& file = FileState::of(self);
  const Turn turn = co_await file.take_turn("seek", Need::nothing);
  if (file.unwritten() != 0 && !(offset == 0 && from == files::Whence::current)) co_await file.flush();
  co_return file.seek(offset, from);
}

// ---- at an offset ----

bool FileCalls::preadinto_now(const Self& self, std::optional<std::size_t>& result, MutableBytes memory,
                              std::uint64_t offset) {
  FileState& file = FileState::of(self);
  file.check("pread", Need::reading);
  if (!file.is_free(true) || file.unwritten() != 0) return false;
  std::size_t done = 0;
  while (done < memory.size()) {
    const auto got = file.read_at_now(memory.subspan(done), offset + done);
    if (!got) return false;
    if (*got == 0) break;
    done += *got;
  }
  result = done;
  return true;
}

Coro<std::size_t> FileCalls::preadinto_later(Self self, MutableBytes memory, std::uint64_t offset) {
  FileState& file = FileState::of(self);
  const bool shared = file.is_free(true) && file.unwritten() == 0;
  const Turn turn = co_await file.take_turn("pread", Need::reading, shared);
  co_await prepare_to_read(file);
  std::size_t done = 0;
  while (done < memory.size()) {
    const std::size_t got = co_await file.read_at(memory.subspan(done), offset + done);
    done += got;
    if (file.ends_with(got)) break;
  }
  co_return done;
}

bool FileCalls::pread_now(const Self& self, std::optional<std::string>& result, std::size_t count,
                          std::uint64_t offset) {
  std::string data(count, '\0');
  std::optional<std::size_t> got;
  if (!preadinto_now(self, got, data, offset)) return false;
  data.resize(*got);
  result = std::move(data);
  return true;
}

Coro<std::string> FileCalls::pread_later(Self self, std::size_t count, std::uint64_t offset) {
  std::string data(count, '\0');
  data.resize(co_await preadinto_later(std::move(self), data, offset));
  co_return data;
}

}  // namespace tutti::detail
