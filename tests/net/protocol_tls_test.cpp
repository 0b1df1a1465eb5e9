// SPDX-License-Identifier: MIT
// Protocols with TLS, and files through their transports. Tests that mirror one of CPython's name it.
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <tutti/net/sendfile.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "protocol_support.hpp"
#include "tls_support.hpp"

namespace {

using namespace std::chrono_literals;
using namespace tls_support;
using net_support::error_of;
using protocol_support::connected_ends;
using protocol_support::Coro;
using protocol_support::Ends;
using protocol_support::Events;
using protocol_support::Recorder;
using protocol_support::until;

const tutti::TLSOptions kLocalhost{.server_hostname = "localhost"};

Coro<> secure(Ends& ends) {
  auto server_side = tutti::create_task(tutti::start_tls(ends.peer->transport, ends.peer, server_context()));
  ends.client->transport = co_await tutti::start_tls(ends.client->transport, ends.client, client_context(), kLocalhost);
  ends.peer->transport = co_await server_side;
}

// test_ssl: test_start_tls_client_reg_proto_1, test_start_tls_server_1
TUTTI_TEST(ProtocolStartTLS, GoesOnWithTheSameProtocol) {
  Ends ends = co_await connected_ends();
  const std::string hello(100'000, '1');
  ends.client->transport->write(hello);
  co_await until([&] { return ends.peer->data.size() == hello.size(); });
  EXPECT_EQ(ends.client->transport->ssl_object(), nullptr);
  co_await secure(ends);
  EXPECT_EQ(ends.client->transport->ssl_object()->server_hostname(), "localhost");
  EXPECT_EQ(ends.client->transport->get_protocol(), ends.client);
  ends.peer->transport->write("O");
  co_await until([&] { return ends.client->data == "O"; });
  ends.client->transport->write(hello);
  co_await until([&] { return ends.peer->data.size() == 2 * hello.size(); });
  ends.peer->transport->close();
  co_await ends.client->lost;
  co_await ends.peer->lost;
  EXPECT_EQ(ends.client->events, (Events{"made", "data", "eof", "lost"}));
  EXPECT_EQ(ends.client->error, nullptr);
  ends.server.close();
}

TUTTI_TEST(ProtocolStartTLS, TakesWhatCameWhileReadingWasPaused) {
  Ends ends = co_await connected_ends();
  ends.peer->transport->pause_reading();
  auto client_side =
      tutti::create_task(tutti::start_tls(ends.client->transport, ends.client, client_context(), kLocalhost));
  for (int i = 0; i < 10; ++i) co_await tutti::sleep(0s);
  ends.peer->transport = co_await tutti::start_tls(ends.peer->transport, ends.peer, server_context());
  ends.client->transport = co_await client_side;
  ends.client->transport->write("ping");
  co_await until([&] { return ends.peer->data == "ping"; });
  co_await ends.close();
}

// test_ssl: test_start_tls_slow_client_cancel
TUTTI_TEST(ProtocolStartTLS, EndsTheConnectionWhenItIsCancelledOrFails) {
  Ends ends = co_await connected_ends();
  auto slow = tutti::create_task(tutti::start_tls(ends.client->transport, ends.client, client_context(), kLocalhost));
  co_await until([&] { return !ends.peer->data.empty(); });
  slow.cancel();
  EXPECT_THROW(co_await slow, tutti::CancelledError);
  co_await ends.peer->lost;
  EXPECT_FALSE(ends.client->has("lost"));
  ends.server.close();

  Ends other = co_await connected_ends([](Recorder& protocol) { protocol.on_data = [](tutti::BytesView) {}; });
  other.peer->transport->write("this is no TLS");
  const std::string text = co_await error_of<tutti::SSLError>(
      tutti::start_tls(other.client->transport, other.client, client_context(), kLocalhost));
  EXPECT_TRUE(net_support::contains(text, "TLS handshake with localhost (127.0.0.1:")) << text;
  co_await other.peer->lost;
  other.server.close();
}

// test_sslproto: test_start_tls_wrong_args
TUTTI_TEST(ProtocolStartTLS, RefusesWhatItCannotDo) {
  Ends ends = co_await connected_ends();
  EXPECT_THROW(co_await tutti::start_tls(ends.client->transport, nullptr, client_context(), kLocalhost),
               tutti::ValueError);
  EXPECT_THROW(co_await tutti::start_tls(ends.client->transport, ends.client, client_context()), tutti::ValueError);
  EXPECT_THROW(co_await tutti::start_tls(std::make_shared<tutti::Transport>(), ends.client, client_context()),
               tutti::ValueError);
  EXPECT_THROW(co_await tutti::sendfile(std::make_shared<tutti::Transport>(), 0), tutti::ValueError);
  ends.client->transport->write("in the clear");
  co_await until([&] { return ends.peer->data == "in the clear"; });
  co_await ends.close();
}

// test_sendfile: test_sendfile, test_sendfile_ssl, test_sendfile_pre_and_post_data
TUTTI_TEST(ProtocolSendfile, SendsAFile) {
  for (const bool tls : {false, true}) {
    Ends ends = co_await connected_ends();
    if (tls) co_await secure(ends);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
    const std::string data(3'000'000, 'x');
    (void)!std::fwrite(data.data(), 1, data.size(), file.get());
    (void)std::fflush(file.get());
    ends.client->transport->write("<");
    EXPECT_EQ(co_await tutti::sendfile(ends.client->transport, ::fileno(file.get())), data.size());
    ends.client->transport->write(">");
    co_await until([&] { return ends.peer->data.size() == data.size() + 2; });
    EXPECT_TRUE(ends.peer->data == "<" + data + ">");
    co_await ends.close();
  }
}

TUTTI_TEST(StreamsOnSockets, AreMadeFromReadyOnes) {
  tutti::Socket bound(tutti::AddressFamily::ipv4);
  bound.bind(*tutti::Address::parse("127.0.0.1", 0));
  auto server = co_await tutti::start_server(
      [](tutti::StreamReader, tutti::StreamWriter writer) -> Coro<> {
        writer.write("welcome");
        co_return;
      },
      std::move(bound), {.ssl = server_context()});
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port(), {.ssl = client_context()});
  EXPECT_EQ(co_await reader.read(), "welcome");
  co_await net_support::close(writer);
  server.close();
  co_await server.wait_closed();
  tutti::Socket datagram(tutti::AddressFamily::ipv4, tutti::SocketType::datagram);
  EXPECT_THROW(co_await tutti::open_connection(std::move(datagram)), tutti::ValueError);
}

}  // namespace
