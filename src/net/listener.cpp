// SPDX-License-Identifier: MIT
#include "listener.hpp"

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>

#include <tutti/base/error.hpp>
#include <tutti/base/log.hpp>

#include "socket.hpp"

namespace tutti::detail {
namespace {

constexpr int kAcceptAtOnce = 32;  // connections of one turn, so that a flood does not keep out all else
constexpr auto kPause = std::chrono::milliseconds(100);
constexpr auto kLogInterval = std::chrono::seconds(1);

/// A descriptor of a loop that is given up when there are no others, to accept a connection and close it: its client
/// learns that it is not served, instead of waiting.
class SpareDescriptor final : public lowlevel::Service {
 public:
  explicit SpareDescriptor(EventLoop&) { take(); }
  void reject_one(int listener) noexcept {
    spare_.reset();
    Fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)).reset();
    take();
  }
  void log(LogLevel level, TimePoint now, const std::string& message) {
    if (last_log_ && now - *last_log_ < kLogInterval) return;
    last_log_ = now;
    tutti::log(level, "net", message);
  }

 private:
  void take() noexcept { spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }
  Fd spare_;
  std::optional<TimePoint> last_log_;
};

bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

// What is wrong with the connection that was to be accepted, and not with the socket that listens: see accept(2).
bool concerns_one_connection(int error) {
  switch (error) {
    case EAGAIN:
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ENONET: return true;
    default: return false;
  }
}

}  // namespace

Listener::Listener(EventLoop& loop, Fd socket, Ref<Acceptor> acceptor)
    : LoopMember(loop),
      loop_(&loop),
      socket_(std::move(socket)),
      acceptor_(std::move(acceptor)),
      address_(local_address(socket_)) {
  loop.claim_descriptor(socket_.get());
}

Listener::~Listener() { release_socket(); }

void Listener::start(int backlog) {
  if (started_ || stopping_) return;
  (void)loop_->service<SpareDescriptor>();
  if (::listen(socket_.get(), backlog) != 0) throw_os_error(errno, "listen " + address_.to_string());
  address_ = local_address(socket_);  // one that was not bound has a port now
  started_ = true;
  submit_accept();
}

void Listener::submit_accept() noexcept {
  peer_size_ = sizeof(peer_);
  prepare_accept(socket_.get(), peer_, &peer_size_);
  try {
    loop_->submit(*this);
    accepting_ = true;
    retain();  // the operation's
  } catch (...) {
    fail(std::current_exception());
  }
}

void Listener::run() {
  const Ref<Listener> self = Ref<Listener>::adopt(this);
  accepting_ = false;
  int error = 0;
  if (result < 0) {
    error = -result;
  } else {
    hand_over(result);
    error = accept_more();
  }
  if (stopping_) return end();
  go_on(error);
}

void Listener::hand_over(int descriptor) {
  Fd socket(descriptor);
  if (!stopping_) acceptor_->accepted(std::move(socket), Address::from_sockaddr(peer_, peer_size_));
}

/// Others may wait behind the first one, and an operation for each would take an iteration each. Gives the error that
/// ended it.
int Listener::accept_more() {
  for (int i = 1; i < kAcceptAtOnce && !stopping_ && !acceptor_->full(); ++i) {
    socklen_t size = sizeof(peer_);
    const int descriptor =
        ::accept4(socket_.get(), reinterpret_cast<sockaddr*>(peer_), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) return errno;
    peer_size_ = size;
    hand_over(descriptor);
  }
  return 0;
}

void Listener::go_on(int error) {
  if (error == 0 || concerns_one_connection(error)) {
    waiting_ = acceptor_->full();
    return waiting_ ? tell_full() : submit_accept();
  }
  if (is_shortage(error)) return pause(error);
  fail(make_os_error(error, "accept on " + address_.to_string()));
}

/// Clients wait in the kernel's queue meanwhile.
void Listener::tell_full() {
  loop_->service<SpareDescriptor>().log(LogLevel::warning, loop_->time(),
                                        "accept on " + address_.to_string() + " pauses: max_connections is reached");
}

void Listener::resume() noexcept {
  if (!waiting_ || stopping_ || acceptor_->full()) return;
  waiting_ = false;
  submit_accept();
}

void Listener::pause(int error) {
  auto& spare = loop_->service<SpareDescriptor>();
  spare.reject_one(socket_.get());
  spare.log(LogLevel::error, loop_->time(), OSError(error, "accept on " + address_.to_string() + " pauses").what());
  pause_ = loop_->call_later(kPause, [self = Ref<Listener>(this)] {
    if (!self->stopping_) self->submit_accept();
  });
}

void Listener::fail(std::exception_ptr error) noexcept {
  try {
    loop_->call_exception_handler(
        {"a server stopped accepting connections", std::move(error), "server on " + address_.to_string(), {}});
  } catch (...) {
    tutti::log(LogLevel::error, "net", "a handler's request to leave the loop was ignored");
  }
}

// ---- the end ----

void Listener::stop() noexcept {
  if (stopping_) return;
  const Ref<Listener> self(this);
  stopping_ = true;
  pause_.cancel();
  if (!accepting_) return end();
  // Clients are refused and the port is free at once, though the descriptor stays until the accept has come back.
  ::shutdown(socket_.get(), SHUT_RDWR);
  Operation::cancel({});
}

void Listener::end() noexcept {
  if (!socket_) return;
  release_socket();
  leave_loop();
  if (const Ref<Acceptor> acceptor = std::move(acceptor_)) acceptor->listener_ended();
}

void Listener::release_socket() noexcept {
  if (!socket_) return;
  loop_->release_descriptor(socket_.get());
  socket_.reset();
}

void Listener::loop_closes() noexcept {
  stopping_ = true;
  acceptor_ = nullptr;
  if (!accepting_) release_socket();
}

void Listener::drop() noexcept {
  const Ref<Listener> self = Ref<Listener>::adopt(this);
  accepting_ = false;
  if (result >= 0) Fd(result).reset();
  release_socket();
}

}  // namespace tutti::detail
