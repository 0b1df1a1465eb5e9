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

FileMode FileMode::parse(const std::string& text) {
  const auto refuse = [&](const char* why) { throw ValueError("open: " + std::string(why) + ": '" + text + "'"); };
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

}  // namespace detail

namespace files {

UnsupportedOperation::~UnsupportedOperation() = default;

Coro<File> open(std::string path, std::string mode, OpenOptions options) {
  const detail::FileMode parsed = detail::FileMode::parse(mode);
  auto request = detail::path_request("open", path);
  request->prepare_openat(AT_FDCWD, request->path.c_str(), static_cast<std::uint32_t>(parsed.open_flags),
                          options.permissions);
  const int result = co_await detail::RequestWait(request);
  if (result < 0) detail::throw_path_error(-result, "open", path);
  auto state = detail::Ref<detail::FileBase>::adopt(
      new FileState(get_running_loop(), std::move(request->opened), std::move(path), parsed, options));
  co_return File(std::move(state));
}

File fdopen(Fd descriptor, std::string mode, OpenOptions options) {
  const detail::FileMode parsed = detail::FileMode::parse(mode);
  std::string name = "<fd " + std::to_string(descriptor.get()) + ">";
  return File(detail::Ref<detail::FileBase>::adopt(
      new FileState(get_running_loop(), std::move(descriptor), std::move(name), parsed, options)));
}

File::~File() {
  if (state_) FileState::of(state_).begin_close();
}

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
