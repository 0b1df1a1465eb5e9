// SPDX-License-Identifier: MIT
// Random acts on sockets by system calls: no datagram and no connection is lost or doubled, no byte out of its place.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <sys/socket.h>

#include <tutti/net/sock.hpp>
#include <tutti/task/task.hpp>
#include <tutti/task/task_group.hpp>

#include "outside_files.hpp"
#include "stress.hpp"

namespace stress {

class SocketActs {
 public:
  SocketActs(Crowd& crowd, const SharedFile& file) : crowd_(crowd), random_(crowd.random), file_(file) {
    std::tie(in_, out_) = tutti::Socket::pair(tutti::SocketType::datagram);
    listener_.bind(*tutti::Address::parse("127.0.0.1", 0));
    listener_.listen(1000);
  }

  Coro<> act() {
    switch (random_.below(9)) {
      case 0:
      case 1: return send_datagram();
      case 2:
      case 3: return receive_datagram();
      case 4: return connect();
      case 5: return accept();
      case 6: return stream();
      default: return send_file();
    }
  }

  void check_end() {
    char text[32];
    for (ssize_t size = 0; (size = ::recv(in_.fd(), text, sizeof(text), MSG_DONTWAIT)) > 0;) {
      datagrams_.note_got(std::stoi(std::string(text, static_cast<std::size_t>(size))));
    }
    datagrams_.check("datagram");
    while (const tutti::Fd connection{::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)}) {
      ++accepted_;
    }
    EXPECT_GE(accepted_, connected_) << "a connection was lost";
    greetings_.check_once("connection");
  }

 private:
  Coro<> send_datagram() {
    const int item = datagrams_.make();
    co_await tutti::sock_sendall(out_, std::to_string(item));
    datagrams_.note_put(item);
  }
  Coro<> receive_datagram() {
    std::string text(32, ' ');
    switch (random_.below(3)) {
      case 0: text = co_await tutti::sock_recv(in_, 32); break;
      case 1: text.resize(co_await tutti::sock_recv_into(in_, text)); break;
      default: text = (co_await tutti::sock_recvfrom(in_, 32)).first;
    }
    datagrams_.note_got(std::stoi(text));
  }

  Coro<> connect() {
    const int item = greetings_.make();
    const tutti::Socket socket(tutti::AddressFamily::ipv4);
    const tutti::Address address = listener_.getsockname();
    if (random_.chance(30)) {
      co_await tutti::sock_connect(socket, "127.0.0.1", address.port());
    } else {
      co_await tutti::sock_connect(socket, address);
    }
    ++connected_;
    co_await tutti::sock_sendall(socket, std::to_string(item));
  }
  Coro<> accept() {
    const auto [socket, peer] = co_await tutti::sock_accept(listener_);
    ++accepted_;
    const std::string greeting = co_await tutti::sock_recv(socket, 32);
    if (!greeting.empty()) greetings_.note_got(std::stoi(greeting));  // else its sender was cancelled
  }

  /// A child writes, the other one reads; whoever ends closes its end.
  Coro<> stream() {
    co_await tutti::task_group([this](tutti::TaskGroup& group) -> Coro<> {
      auto [a, b] = tutti::Socket::pair();
      group.create_task(write_stream(std::move(a)));
      group.create_task(read_stream(std::move(b)));
      co_return;
    });
  }
  Coro<> write_stream(tutti::Socket socket) {
    const Crowd::Member member(crowd_);
    Pattern pattern;
    for (unsigned pieces = random_.below(6); pieces > 0; --pieces) {
      co_await tutti::sock_sendall(socket, pattern.next(random_.below(150'000)));
      co_await crowd_.pause();
    }
  }
  Coro<> read_stream(tutti::Socket socket) {
    const Crowd::Member member(crowd_);
    Pattern pattern;
    for (std::string bytes = "-"; !bytes.empty();) {
      if (random_.chance(20)) co_await crowd_.pause();
      bytes.resize(random_.chance(50) ? 1 : 60'000);
      bytes.resize(co_await tutti::sock_recv_into(socket, bytes));
      EXPECT_TRUE(bytes == pattern.next(bytes.size())) << "bytes were lost or doubled";
    }
  }

  struct Transfer {
    std::pair<tutti::Socket, tutti::Socket> ends = tutti::Socket::pair();
    std::string came;
  };
  Coro<> receive_file(std::shared_ptr<Transfer> transfer) {
    const Crowd::Member member(crowd_);
    for (;;) {
      if (random_.chance(20)) co_await crowd_.pause();
      transfer->came += co_await tutti::sock_recv(transfer->ends.second, 1 + random_.below(100'000));
    }
  }
  /// However it ends: the file's position tells what was sent, and the peer gets that.
  Coro<> send_file() {
    const auto transfer = std::make_shared<Transfer>();
    const tutti::Fd file = file_.open();
    const tutti::SendfileOptions options = file_.some_part(random_);
    const auto receiver = tutti::create_task(receive_file(transfer));
    std::exception_ptr error;
    std::optional<std::size_t> sent;
    try {
      sent = co_await tutti::sock_sendfile(transfer->ends.first, file.get(), options);
    } catch (...) {
      error = std::current_exception();
    }
    receiver.cancel();
    take_rest(*transfer);
    const auto position = static_cast<std::uint64_t>(::lseek(file.get(), 0, SEEK_CUR));
    EXPECT_EQ(transfer->came.size(), position > options.offset ? position - options.offset : 0) << "sendfile";
    if (sent) {
      EXPECT_EQ(*sent, transfer->came.size()) << "sendfile";
      EXPECT_TRUE(transfer->came == file_.part(options)) << "sendfile sent something else";
    } else {
      EXPECT_TRUE(file_.part(options).starts_with(transfer->came)) << "sendfile sent something else";
    }
    if (error) std::rethrow_exception(error);
  }
  static void take_rest(Transfer& transfer) {
    std::string bytes(100'000, ' ');
    for (ssize_t size = 0; (size = ::recv(transfer.ends.second.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0;) {
      transfer.came.append(bytes, 0, static_cast<std::size_t>(size));
    }
  }

  Crowd& crowd_;
  Random& random_;
  const SharedFile& file_;
  tutti::Socket in_, out_;
  Ledger datagrams_;
  tutti::Socket listener_{tutti::AddressFamily::ipv4};
  Ledger greetings_;
  unsigned connected_ = 0, accepted_ = 0;
};

}  // namespace stress
