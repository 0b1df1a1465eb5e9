// SPDX-License-Identifier: MIT
#include "file_sending.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <memory>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <tutti/task/executor.hpp>

#include "socket_calls.hpp"

namespace tutti::detail {
namespace {

constexpr std::size_t kMostAtOnce = std::size_t{1} << 20U;  // of a sendfile(2): the loop has others to serve
constexpr std::size_t kFallbackPiece = std::size_t{256} * 1024;

std::size_t at_most(const SendfileOptions& options, std::size_t sent, std::size_t limit) {
  return options.count ? std::min(limit, *options.count - sent) : limit;
}

/// Leaves the file where the sending has ended, however it ended.
struct Position {
  int file;
  std::uint64_t offset;
  std::size_t sent = 0;

  Position(int descriptor, std::uint64_t begin) noexcept : file(descriptor), offset(begin) {}
  Position(const Position&) = delete;
  Position& operator=(const Position&) = delete;
  ~Position() {
    if (sent != 0) ::lseek(file, static_cast<off_t>(offset + sent), SEEK_SET);
  }
};

bool is_unavailable(int error) {
  return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == ESPIPE || error == EOVERFLOW;
}

}  // namespace

void check_sendfile_options(const SendfileOptions& options, const std::string& operation) {
  if (options.count == 0U) throw ValueError(operation + ": count must be positive");
  if (options.offset > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    throw ValueError(operation + ": no file has such an offset");
  }
}

Coro<std::size_t> send_file_natively(int socket, int file, SendfileOptions options, std::string context) {
  Position position(file, options.offset);
  for (;;) {
    const std::size_t count = at_most(options, position.sent, kMostAtOnce);
    if (count == 0) co_return position.sent;
    auto offset = static_cast<off_t>(options.offset + position.sent);
    const ssize_t sent = send_file_now(socket, file, offset, count);
    if (sent == 0) co_return position.sent;  // the end of the file
    if (sent > 0) {
      position.sent += static_cast<std::size_t>(sent);
    } else if (errno != EINTR && !must_wait(errno)) {
      if (position.sent == 0 && is_unavailable(errno))
        throw SendfileNotAvailableError("sendfile cannot send this file");
      throw_os_error(errno, context);
    }
    co_await wait_ready(socket, POLLOUT);
  }
}

namespace {

/// Reads a piece. What is no file with positions is read as it comes.
std::string read_piece(int file, std::uint64_t offset, std::size_t count) {
  std::string piece(count, '\0');
  for (;;) {
    ssize_t got = ::pread(file, piece.data(), count, static_cast<off_t>(offset));
    if (got < 0 && errno == ESPIPE) got = ::read(file, piece.data(), count);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_os_error(errno, "sendfile: read descriptor " + std::to_string(file));
    piece.resize(static_cast<std::size_t>(got));
    return piece;
  }
}

}  // namespace

Coro<std::size_t> send_file_by_copying(int file, SendfileOptions options, MoveOnlyFunction<Coro<>(std::string)> send) {
  // A thread that reads may go on after a cancellation, when the file was closed.
  const auto own = std::make_shared<const Fd>(::fcntl(file, F_DUPFD_CLOEXEC, 0));
  if (!*own) throw_os_error(errno, "sendfile of descriptor " + std::to_string(file));
  Position position(file, options.offset);
  for (;;) {
    const std::size_t count = at_most(options, position.sent, kFallbackPiece);
    if (count == 0) co_return position.sent;
    std::string piece = co_await run_in_executor(
        [own, offset = options.offset + position.sent, count] { return read_piece(own->get(), offset, count); });
    if (piece.empty()) co_return position.sent;
    const std::size_t size = piece.size();
    co_await send(std::move(piece));
    position.sent += size;
  }
}

}  // namespace tutti::detail
