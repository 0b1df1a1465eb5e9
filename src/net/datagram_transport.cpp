// SPDX-License-Identifier: MIT
#include "datagram_transport.hpp"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include <tutti/base/error.hpp>
#include <tutti/base/log.hpp>
#include <tutti/loop/event_loop.hpp>

#include "loop/call.hpp"
#include "loop/watchers.hpp"
#include "socket_calls.hpp"

namespace tutti::detail {
namespace {

constexpr int kReceivedAtOnce = 16;  // in one iteration
constexpr unsigned kLostWrites = 5;  // asyncio's number

}  // namespace

SocketDatagramTransport::SocketDatagramTransport(EventLoop& loop, Socket socket, std::optional<Address> remote,
                                                 SocketFile file, std::shared_ptr<DatagramProtocol> protocol)
    : LoopMember(loop),
      loop_(&loop),
      socket_(std::move(socket)),
      remote_(remote),
      peer_(socket_.getpeername()),
      file_(std::move(file)) {
  SocketDatagramTransport::set_protocol(std::move(protocol));
  loop.claim_descriptor(socket_.fd());
}

SocketDatagramTransport::~SocketDatagramTransport() {
  if (socket_) let_go();
}

void SocketDatagramTransport::set_protocol(std::shared_ptr<DatagramProtocol> protocol) {
  if (!protocol) throw ValueError("a transport needs a protocol");
  protocol_ = std::move(protocol);
}

void SocketDatagramTransport::start(Future<> made) {
  const auto self = shared_from_this();
  loop_->call_soon([self] { self->protocol_->connection_made(self); });
  loop_->call_soon([self] {
    if (self->closing_) return;
    add_watch(*self->loop_, self->fd(), Direction::reading, [self] { self->read_ready(); });
  });
  loop_->call_soon([made = std::move(made)] {
    if (!made.done()) made.set_result();
  });
}

// ---- receiving ----

void SocketDatagramTransport::read_ready() {
  for (int i = 0; i < kReceivedAtOnce && !closing_; ++i) {
    const MutableBytes memory = loop_->service<ReceiveBuffer>().memory();
    sockaddr_storage from{};
    socklen_t size = sizeof(from);
    const ssize_t count =
        ::recvfrom(fd(), memory.data(), memory.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &size);
    if (count < 0) {
      if (errno != EINTR && !must_wait(errno)) tell_error(errno, "receive from", std::nullopt);
      return;
    }
    // A copy, since the protocol may call what receives into the same memory.
    const std::string data(memory.data(), static_cast<std::size_t>(count));
    const auto protocol = protocol_;
    protocol->datagram_received(data, Address::from_sockaddr(&from, size));
  }
}

// ---- sending ----

/// 0, or the error.
int SocketDatagramTransport::send_now(BytesView data, const std::optional<Address>& address) const noexcept {
  const bool connected = peer_ != Address();
  const auto* const name = connected || !address ? nullptr : static_cast<const sockaddr*>(address->data());
  const auto size = static_cast<socklen_t>(name == nullptr ? 0 : address->size());
  for (;;) {
    if (::sendto(fd(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL, name, size) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

void SocketDatagramTransport::sendto(BytesView data, std::optional<Address> address) {
  if (remote_) {
    if (address && *address != *remote_) {
      throw ValueError("sendto: the address must be absent or " + remote_->to_string());
    }
    address = remote_;
  }
  if (lost_ != 0) {
    if (lost_++ >= kLostWrites) log(LogLevel::warning, "net", "sendto: the transport is closed");
    return;
  }
  if (queue_.empty()) {
    const int error = send_now(data, address);
    if (error == 0) return;
    if (!must_wait(error)) return tell_error(error, "send to", address);
    add_watch(*loop_, fd(), Direction::writing, [self = shared_from_this()] { self->write_ready(); });
  }
  queue_.push_back({std::string(data), address});
  queued_bytes_ += data.size() + kHeaderSize;
  check_high();
}

void SocketDatagramTransport::write_ready() {
  while (!queue_.empty()) {
    const int error = send_now(queue_.front().data, queue_.front().address);
    if (error != 0 && must_wait(error)) break;
    const Queued sent = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= sent.data.size() + kHeaderSize;
    if (error != 0) return tell_error(error, "send to", sent.address);
    if (lost_ != 0) return;
  }
  check_low();  // which may send more
  if (!queue_.empty() || lost_ != 0) return;
  remove_watch(*loop_, fd(), Direction::writing);
  if (closing_) end(nullptr);
}

void SocketDatagramTransport::tell_error(int error, const char* operation, const std::optional<Address>& address) {
  const Address whom = address ? *address : peer_ != Address() ? peer_ : socket_.getsockname();
  const auto protocol = protocol_;
  protocol->error_received(make_os_error(error, std::string(operation) + " " + whom.to_string()));
}

void SocketDatagramTransport::set_write_buffer_limits(std::optional<std::size_t> high, std::optional<std::size_t> low) {
  marks_.set(WriteBufferLimits::complete(high, low));
  check_high();
}

void SocketDatagramTransport::check_high() {
  if (marks_.must_pause(queued_bytes_)) call_flow_control("pause_writing", &DatagramProtocol::pause_writing);
}

void SocketDatagramTransport::check_low() {
  if (marks_.may_resume(queued_bytes_)) call_flow_control("resume_writing", &DatagramProtocol::resume_writing);
}

void SocketDatagramTransport::call_flow_control(const char* function, void (DatagramProtocol::*call)()) {
  const auto protocol = protocol_;
  call_reporting(
      *loop_, [&] { ((*protocol).*call)(); },
      [&] {
        return ExceptionContext{std::string("protocol.") + function + "() failed",
                                nullptr,
                                "datagram transport on " + sockname().to_string(),
                                {}};
      });
}

// ---- the end ----

void SocketDatagramTransport::close() {
  if (closing_) return;
  closing_ = true;
  remove_watch(*loop_, fd(), Direction::reading);
  if (queue_.empty()) end(nullptr);
}

void SocketDatagramTransport::end(std::exception_ptr error) {
  if (lost_ != 0) return;
  closing_ = true;
  lost_ = 1;
  queue_.clear();
  queued_bytes_ = 0;
  remove_watch(*loop_, fd(), Direction::reading);
  remove_watch(*loop_, fd(), Direction::writing);
  loop_->call_soon([self = shared_from_this(), error = std::move(error)] { self->call_connection_lost(error); });
}

void SocketDatagramTransport::call_connection_lost(std::exception_ptr error) {
  struct LetGo {  // also if the protocol throws
    SocketDatagramTransport& transport;
    ~LetGo() {
      transport.let_go();
      transport.leave_loop();
      transport.protocol_ = nullptr;
    }
  } const let_go{*this};
  protocol_->connection_lost(std::move(error));
}

void SocketDatagramTransport::let_go() noexcept {
  loop_->release_descriptor(socket_.fd());
  socket_.close();
  file_.remove();
}

void SocketDatagramTransport::loop_closes() noexcept {
  const auto self = weak_from_this().lock();
  closing_ = true;
  if (lost_ == 0) lost_ = 1;
  if (socket_) let_go();
  protocol_ = nullptr;  // which may hold this one
}

}  // namespace tutti::detail
