// SPDX-License-Identifier: MIT
// What the functions on sockets share: waiting, naming, memory to receive into.
#pragma once

#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>

#include <sys/types.h>

#include <tutti/base/bytes.hpp>
#include <tutti/base/error.hpp>
#include <tutti/io/address.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::detail {

/// Waits for poll(2) to report `events`, an error or a hang-up.
[[nodiscard]] Coro<> wait_ready(int descriptor, short events);

/// The peer's address, empty if there is none.
[[nodiscard]] Address peer_address(int descriptor);
/// For messages: the peer's address, else its own, else "descriptor N".
[[nodiscard]] std::string describe_socket(int descriptor);

enum class Blocking { refused, refused_in_debug_mode };

/// What each function on a raw socket looks at before it begins. *Errors*: `RuntimeError` if a transport has it;
/// `ValueError` if it is blocking and that is refused; `OSError` if it is not open.
void check_socket(int descriptor, const char* operation, Blocking blocking = Blocking::refused_in_debug_mode);

/// connect(2) of a datagram socket, which only notes the address and does not wait. *Errors*: `OSError`.
void connect_datagrams(int descriptor, const Address& address);

/// Whether a call that failed with `error` is to be made again when the descriptor is ready.
[[nodiscard]] inline bool must_wait(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

/// Memory of a loop for one system call: big enough for any datagram, and kept by nobody.
class ReceiveBuffer final : public lowlevel::Service {
 public:
  static constexpr std::size_t kSize = std::size_t{256} * 1024;
  explicit ReceiveBuffer(EventLoop&) : memory_(new char[kSize]) {}
  [[nodiscard]] MutableBytes memory() const noexcept { return {memory_.get(), kSize}; }

 private:
  std::unique_ptr<char[]> memory_;
};

/// Makes `call`, a system call that does not block, until it need not wait; gives its result.
/// *Errors*: `OSError` with `context()`.
template <class Call, class Context>
Coro<std::size_t> call_when_ready(int descriptor, short events, Call call, Context context) {
  for (;;) {
    const ssize_t result = call();
    if (result >= 0) co_return static_cast<std::size_t>(result);
    const int error = errno;  // context() makes system calls too
    if (error == EINTR) continue;
    if (!must_wait(error)) throw_os_error(error, context());
    co_await wait_ready(descriptor, events);
  }
}

/// sendfile(2) without the signal SIGPIPE.
[[nodiscard]] ssize_t send_file_now(int socket, int file, off_t& offset, std::size_t count) noexcept;

}  // namespace tutti::detail
