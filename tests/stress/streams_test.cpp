// SPDX-License-Identifier: MIT
// Connections whose ends are cancelled at random: what arrives is what was sent, up to where it ends.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <tutti/net/datagram.hpp>
#include <tutti/net/server.hpp>
#include <tutti/net/streams.hpp>

#include "net/tls_support.hpp"
#include "outside_files.hpp"
#include "stress.hpp"
#include "support/scratch_directory.hpp"

namespace stress {
namespace {

using tutti::StreamReader;
using tutti::StreamWriter;

enum class Kind { tcp, unix_socket, tls, start_tls };

class Connections : public Crowd {
 public:
  Connections(unsigned seed, Kind kind) : Crowd(seed), kind_(kind) {}

  Coro<> run(unsigned steps) {
    tutti::Server server = co_await disturb_clients(steps);
    server.close();
    if (random.chance(50)) server.abort_clients();
    co_await end();
    co_await server.wait_closed();
    EXPECT_EQ(server.connections(), 0U);
  }
  Coro<> leave_alone(unsigned steps) { co_await disturb_clients(steps); }

 private:
  Coro<tutti::Server> disturb_clients(unsigned steps) {
    auto server = co_await start();
    for (unsigned step = 0; step < steps; ++step) {
      if (size() < 10) {
        const auto port = kind_ == Kind::unix_socket ? std::uint16_t{0} : server.port();
        tutti::create_task(repeat(1, [this, port] { return client(port); }));
      }
      co_await pause();
      disturb();
    }
    co_return server;
  }

  Coro<tutti::Server> start() {
    tutti::ServerOptions options{.limit = 4096};
    if (kind_ == Kind::tls) options.ssl = tls_support::server_context();
    const auto handler = [this](StreamReader reader, StreamWriter writer) {
      return echo(std::move(reader), std::move(writer));
    };
    if (kind_ == Kind::unix_socket) return tutti::start_unix_server(handler, scratch_ / "socket", options);
    return tutti::start_server(handler, "127.0.0.1", 0, options);
  }

  Coro<tutti::Streams> connect(std::uint16_t port) {
    tutti::ConnectOptions options{.limit = 4096};
    if (kind_ == Kind::unix_socket) return tutti::open_unix_connection(scratch_ / "socket", options);
    if (kind_ == Kind::tls) options.ssl = tls_support::client_context();
    if (random.chance(20)) options.happy_eyeballs_delay = some_time();
    return tutti::open_connection(kind_ == Kind::tls ? "localhost" : "127.0.0.1", port, options);
  }

  /// A line there and back in the clear, and then TLS.
  Coro<> ask_for_tls(StreamReader& reader, StreamWriter& writer) {
    const std::string line = std::string(random.below(9000), 'x') + "\n";
    writer.write(line);
    EXPECT_EQ((co_await reader.readexactly(line.size())).size(), line.size());
    if (random.chance(30)) co_await pause();
    co_await writer.start_tls(tls_support::client_context(), {.server_hostname = "localhost"});
  }
  static Coro<> grant_tls(StreamReader& reader, StreamWriter& writer) {
    std::string piece;
    do {
      piece = co_await reader.read(1000);
      writer.write(piece);
    } while (!piece.empty() && piece.back() != '\n');
    co_await writer.start_tls(tls_support::server_context());
  }

  Coro<> echo(StreamReader reader, StreamWriter writer) {
    bool ready = kind_ != Kind::start_tls;
    if (!ready) {
      co_await repeat(1, [&]() -> Coro<> {
        co_await grant_tls(reader, writer);
        ready = true;
      });
    }
    bool ended = !ready;
    co_await repeat(50, [&]() -> Coro<> {
      if (ended) co_return;
      const std::string bytes = co_await reader.read(1 + random.below(20000));
      ended = bytes.empty();
      writer.write(bytes);
      co_await writer.drain();
    });
    leave(writer);
  }

  Coro<> client(std::uint16_t port) {
    auto [reader, writer] = co_await connect(port);
    if (kind_ == Kind::start_tls) co_await ask_for_tls(reader, writer);
    Pattern to_send;
    Pattern to_come;
    std::size_t sent = 0;
    std::size_t came = 0;
    co_await repeat(1 + random.below(20), [&]() -> Coro<> {
      if (random.chance(50)) {
        const std::size_t count = 1 + random.below(30000);
        writer.write(to_send.next(count));
        sent += count;
        co_await writer.drain();
      } else if (random.chance(30) && sent > came) {
        const std::size_t count = 1 + random.below(static_cast<unsigned>(sent - came));
        const std::string bytes = co_await reader.readexactly(count);
        came += bytes.size();
        EXPECT_EQ(bytes.size(), count);
        EXPECT_TRUE(bytes == to_come.next(bytes.size())) << "what comes back is not what was sent";
      } else if (sent > came) {
        const std::string bytes = co_await reader.read(1 + random.below(10000));
        came += bytes.size();
        EXPECT_TRUE(bytes == to_come.next(bytes.size())) << "what comes back is not what was sent";
      }
      EXPECT_LE(came, sent);
    });
    leave(writer);
    if (random.chance(50)) co_await writer.wait_closed();
  }

  void leave(StreamWriter& writer) {
    if (random.chance(50)) writer.close();
    if (random.chance(20)) writer.abort();
  }

  const Kind kind_;
  const test_support::ScratchDirectory scratch_;
};

Coro<> disturb_connections(unsigned seed, unsigned steps, Kind kind) {
  Connections connections(seed, kind);
  co_await connections.run(steps);
  for (const auto& report : tutti::testing::take_reports()) {
    EXPECT_NE(report.to_string().find("unclosed StreamWriter"), std::string::npos) << report.to_string();
  }
}

TUTTI_TEST(RandomConnections, KeepTheirBytesInOrder) {
  co_await for_each_seed({.first_seed = 1, .runs = 2, .steps = 60},
                         [](unsigned seed, unsigned steps) { return disturb_connections(seed, steps, Kind::tcp); });
}

TUTTI_TEST(RandomConnections, KeepTheirBytesInOrderOnUnixSockets) {
  co_await for_each_seed({.first_seed = 1, .runs = 2, .steps = 60}, [](unsigned seed, unsigned steps) {
    return disturb_connections(seed, steps, Kind::unix_socket);
  });
}

TUTTI_TEST(RandomConnections, KeepTheirBytesInOrderWhenTheyChangeToTLS) {
  co_await for_each_seed({.first_seed = 1, .runs = 2, .steps = 50}, [](unsigned seed, unsigned steps) {
    return disturb_connections(seed, steps, Kind::start_tls);
  });
}

TUTTI_TEST(RandomConnections, KeepTheirBytesInOrderUnderTLS) {
  co_await for_each_seed({.first_seed = 1, .runs = 2, .steps = 50},
                         [](unsigned seed, unsigned steps) { return disturb_connections(seed, steps, Kind::tls); });
}

TEST(RandomConnections, AreClosedWithTheirLoop) {
  close_loop_over(
      {.first_seed = 1, .runs = 4, .steps = 30},
      [](unsigned seed, unsigned) { return std::make_unique<Connections>(seed, static_cast<Kind>(seed % 4)); },
      {"destroyed but it is pending", "unclosed StreamWriter", "retrieved"});
}

/// Several tasks send through one socket, several receive from another.
class Datagrams : public Crowd {
 public:
  using Crowd::Crowd;

  Coro<> run(unsigned steps) {
    tutti::DatagramSocket in = co_await tutti::bind_udp("127.0.0.1", 0);
    tutti::DatagramSocket out = co_await tutti::connect_udp("127.0.0.1", in.port());
    for (unsigned step = 0; step < steps; ++step) {
      if (size() < 6) tutti::create_task(repeat(5, [&] { return random.chance(50) ? send(out) : receive(in); }));
      co_await pause();
      disturb();
    }
    co_await end();
    co_await out.send("end");
    for (;;) {
      const tutti::Datagram last = co_await in.receive();
      if (last.data == "end") break;
      sent_.note_got(std::stoi(last.data));
    }
    sent_.check("DatagramSocket");
  }

 private:
  Coro<> send(tutti::DatagramSocket& socket) {
    const int item = sent_.make();
    co_await socket.send(std::to_string(item));
    sent_.note_put(item);
  }
  Coro<> receive(tutti::DatagramSocket& socket) {
    const tutti::Datagram datagram = co_await socket.receive();
    sent_.note_got(std::stoi(datagram.data));
  }

  Ledger sent_;
};

TUTTI_TEST(RandomDatagrams, AreReceivedOnce) {
  co_await for_each_seed({.first_seed = 1, .runs = 4, .steps = 100}, [](unsigned seed, unsigned steps) -> Coro<> {
    Datagrams datagrams(seed);
    co_await datagrams.run(steps);
  });
}

}  // namespace
}  // namespace stress
