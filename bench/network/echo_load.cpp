// SPDX-License-Identifier: MIT
// The load on an echo server: each connection sends a message, waits until all of it has come back, checks every byte, and sends
// the next one. Prints one line of JSON: how many, times, latencies, and the processor time of the server and of itself.
//   echo_load PORT|PATH CONNECTIONS SECONDS BYTES SERVER_PID
//
// On io_uring with multishot receives, so that it costs less than any server and is not what is measured.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <liburing.h>
#include <sys/socket.h>

#include "load.hpp"

namespace {

using bench::fail;
using bench::now_ns;

struct Connection {
  int fd = -1;
  std::size_t received = 0;
  std::uint64_t number = 0;
  std::uint64_t sent_at = 0;
  std::vector<char> message;

  /// No two messages are equal, so that bytes of an old one are noticed.
  void next_message() {
    ++number;
    std::memcpy(message.data(), &number, std::min(sizeof number, message.size()));
    sent_at = now_ns();
  }
};

class Load {
 public:
  Load(const std::string& where, std::size_t connections, std::size_t bytes) : connections_(connections) {
    io_uring_params parameters{};
    parameters.flags =
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL;
    parameters.cq_entries = 16384;
    if (const int result = ::io_uring_queue_init_params(4096, &ring_, &parameters); result < 0)
      fail("io_uring_setup", -result);
    provide_buffers();
    for (std::size_t i = 0; i < connections; ++i) {
      Connection& connection = connections_[i];
      connection.fd = bench::connect_to(where);
      connection.number = static_cast<std::uint64_t>(i) << 40U;
      connection.message.resize(bytes);
      for (std::size_t k = 0; k < bytes; ++k) connection.message[k] = static_cast<char>('a' + (k + i) % 26);
    }
  }

  void run(double seconds, const std::string& server) {
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      receive(i);
      send(i);
    }
    turn_until(now_ns() + bench::warm_up_ns(seconds));
    measuring_ = true;
    const bench::Measurement measurement(server);
    turn_until(measurement.start() + static_cast<std::uint64_t>(seconds * 1e9));
    measurement.tell(latencies_);
  }

 private:
  static constexpr unsigned kBuffers = 2048;  // a power of two
  static constexpr unsigned kBufferSize = 16384;
  static constexpr std::uint64_t kSend = std::uint64_t{1} << 32U;

  void provide_buffers() {
    memory_.resize(std::size_t{kBuffers} * kBufferSize);
    void* entries = nullptr;
    if (::posix_memalign(&entries, 4096, kBuffers * sizeof(io_uring_buf)) != 0) fail("posix_memalign", ENOMEM);
    buffers_ = static_cast<io_uring_buf_ring*>(entries);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffers_);
    registration.ring_entries = kBuffers;
    if (const int result = ::io_uring_register_buf_ring(&ring_, &registration, 0); result < 0)
      fail("register buffers", -result);
    ::io_uring_buf_ring_init(buffers_);
    for (unsigned i = 0; i < kBuffers; ++i) give_back(i, i);
    ::io_uring_buf_ring_advance(buffers_, kBuffers);
  }
  char* buffer(unsigned id) { return memory_.data() + std::size_t{id} * kBufferSize; }
  void give_back(unsigned id, unsigned place) {
    ::io_uring_buf_ring_add(buffers_, buffer(id), kBufferSize, static_cast<unsigned short>(id),
                            ::io_uring_buf_ring_mask(kBuffers), static_cast<int>(place));
  }

  io_uring_sqe* entry() {
    io_uring_sqe* free = ::io_uring_get_sqe(&ring_);
    while (free == nullptr) {
      ::io_uring_submit(&ring_);
      free = ::io_uring_get_sqe(&ring_);
    }
    return free;
  }
  void receive(std::size_t i) {
    io_uring_sqe* request = entry();
    ::io_uring_prep_recv_multishot(request, connections_[i].fd, nullptr, 0, 0);
    request->flags |= IOSQE_BUFFER_SELECT;
    ::io_uring_sqe_set_data64(request, i);
  }
  void send(std::size_t i) {
    Connection& connection = connections_[i];
    connection.next_message();
    io_uring_sqe* request = entry();
    ::io_uring_prep_send(request, connection.fd, connection.message.data(), connection.message.size(), MSG_WAITALL);
    request->flags |= IOSQE_CQE_SKIP_SUCCESS;
    ::io_uring_sqe_set_data64(request, kSend | i);
  }

  void turn_until(std::uint64_t end) {
    while (now_ns() < end) {
      const int result = ::io_uring_submit_and_wait(&ring_, 1);
      if (result < 0 && result != -EINTR) fail("io_uring_enter", -result);
      unsigned head = 0, count = 0, returned = 0;
      io_uring_cqe* completion = nullptr;
      io_uring_for_each_cqe(&ring_, head, completion) {
        ++count;
        take(*completion, returned);
      }
      ::io_uring_buf_ring_advance(buffers_, static_cast<int>(returned));
      ::io_uring_cq_advance(&ring_, count);
    }
  }

  void take(const io_uring_cqe& completion, unsigned& returned) {
    if ((completion.user_data & kSend) != 0) fail("send", -completion.res);
    const std::size_t i = completion.user_data;
    if (completion.res > 0) {
      const unsigned id = completion.flags >> IORING_CQE_BUFFER_SHIFT;
      take_bytes(i, buffer(id), static_cast<std::size_t>(completion.res));
      give_back(id, returned++);
    } else if (completion.res != -ENOBUFS) {
      fail("receive", completion.res == 0 ? EPIPE : -completion.res);
    }
    if ((completion.flags & IORING_CQE_F_MORE) == 0) receive(i);
  }

  void take_bytes(std::size_t i, const char* bytes, std::size_t count) {
    Connection& connection = connections_[i];
    if (connection.received + count > connection.message.size() ||
        std::memcmp(connection.message.data() + connection.received, bytes, count) != 0) {
      fail("the echo is wrong", EPROTO);
    }
    connection.received += count;
    if (connection.received != connection.message.size()) return;
    connection.received = 0;
    if (measuring_) latencies_.add(now_ns() - connection.sent_at);
    send(i);
  }

  io_uring ring_{};
  io_uring_buf_ring* buffers_ = nullptr;
  std::vector<char> memory_;
  std::vector<Connection> connections_;
  bench::Histogram latencies_;
  bool measuring_ = false;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 6) fail("usage: echo_load PORT|PATH CONNECTIONS SECONDS BYTES SERVER_PID", EINVAL);
  static Load load(arguments[1], static_cast<std::size_t>(std::atoi(arguments[2])),
                   static_cast<std::size_t>(std::atoi(arguments[4])));
  load.run(std::atof(arguments[3]), arguments[5]);
}
