// SPDX-License-Identifier: MIT
// A storm of connections on an echo server: connect, one byte there and back, close; so many at a time, each followed by a new one.
// Prints one line of JSON: how many, times, latencies, and the processor time of the server and of itself.
//   storm_load PORT AT_ONCE SECONDS SERVER_PID
//
// Connecting, sending and receiving are one chain of requests on io_uring. The connections come from many addresses of the loopback
// net, so that there are ports enough while the old ones rest in TIME_WAIT.
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <liburing.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.hpp"

namespace {

using bench::fail;
using bench::now_ns;

struct Connection {
  int fd = -1;
  char sent = 0;
  char received = 0;
  std::uint64_t began = 0;
};

class Storm {
 public:
  Storm(std::uint16_t port, std::size_t at_once) : server_(bench::loopback(port)), connections_(at_once) {
    io_uring_params parameters{};
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL;
    if (const int result = ::io_uring_queue_init_params(4096, &ring_, &parameters); result < 0)
      fail("io_uring_setup", -result);
  }

  void run(double seconds, const std::string& server) {
    for (std::size_t i = 0; i < connections_.size(); ++i) begin(i);
    turn_until(now_ns() + bench::warm_up_ns(seconds));
    measuring_ = true;
    const bench::Measurement measurement(server);
    turn_until(measurement.start() + static_cast<std::uint64_t>(seconds * 1e9));
    measurement.tell(latencies_);
  }

 private:
  enum Step : std::uint64_t { kConnect, kSend, kReceive, kSteps };

  void begin(std::size_t i) {
    Connection& connection = connections_[i];
    connection.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(connection.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in own = bench::loopback(0);
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + static_cast<std::uint32_t>(number_ % kAddresses));
    if (::bind(connection.fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) fail("bind", errno);
    connection.sent = static_cast<char>('a' + number_++ % 26);
    connection.received = 0;
    connection.began = now_ns();

    io_uring_sqe* request = entry(i, kConnect);
    ::io_uring_prep_connect(request, connection.fd, reinterpret_cast<const sockaddr*>(&server_), sizeof server_);
    request->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    request = entry(i, kSend);
    ::io_uring_prep_send(request, connection.fd, &connection.sent, 1, MSG_NOSIGNAL);
    request->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    request = entry(i, kReceive);
    ::io_uring_prep_recv(request, connection.fd, &connection.received, 1, 0);
  }

  io_uring_sqe* entry(std::size_t i, Step step) {
    io_uring_sqe* free = ::io_uring_get_sqe(&ring_);
    if (free == nullptr) fail("there are more connections than entries", ENOBUFS);
    ::io_uring_sqe_set_data64(free, i * kSteps + step);
    return free;
  }

  void turn_until(std::uint64_t end) {
    while (now_ns() < end) {
      const int result = ::io_uring_submit_and_wait(&ring_, 1);
      if (result < 0 && result != -EINTR) fail("io_uring_enter", -result);
      std::array<io_uring_cqe*, 256> completions{};
      const unsigned count = ::io_uring_peek_batch_cqe(&ring_, completions.data(), completions.size());
      for (unsigned k = 0; k < count; ++k) take(completions[k]->user_data, completions[k]->res);
      ::io_uring_cq_advance(&ring_, count);
    }
  }

  void take(std::uint64_t what, int result) {
    Connection& connection = connections_[what / kSteps];
    if (what % kSteps != kReceive) fail(what % kSteps == kConnect ? "connect" : "send", -result);
    if (result != 1) fail("receive", result == 0 ? EPIPE : -result);
    if (connection.received != connection.sent) fail("the byte is wrong", EPROTO);
    if (measuring_) latencies_.add(now_ns() - connection.began);
    ::close(connection.fd);
    begin(what / kSteps);
  }

  static constexpr std::uint64_t kAddresses = 200;

  io_uring ring_{};
  sockaddr_in server_;
  std::vector<Connection> connections_;
  std::uint64_t number_ = 0;
  bench::Histogram latencies_;
  bool measuring_ = false;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 5) fail("usage: storm_load PORT AT_ONCE SECONDS SERVER_PID", EINVAL);
  static Storm storm(static_cast<std::uint16_t>(std::atoi(arguments[1])),
                     static_cast<std::size_t>(std::atoi(arguments[2])));
  storm.run(std::atof(arguments[3]), arguments[4]);
}
