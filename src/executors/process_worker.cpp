// SPDX-License-Identifier: MIT
#include "executors/process_worker.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <tutti/executors/process_call.hpp>

#include "executors/process_wire.hpp"
#include "executors/remote_error.hpp"

namespace tutti::detail {
namespace {

/// Ctrl-C at the terminal reaches workers too. It is to end the call that runs, and not to harm a worker that waits. A function that
/// chooses another disposition, as an initializer may, has its way.
class InterruptSwitch {
 public:
  void call_begins() noexcept {
    if (ours_) set(SIG_DFL);
  }
  void call_has_ended() noexcept {
    struct sigaction present{};
    ::sigaction(SIGINT, nullptr, &present);
    ours_ = present.sa_handler == SIG_DFL;
    if (ours_) set(SIG_IGN);
  }

 private:
  static void set(void (*handler)(int)) noexcept {
    struct sigaction action{};
    action.sa_handler = handler;
    ::sigaction(SIGINT, &action, nullptr);
  }
  bool ours_ = true;  // the server ignores it, and so does a new worker
};

bool receive_all(int socket, char* data, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t count = ::recv(socket, data, size, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    data += count;
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

bool send_all(int socket, const char* data, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t count = ::send(socket, data, size, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    data += count;
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

std::optional<std::string> receive_call(int socket) {
  std::uint64_t size = 0;
  if (!receive_all(socket, reinterpret_cast<char*>(&size), sizeof size)) return std::nullopt;
  std::string call(static_cast<std::size_t>(size), '\0');
  if (!receive_all(socket, call.data(), call.size())) return std::nullopt;
  return call;
}

std::string make_call(const std::string& call) {
  try {
    ByteReader in(call);
    const auto entry = reinterpret_cast<ProcessEntry>(const_cast<void*>(read_code_address(in)));
    ByteWriter out;
    out.write(ReplyKind::result);
    entry(in, out);
    return std::move(out).bytes();
  } catch (...) {
    ByteWriter out;
    out.write(ReplyKind::error);
    write_exception(out, std::current_exception());
    return std::move(out).bytes();
  }
}

bool send_reply(int socket, const std::string& reply) noexcept {
  const std::uint64_t size = reply.size();
  return send_all(socket, reinterpret_cast<const char*>(&size), sizeof size) &&
         send_all(socket, reply.data(), reply.size());
}

}  // namespace

// It leaves without the destructors of statics and without functions of atexit: those are the program's, and it is not the program.
void run_worker(int socket) noexcept {
  InterruptSwitch interrupts;
  while (std::optional<std::string> call = receive_call(socket)) {
    interrupts.call_begins();
    const std::string reply = make_call(*call);
    interrupts.call_has_ended();
    call.reset();
    std::fflush(nullptr);  // what the call has printed is there before its result
    if (!send_reply(socket, reply)) break;
  }
  ::_exit(0);
}

}  // namespace tutti::detail
