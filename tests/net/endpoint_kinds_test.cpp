// SPDX-License-Identifier: MIT
// Protocols on what is no plain socket: pipes, terminals, TLS.
#include <array>
#include <chrono>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <tutti/io/pipe.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "protocol_support.hpp"
#include "tls_support.hpp"

namespace {

using protocol_support::BufferRecorder;
using protocol_support::Coro;
using protocol_support::Events;
using protocol_support::make_recorder;
using protocol_support::Recorder;
using protocol_support::turns;
using protocol_support::until;
using tutti::Fd;
using tutti::Socket;

void write_to(const Fd& fd, tutti::BytesView text) {
  EXPECT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

std::string read_from(const Fd& fd) {
  std::array<char, 1024> bytes;
  const ssize_t count = ::read(fd.get(), bytes.data(), bytes.size());
  return count > 0 ? std::string(bytes.data(), static_cast<std::size_t>(count)) : std::string();
}

// ---- pipes ----

// test_events.EventLoopTestsMixin.test_read_pipe
TUTTI_TEST(ConnectReadPipe, ReadsUpToTheEnd) {
  auto [read_end, write_end] = tutti::make_pipe();
  auto [transport, protocol] = co_await tutti::connect_read_pipe(make_recorder(), std::move(read_end));
  EXPECT_EQ(protocol->transport, transport);
  EXPECT_EQ(protocol->events, Events{"made"});
  EXPECT_GE(transport->get_extra_info(tutti::extra_info::socket), 0);
  write_to(write_end, "1");
  co_await until([&] { return protocol->data == "1"; });
  write_to(write_end, "2345");
  co_await until([&] { return protocol->data == "12345"; });
  write_end.reset();
  co_await protocol->lost;
  EXPECT_EQ(protocol->events, (Events{"made", "data", "eof", "lost"}));
  EXPECT_FALSE(protocol->error);
}

TUTTI_TEST(ConnectReadPipe, PausesAndResumes) {
  auto [read_end, write_end] = tutti::make_pipe();
  auto [transport, protocol] = co_await tutti::connect_read_pipe(make_recorder(), std::move(read_end));
  transport->pause_reading();
  write_to(write_end, "held");
  co_await turns(5);
  EXPECT_EQ(protocol->data, "");
  transport->resume_reading();
  co_await until([&] { return protocol->data == "held"; });
  transport->close();
  co_await protocol->lost;
}

// test_events: test_read_pty_output
TUTTI_TEST(ConnectReadPipe, ReadsFromATerminal) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) CO_SKIP() << "no terminals here";
  const Fd slave(::open(::ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC));
  auto [transport, protocol] = co_await tutti::connect_read_pipe(make_recorder(), Fd(master));
  write_to(slave, "12345");
  co_await until([&] { return protocol->data == "12345"; });
  transport->close();
  co_await protocol->lost;
}

TUTTI_TEST(ConnectReadPipe, RefusesOtherFiles) {
  Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  int made = 0;
  EXPECT_THROW((void)co_await tutti::connect_read_pipe(
                   [&] {
                     ++made;
                     return std::make_shared<Recorder>();
                   },
                   std::move(file)),
               tutti::ValueError);
  EXPECT_EQ(made, 0);
}

// test_events: test_write_pipe
TUTTI_TEST(ConnectWritePipe, Writes) {
  auto [read_end, write_end] = tutti::make_pipe();
  auto [transport, protocol] = co_await tutti::connect_write_pipe(make_recorder(), std::move(write_end));
  transport->write("1");
  EXPECT_EQ(read_from(read_end), "1");
  transport->write("2345");
  EXPECT_EQ(read_from(read_end), "2345");
  EXPECT_EQ(protocol->events, Events{"made"});
  transport->close();
  co_await protocol->lost;
  EXPECT_EQ(protocol->events, (Events{"made", "lost"}));
  EXPECT_EQ(read_from(read_end), "");
}

TUTTI_TEST(ConnectWritePipe, KeepsWhatThePipeDoesNotTake) {
  auto [read_end, write_end] = tutti::make_pipe();
  auto [transport, protocol] = co_await tutti::connect_write_pipe(make_recorder(), std::move(write_end));
  const std::string flood(1U << 20U, 'x');
  transport->write(flood);
  EXPECT_EQ(protocol->events, (Events{"made", "pause"}));
  transport->close();
  std::size_t received = 0;
  const auto drain = [&] { received += read_from(read_end).size(); };
  tutti::get_running_loop().add_reader(read_end.get(), drain);
  co_await protocol->lost;
  tutti::get_running_loop().remove_reader(read_end.get());
  for (std::string rest = read_from(read_end); !rest.empty(); rest = read_from(read_end)) received += rest.size();
  EXPECT_EQ(received, flood.size());
}

// test_events: test_write_pipe_disconnect_on_close
TUTTI_TEST(ConnectWritePipe, NoticesThatNobodyReadsAnyMore) {
  auto [a, b] = Socket::pair();
  auto [transport, protocol] = co_await tutti::connect_write_pipe(make_recorder(), b.release());
  transport->write("1");
  EXPECT_EQ(co_await tutti::sock_recv(a, 1024), "1");
  a.close();
  co_await protocol->lost;
  EXPECT_TRUE(transport->is_closing());
}

// test_events: test_unclosed_pipe_transport
TEST(ConnectPipesOfAClosedLoop, AreLetGo) {
  for (const char* name : {"uring", "epoll", "poll"}) {
    if (std::string_view(name) == "uring" && !tutti::lowlevel::uring_available()) continue;
    std::weak_ptr<Recorder> reader;
    std::weak_ptr<Recorder> writer;
    tutti::EventLoop loop({.backend = tutti::lowlevel::make_backend(name)});
    loop.run_until_complete([&]() -> Coro<> {
      auto [read_end, write_end] = tutti::make_pipe();
      reader = (co_await tutti::connect_read_pipe(make_recorder(), std::move(read_end))).protocol;
      writer = (co_await tutti::connect_write_pipe(make_recorder(), std::move(write_end))).protocol;
    });
    EXPECT_FALSE(reader.expired() || writer.expired());
    loop.close();
    EXPECT_TRUE(reader.expired() && writer.expired());
  }
}

// ---- TLS ----

// test_events: test_create_server_ssl, test_create_server_ssl_verified
TUTTI_TEST(ProtocolWithTls, IsMadeAfterTheHandshake) {
  const auto peer = std::make_shared<Recorder>();
  auto server =
      co_await tutti::create_server([peer] { return peer; }, "127.0.0.1", 0, {.ssl = tls_support::server_context()});
  auto [transport, client] =
      co_await tutti::create_connection([] { return std::make_shared<BufferRecorder>(); }, "127.0.0.1", server.port(),
                                        {.ssl = tls_support::client_context()});
  EXPECT_NE(transport->get_extra_info(tutti::extra_info::ssl_object), nullptr);
  EXPECT_FALSE(transport->can_write_eof());
  const std::string large(300'000, 'x');
  peer->on_data = [&](tutti::BytesView data) { peer->transport->write(data); };
  transport->write(large);
  co_await until([&] { return client->data.size() == large.size(); });
  transport->close();
  co_await client->lost;
  co_await peer->lost;
  EXPECT_EQ(peer->events, (Events{"made", "data", "eof", "lost"}));
  server.close();
  co_await server.wait_closed();
}

// test_events: test_create_server_ssl_verify_failed
TUTTI_TEST(ProtocolWithTls, IsNotMadeIfTheHandshakeFails) {
  int made = 0;
  const auto count = [&] {
    ++made;
    return std::make_shared<Recorder>();
  };
  auto server = co_await tutti::create_server(count, "127.0.0.1", 0, {.ssl = tls_support::server_context()});
  EXPECT_THROW((void)co_await tutti::create_connection(count, "127.0.0.1", server.port(), {.ssl = true}),
               tutti::SSLCertVerificationError);
  server.close();
  co_await server.wait_closed();
  EXPECT_EQ(made, 0);
}

// test_events: test_ssl_connect_accepted_socket
TUTTI_TEST(ProtocolWithTls, WorksOnReadySockets) {
  auto [a, b] = Socket::pair();
  auto accepting = tutti::create_task(
      tutti::connect_accepted_socket(make_recorder(), std::move(a), {.ssl = tls_support::server_context()}));
  auto client =
      (co_await tutti::create_connection(make_recorder(), std::move(b),
                                         {.ssl = tls_support::client_context(), .server_hostname = "localhost"}))
          .protocol;
  auto server = (co_await accepting).protocol;
  client->transport->write("secret");
  co_await until([&] { return server->data == "secret"; });
  server->transport->close();
  co_await client->lost;
  co_await server->lost;
  auto [c, d] = Socket::pair();
  EXPECT_THROW((void)co_await tutti::create_connection(make_recorder(), std::move(c), {.ssl = true}),
               tutti::ValueError);
  EXPECT_THROW((void)co_await tutti::connect_accepted_socket(make_recorder(), std::move(d),
                                                             {.ssl = tls_support::client_context()}),
               tutti::ValueError);
}

TUTTI_TEST(ProtocolWithTls, PausesAndResumes) {
  const auto peer = std::make_shared<Recorder>();
  auto server =
      co_await tutti::create_server([peer] { return peer; }, "127.0.0.1", 0, {.ssl = tls_support::server_context()});
  auto [transport, client] = co_await tutti::create_connection(make_recorder(), "127.0.0.1", server.port(),
                                                               {.ssl = tls_support::client_context()});
  co_await peer->made;
  peer->transport->pause_reading();
  transport->write("held");
  transport->close();
  co_await turns(20);
  EXPECT_EQ(peer->events, Events{"made"});
  peer->transport->resume_reading();
  co_await peer->lost;
  EXPECT_EQ(peer->data, "held");
  EXPECT_EQ(peer->events, (Events{"made", "data", "eof", "lost"}));
  co_await client->lost;
  server.close();
  co_await server.wait_closed();
}

}  // namespace
