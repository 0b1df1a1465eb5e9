// SPDX-License-Identifier: MIT
// Servers: their connections, their handlers, their end. Tests that mirror one of CPython's name it.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <tutti/loop/context.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "net_support.hpp"
#include "support/scratch_directory.hpp"

namespace {

using namespace net_support;
using namespace std::chrono_literals;
using tutti::StreamReader;
using tutti::StreamWriter;

Coro<> hold(StreamReader reader, StreamWriter writer) {
  (void)co_await reader.read();
  co_await close(writer);
}

Coro<> end(tutti::Server& server) {
  server.close();
  co_await server.wait_closed();
}

bool exists(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0;
}

// ---- listening ----

TUTTI_TEST(Server, SaysWhereItListens) {
  auto server = co_await tutti::start_server(hold, "127.0.0.1", 0);
  EXPECT_TRUE(server.is_serving());
  CO_ASSERT_EQ(server.sockets().size(), 1U);
  EXPECT_EQ(server.sockets()[0].to_string(), "127.0.0.1:" + std::to_string(server.port()));
  server.close();
  EXPECT_FALSE(server.is_serving());
  EXPECT_TRUE(server.sockets().empty());
  EXPECT_THROW((void)server.port(), tutti::RuntimeError);
  server.close();
  co_await server.wait_closed();
}

TUTTI_TEST(Server, ListensOnAllAddressesOfThisMachineWithOnePort) {
  auto server = co_await tutti::start_server(hold, "", 0);
  for (const tutti::Address& address : server.sockets()) EXPECT_EQ(address.port(), server.port());
  auto streams = co_await tutti::open_connection("127.0.0.1", server.port());
  co_await close(streams.writer);
  co_await end(server);
}

// test_events: test_create_server_multiple_hosts_ipv4
TUTTI_TEST(Server, ListensOnSeveralHosts) {
  const std::vector<std::string> hosts{"127.0.0.1", "127.0.0.2", "127.0.0.1"};
  auto server = co_await tutti::start_server(hold, hosts, 0);
  CO_ASSERT_EQ(server.sockets().size(), 2U);
  EXPECT_EQ(server.sockets()[0].port(), server.sockets()[1].port());
  for (const std::string& host : hosts) {
    auto streams = co_await tutti::open_connection(host, server.port());
    co_await close(streams.writer);
  }
  co_await end(server);
  EXPECT_THROW(co_await tutti::start_server(hold, std::vector<std::string>{}, 0), tutti::ValueError);
}

TUTTI_TEST(Server, SaysWhichPortIsTaken) {
  auto server = co_await tutti::start_server(hold, "127.0.0.1", 0);
  const std::string where = "127.0.0.1:" + std::to_string(server.port());
  EXPECT_EQ(co_await error_of<tutti::OSError>(tutti::start_server(hold, "127.0.0.1", server.port())),
            "listen " + where + ": address already in use");
  EXPECT_THROW(co_await tutti::start_server(hold, "192.0.2.1", 0), tutti::OSError);
  EXPECT_THROW(co_await tutti::start_server(hold, "name.invalid", 0), tutti::AddressLookupError);
  co_await end(server);
}

TUTTI_TEST(Server, GivesItsPortBackAtOnce) {
  auto first = co_await tutti::start_server(hold, "127.0.0.1", 0);
  const std::uint16_t port = first.port();
  first.close();
  EXPECT_THROW(co_await tutti::open_connection("127.0.0.1", port), tutti::ConnectionRefusedError);
  auto second = co_await tutti::start_server(hold, "127.0.0.1", port);
  EXPECT_EQ(second.port(), port);
  co_await end(second);
}

TUTTI_TEST(Server, SharesAPortIfItIsTold) {
  auto first = co_await tutti::start_server(hold, "127.0.0.1", 0, {.reuse_port = true});
  auto second = co_await tutti::start_server(hold, "127.0.0.1", first.port(), {.reuse_port = true});
  co_await end(first);
  co_await end(second);
}

TUTTI_TEST(Server, StartsWhenItIsTold) {
  auto server = co_await tutti::start_server(hold, "127.0.0.1", 0, {.start_serving = false});
  EXPECT_FALSE(server.is_serving());
  EXPECT_THROW(co_await tutti::open_connection("127.0.0.1", server.port()), tutti::ConnectionRefusedError);
  co_await server.start_serving();
  co_await server.start_serving();
  auto streams = co_await tutti::open_connection("127.0.0.1", server.port());
  co_await close(streams.writer);
  co_await end(server);
  EXPECT_THROW(co_await server.start_serving(), tutti::RuntimeError);
}

// ---- handlers ----

TUTTI_TEST(Server, TakesAHandlerThatIsAPlainFunction) {
  std::vector<StreamWriter> writers;
  auto server = co_await tutti::start_server(
      [&](StreamReader, StreamWriter writer) {
        writer.write("welcome");
        writers.push_back(std::move(writer));
      },
      "127.0.0.1", 0);
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
  EXPECT_EQ(co_await reader.readexactly(7), "welcome");
  co_await close(writer);
  writers.clear();
  co_await end(server);
}

TUTTI_TEST(Server, KeepsACapturingHandlerAliveForItsConnections) {
  auto text = std::make_shared<std::string>("captured");
  std::optional<tutti::Server> server = co_await tutti::start_server(
      [text](StreamReader reader, StreamWriter writer) -> Coro<> {
        (void)co_await reader.read();
        writer.write(*text);
      },
      "127.0.0.1", 0);
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server->port());
  co_await until([&] { return server->connections() == 1; });
  server.reset();  // the connection goes on
  text.reset();
  writer.write_eof();
  EXPECT_EQ(co_await reader.read(), "captured");
  co_await close(writer);
}

TUTTI_TEST(Server, ClosesInGoodOrderWhenItsHandlerJustReturns) {
  const std::string large(4U << 20U, 'x');
  auto server = co_await tutti::start_server(
      [&](StreamReader, StreamWriter writer) -> Coro<> {
        writer.write(large);
        co_return;
      },
      "127.0.0.1", 0);
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
  EXPECT_EQ((co_await reader.read()).size(), large.size());
  co_await close(writer);
  co_await end(server);
}

// test_streams: test_unhandled_exceptions
TUTTI_TEST(Server, ReportsAnExceptionOfItsHandlerAndClosesTheConnection) {
  auto server = co_await tutti::start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        writer.write("partial");
        (void)co_await reader.readline();
        throw tutti::ValueError("handler failed");
      },
      "127.0.0.1", 0);
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
  writer.write("\n");
  EXPECT_EQ(co_await reader.read(), "partial");
  tutti::testing::expect_report("unhandled exception in a connection's handler");
  co_await close(writer);
  co_await end(server);
}

// test_streams: test_unhandled_cancel
TUTTI_TEST(Server, ClosesTheConnectionSilentlyWhenItsHandlerIsCancelled) {
  auto server = co_await tutti::start_server(
      [](StreamReader reader, StreamWriter) -> Coro<> {
        tutti::current_task()->cancel();
        (void)co_await reader.read();
      },
      "127.0.0.1", 0);
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
  EXPECT_EQ(co_await reader.read(), "");
  co_await close(writer);
  co_await end(server);
}

tutti::ContextVar<std::string> tenant("tenant", "none");

TUTTI_TEST(Server, RunsEachHandlerInACopyOfItsContext) {
  tenant.set("server's");
  auto server = co_await tutti::start_server(
      [](StreamReader, StreamWriter writer) -> Coro<> {
        writer.write(tenant.get());
        tenant.set("connection's");
        co_return;
      },
      "127.0.0.1", 0);
  for (int i = 0; i < 2; ++i) {
    auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
    EXPECT_EQ(co_await reader.read(), "server's");
    co_await close(writer);
  }
  EXPECT_EQ(tenant.get(), "server's");
  co_await end(server);
}

// ---- the end ----

// test_server: TestServer2.test_wait_closed_basic
TUTTI_TEST(Server, WaitsForItsConnections) {
  auto server = co_await tutti::start_server(hold, "127.0.0.1", 0);
  auto open_ended = tutti::create_task(server.wait_closed());
  auto streams = co_await tutti::open_connection("127.0.0.1", server.port());
  co_await until([&] { return server.connections() == 1; });
  EXPECT_FALSE(open_ended.done());
  server.close();
  auto waiting = tutti::create_task(server.wait_closed());
  for (int i = 0; i < 10; ++i) co_await tutti::sleep(0s);
  EXPECT_FALSE(waiting.done());
  waiting.cancel();
  EXPECT_THROW(co_await waiting, tutti::CancelledError);
  co_await close(streams.writer);
  co_await open_ended;
  co_await server.wait_closed();
}

// test_server: TestServer2.test_close_clients
TUTTI_TEST(Server, ClosesItsClients) {
  auto server = co_await tutti::start_server(hold, "127.0.0.1", 0);
  auto other = co_await tutti::start_server(hold, "127.0.0.1", 0);
  auto streams = co_await tutti::open_connection("127.0.0.1", server.port());
  auto untouched = co_await tutti::open_connection("127.0.0.1", other.port());
  co_await until([&] { return server.connections() == 1 && other.connections() == 1; });
  server.close_clients();
  EXPECT_EQ(co_await streams.reader.read(), "");
  EXPECT_EQ(other.connections(), 1U);
  co_await end(server);
  co_await close(streams.writer);
  co_await close(untouched.writer);
  co_await end(other);
}

// test_server: TestServer2.test_abort_clients
TUTTI_TEST(Server, AbortsItsClients) {
  const std::string large(16U << 20U, 'x');
  auto server = co_await tutti::start_server(
      [&](StreamReader reader, StreamWriter writer) -> Coro<> {
        writer.write(large);
        EXPECT_EQ(co_await reader.read(), "");
      },
      "127.0.0.1", 0);
  auto streams = co_await tutti::open_connection("127.0.0.1", server.port());
  (void)co_await streams.reader.peek();
  server.close();
  server.abort_clients();
  co_await server.wait_closed();
  EXPECT_LT((co_await streams.reader.read()).size(), large.size());
  co_await close(streams.writer);
}

TUTTI_TEST(Server, ServesUntilItsTaskIsCancelled) {
  auto server = co_await tutti::start_server(hold, "127.0.0.1", 0, {.start_serving = false});
  auto serving = tutti::create_task(server.serve_forever());
  co_await tutti::sleep(0s);
  EXPECT_TRUE(server.is_serving());
  EXPECT_THROW(co_await server.serve_forever(), tutti::RuntimeError);
  auto streams = co_await tutti::open_connection("127.0.0.1", server.port());
  co_await close(streams.writer);
  serving.cancel();
  EXPECT_THROW(co_await serving, tutti::CancelledError);
  EXPECT_TRUE(server.sockets().empty());
  EXPECT_THROW(co_await server.serve_forever(), tutti::RuntimeError);
}

TUTTI_TEST(Server, ServesUntilItIsClosed) {
  auto server = co_await tutti::start_server(hold, "127.0.0.1", 0);
  auto serving = tutti::create_task(server.serve_forever());
  co_await tutti::sleep(0s);
  server.close();
  EXPECT_THROW(co_await serving, tutti::CancelledError);
}

// ---- Unix sockets ----

TUTTI_TEST(UnixServer, Talks) {
  const test_support::ScratchDirectory folder;
  const std::string path = folder / "socket";
  auto server = co_await tutti::start_unix_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> { writer.write("you said " + co_await reader.read()); },
      path);
  EXPECT_EQ(server.sockets()[0].path(), path);
  EXPECT_THROW((void)server.port(), tutti::RuntimeError);
  auto [reader, writer] = co_await tutti::open_unix_connection(path);
  EXPECT_EQ(writer.peername().path(), path);
  writer.write("hello");
  writer.write_eof();
  EXPECT_EQ(co_await reader.read(), "you said hello");
  co_await close(writer);
  co_await end(server);
  EXPECT_FALSE(exists(path));
  EXPECT_THROW(co_await tutti::open_unix_connection(path), tutti::FileNotFoundError);
}

// test_unix_events: test_create_unix_server_existing_path_sock, …_nonsock
TUTTI_TEST(UnixServer, ReplacesASocketButNoFile) {
  const test_support::ScratchDirectory folder;
  const std::string path = folder / "socket";
  auto first = co_await tutti::start_unix_server(hold, path);
  auto second = co_await tutti::start_unix_server(hold, path);
  co_await end(first);  // it is not its file any more
  EXPECT_TRUE(exists(path));
  co_await end(second);
  EXPECT_FALSE(exists(path));
  std::ofstream(path) << "precious";
  EXPECT_EQ(co_await error_of<tutti::OSError>(tutti::start_unix_server(hold, path)),
            "listen " + path + ": address already in use");
  EXPECT_TRUE(exists(path));
  ::unlink(path.c_str());
}

// test_server: UnixServerCleanupTests.test_unix_server_cleanup_prevented, …_sock_cleanup, …_cleanup_gone
TUTTI_TEST(UnixServer, LeavesItsFileIfItIsToldSo) {
  const test_support::ScratchDirectory folder;
  const std::string path = folder / "socket";
  auto kept = co_await tutti::start_unix_server(hold, path, {.cleanup_socket = false});
  co_await end(kept);
  EXPECT_TRUE(exists(path));
  ::unlink(path.c_str());
  tutti::Socket ready(tutti::AddressFamily::local);
  ready.bind(tutti::Address::local(path));
  auto ready_made = co_await tutti::start_server(hold, std::move(ready));
  EXPECT_TRUE(exists(path));
  co_await end(ready_made);
  EXPECT_FALSE(exists(path));
  auto gone = co_await tutti::start_unix_server(hold, path);
  ::unlink(path.c_str());
  co_await end(gone);
}

TUTTI_TEST(UnixServer, ListensInTheAbstractNamespace) {
  const std::string name = std::string(1, '\0') + "tutti-test-" + std::to_string(::getpid());
  auto server = co_await tutti::start_unix_server(hold, name);
  auto streams = co_await tutti::open_unix_connection(name);
  co_await close(streams.writer);
  co_await end(server);
}

// ---- not too many connections ----

TUTTI_TEST(Server, AcceptsNoMoreThanItsMaximum) {
  auto server = co_await tutti::start_server(hold, "127.0.0.1", 0, {.max_connections = 2});
  std::vector<tutti::Streams> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(co_await tutti::open_connection("127.0.0.1", server.port()));
  co_await until([&] { return server.connections() == 2; });
  for (int i = 0; i < 20; ++i) co_await tutti::sleep(0s);
  EXPECT_EQ(server.connections(), 2U);
  // Each that ends makes room for one that waits.
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i].writer.write_eof();
    EXPECT_EQ(co_await clients[i].reader.read(), "");
    co_await close(clients[i].writer);
    co_await until([&] { return server.connections() == std::min<std::size_t>(2, clients.size() - i - 1); });
  }
  co_await until([&] { return server.connections() == 0; });
  const std::string said = tutti::testing::take_log().at(0);
  EXPECT_TRUE(contains(said, "pauses: max_connections is reached")) << said;
  co_await end(server);
  EXPECT_THROW((void)co_await tutti::start_server(hold, "127.0.0.1", 0, {.max_connections = 0}), tutti::ValueError);
}

TUTTI_TEST(Server, ClosesWhileItAcceptsNoMore) {
  auto server = co_await tutti::start_server(hold, "127.0.0.1", 0, {.max_connections = 1});
  auto first = co_await tutti::open_connection("127.0.0.1", server.port());
  auto second = co_await tutti::open_connection("127.0.0.1", server.port());
  co_await until([&] { return server.connections() == 1; });
  server.close();
  EXPECT_NE(co_await error_of<tutti::ConnectionError>(second.reader.read()), "no error");
  co_await close(first.writer);
  co_await server.wait_closed();
  second.writer.abort();
}

// ---- no descriptors left ----

TUTTI_TEST(ServerWithoutDescriptors, PausesAndServesAgain) {
  auto server = co_await tutti::start_server(
      [](StreamReader, StreamWriter writer) -> Coro<> {
        writer.write("served");
        co_return;
      },
      "127.0.0.1", 0);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  struct Restore {
    const rlimit& limit;
    ~Restore() { ::setrlimit(RLIMIT_NOFILE, &limit); }
  } const restore{before};
  // One descriptor is left, for the client's socket.
  const int last = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(last);
  const rlimit tight{static_cast<rlim_t>(last) + 1, before.rlim_max};
  auto first = [&]() -> Coro<std::string> {
    ::setrlimit(RLIMIT_NOFILE, &tight);
    auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
    std::string text;
    try {
      text = co_await reader.read();
    } catch (const tutti::ConnectionResetError&) {
      text = "reset";
    }
    co_await [](StreamWriter& own) -> Coro<> {
      own.close();
      try {
        co_await own.wait_closed();
      } catch (const tutti::ConnectionResetError&) {
      }
    }(writer);
    co_return text;
  };
  EXPECT_NE(co_await first(), "served");
  ::setrlimit(RLIMIT_NOFILE, &before);
  tutti::testing::expect_report("pauses: too many open files");
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
  EXPECT_EQ(co_await reader.read(), "served");
  co_await close(writer);
  co_await end(server);
}

}  // namespace
