// SPDX-License-Identifier: MIT
#include <tutti/fs/file.hpp>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "file_state.hpp"
#include "paths.hpp"

namespace tutti {

using detail::FileState;

namespace detail {

FileMode FileMode::parse(const std::string& text, const std::string& context) {
  const auto refuse = [&](const char* why) { throw ValueError(context + ": " + why + ": '" + text + "'"); };
  FileMode mode;
  char kind = '\0';
  bool plus = false;
  bool bytes = false;
  for (const char c : text) {
    switch (c) {
      case 'r':
      case 'w':
      case 'a':
      case 'x':
        if (kind != '\0') refuse("a mode has exactly one of r, w, a, x");
        kind = c;
        break;
      case '+':
      case 'b':
        if (std::exchange(c == '+' ? plus : bytes, true)) refuse("invalid mode");
        break;
      default: refuse("invalid mode");
    }
  }
  if (kind == '\0') refuse("a mode has exactly one of r, w, a, x");
  mode.readable = kind == 'r' || plus;
  mode.writable = kind != 'r' || plus;
  mode.appending = kind == 'a';
  mode.creating = kind == 'x';
  mode.open_flags = O_CLOEXEC | (plus ? O_RDWR : kind == 'r' ? O_RDONLY : O_WRONLY);
  if (kind != 'r') mode.open_flags |= O_CREAT;
  if (kind == 'w') mode.open_flags |= O_TRUNC;
  if (kind == 'a') mode.open_flags |= O_APPEND;
  if (kind == 'x') mode.open_flags |= O_EXCL;
  return mode;
}

files::File FileAccess::make(Fd descriptor, std::string name, const FileMode& mode, files::OpenOptions options) {
  return files::File(
      Ref<FileBase>::adopt(new FileState(get_running_loop(), std::move(descriptor), std::move(name), mode, options)));
}

}  // namespace detail

namespace files {

UnsupportedOperation::~UnsupportedOperation() = default;

Coro<File> open(std::string path, std::string mode, OpenOptions options) {
  const detail::FileMode parsed = detail::FileMode::parse(mode, "open " + detail::shown(path));
  Fd descriptor = co_await detail::open_path(path, parsed.open_flags, options.permissions);
  co_return detail::FileAccess::make(std::move(descriptor), std::move(path), parsed, options);
}

File fdopen(Fd descriptor, std::string mode, OpenOptions options) {
  std::string name = "<fd " + std::to_string(descriptor.get()) + ">";
  const detail::FileMode parsed = detail::FileMode::parse(mode, "fdopen " + name);
  return detail::FileAccess::make(std::move(descriptor), std::move(name), parsed, options);
}

File::~File() {
  if (state_) FileState::of(state_).begin_close();
}

// ---- calls ----

detail::ReadCall File::read(std::size_t count) { return detail::ReadCall(state_, count); }
detail::ReadCall File::read() { return read(kAll); }
detail::ReadIntoCall File::readinto(MutableBytes memory) { return detail::ReadIntoCall(state_, memory); }
detail::ReadLineCall File::readline(std::size_t most) { return detail::ReadLineCall(state_, most); }
detail::NextCall File::next() { return detail::NextCall(state_); }
detail::WriteCall File::write(std::string data) { return detail::WriteCall(state_, std::move(data)); }
detail::SeekCall File::seek(std::int64_t offset, Whence from) { return detail::SeekCall(state_, offset, from); }
detail::SeekCall File::tell() { return seek(0, Whence::current); }
detail::PreadCall File::pread(std::size_t count, std::uint64_t offset) {
  return detail::PreadCall(state_, count, offset);
}
detail::PreadIntoCall File::preadinto(MutableBytes memory, std::uint64_t offset) {
  return detail::PreadIntoCall(state_, memory, offset);
}

using Calls = detail::FileCalls;

Coro<std::string> File::read1(std::size_t count) { return Calls::read1(state_, count); }
Coro<std::vector<std::string>> File::readlines(std::size_t hint) { return Calls::readlines(state_, hint); }
AsyncGenerator<std::string> File::lines() { return Calls::lines(state_); }
Coro<std::string> File::peek() { return Calls::peek(state_); }
Coro<> File::writelines(std::vector<std::string> lines) { return Calls::writelines(state_, std::move(lines)); }
Coro<> File::flush() { return Calls::flush(state_); }
Coro<> File::fsync() { return Calls::sync(state_, false); }
Coro<> File::fdatasync() { return Calls::sync(state_, true); }
Coro<std::uint64_t> File::truncate(std::optional<std::uint64_t> size) { return Calls::truncate(state_, size); }
Coro<std::size_t> File::pwrite(std::string data, std::uint64_t offset) {
  return Calls::pwrite(state_, std::move(data), offset);
}
Coro<> File::close() { return Calls::close(state_); }
Coro<Stat> File::stat() { return Calls::stat(state_); }
Coro<std::uint64_t> File::size() { return Calls::size(state_); }
Coro<> File::exit(std::exception_ptr) { return close(); }

// ---- what needs no waiting ----

namespace {

FileState& open_file(const detail::Ref<detail::FileBase>& state, const char* operation) {
  FileState& file = FileState::of(state);
  file.check_open(operation);
  return file;
}

}  // namespace

bool File::closed() const noexcept { return !state_ || FileState::of(state_).closing(); }
int File::fileno() const { return open_file(state_, "fileno").fileno(); }
bool File::readable() const { return open_file(state_, "readable").mode().readable; }
bool File::writable() const { return open_file(state_, "writable").mode().writable; }
bool File::seekable() const { return open_file(state_, "seekable").seekable(); }
bool File::isatty() const { return ::isatty(open_file(state_, "isatty").fileno()) == 1; }
const std::string& File::name() const { return FileState::of(state_).name(); }

std::string File::mode() const {
  const detail::FileMode& mode = FileState::of(state_).mode();
  const bool both = mode.readable && mode.writable;
  std::string text = mode.creating ? "xb" : mode.appending ? "ab" : mode.readable ? "rb" : "wb";
  if (both) text += '+';
  return text;
}

Coro<File&> File::enter() { co_return *this; }

}  // namespace files

}  // namespace tutti
