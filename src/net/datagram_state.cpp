// SPDX-License-Identifier: MIT
#include "datagram_state.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <sys/uio.h>

#include <tutti/base/error.hpp>

#include "socket.hpp"
#include "socket_calls.hpp"

namespace tutti::detail {
namespace {

constexpr unsigned kReceivedAtOnce = 32;  // in one iteration, so that a flood does not keep out all else

}  // namespace

DatagramState::DatagramState(EventLoop& loop, Socket socket, std::size_t max_size, SocketFile file)
    : LoopMember(loop),
      loop_(&loop),
      socket_(std::move(socket)),
      max_size_(max_size),
      own_(socket_.getsockname()),
      peer_(socket_.getpeername()),
      file_(std::move(file)) {
  loop.claim_descriptor(socket_.fd());
}

DatagramState::~DatagramState() { close(); }

// ---- data ----

bool DatagramState::others_turn() noexcept {
  if (std::exchange(iteration_, loop_->iterations()) != loop_->iterations()) received_ = 0;
  return received_ >= kReceivedAtOnce;
}

std::optional<Datagram> DatagramState::receive_now() {
  if (others_turn()) return std::nullopt;
  const MutableBytes memory = loop_->service<ReceiveBuffer>().memory().first(max_size_);
  sockaddr_storage address{};
  iovec vector{memory.data(), memory.size()};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof(address);
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  ssize_t size = -1;
  do {
    size = ::recvmsg(socket_.fd(), &message, MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    if (must_wait(errno)) return std::nullopt;
    throw_os_error(errno, peer_ == Address() ? "receive on " + own_.to_string() : "receive from " + peer_.to_string());
  }
  ++received_;
  return Datagram{.data = std::string(memory.data(), static_cast<std::size_t>(size)),
                  .address = Address::from_sockaddr(&address, message.msg_namelen),
                  .truncated = (message.msg_flags & MSG_TRUNC) != 0};
}

bool DatagramState::send_now(BytesView data, const Address* address) {
  const auto* const name = address == nullptr ? nullptr : static_cast<const sockaddr*>(address->data());
  const auto name_size = static_cast<socklen_t>(address == nullptr ? 0 : address->size());
  ssize_t sent = -1;
  do {
    sent = ::sendto(socket_.fd(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL, name, name_size);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return true;
  if (must_wait(errno)) return false;
  if (errno == EDESTADDRREQ) throw_os_error(errno, "send: not connected; send_to takes an address");
  throw_os_error(errno, "send to " + (address == nullptr ? peer_ : *address).to_string());
}

// ---- waiting and the end ----

Coro<> DatagramState::wait(Ref<DatagramState> self, short events) {
  OperationAwaiter operation;
  operation.prepare_poll(self->socket_.fd(), static_cast<std::uint32_t>(events));
  self->waiting_.push_back(&operation);
  struct Leave {
    DatagramState& state;
    lowlevel::Operation* own;
    ~Leave() { std::erase(state.waiting_, own); }
  } const leave{*self, &operation};
  const int result = co_await operation;
  if (result < 0 && !self->closed()) throw_os_error(-result, "wait for " + self->own_.to_string());
}

void DatagramState::check_open(const char* operation) const {
  if (!closed()) return;
  throw ConnectionAbortedError(std::error_code(ECONNABORTED, std::generic_category()),
                               std::string(operation) + " on " + own_.to_string() + ": the socket is closed");
}

Address DatagramState::address() const { return closed() ? own_ : socket_.getsockname(); }

void DatagramState::close() noexcept {
  if (closed()) return;
  for (lowlevel::Operation* operation : waiting_) operation->Operation::cancel({});  // their tasks go on
  let_go();
  leave_loop();
}

void DatagramState::loop_closes() noexcept { let_go(); }

void DatagramState::let_go() noexcept {
  loop_->release_descriptor(socket_.fd());
  socket_.close();
  file_.remove();
}

}  // namespace tutti::detail
