// SPDX-License-Identifier: MIT
// Connections that begin in the clear and go on with TLS, and TLS inside TLS. Tests that mirror one of CPython's name it.
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "tls_support.hpp"
#include "support/scratch_directory.hpp"

namespace {

using namespace net_support;
using namespace tls_support;
using namespace std::chrono_literals;
using tutti::StreamReader;
using tutti::StreamWriter;

const tutti::TLSOptions kLocalhost{.server_hostname = "localhost"};

Coro<> secure(Pair& pair) {
  auto server_side = tutti::create_task(pair.peer.writer.start_tls(server_context()));
  co_await pair.client.writer.start_tls(client_context(), kLocalhost);
  co_await server_side;
}

// test_streams: test_start_tls; test_ssl: test_start_tls_client_reg_proto_1, test_start_tls_server_1
TUTTI_TEST(StartTLS, GoesOnWithTheSameStreams) {
  auto pair = co_await connected_pair();
  pair.client.writer.write("STARTTLS\n");
  EXPECT_EQ(co_await pair.peer.reader.readline(), "STARTTLS\n");
  EXPECT_EQ(pair.client.writer.ssl_object(), nullptr);
  co_await secure(pair);
  CO_ASSERT_TRUE(pair.client.writer.ssl_object() != nullptr);
  EXPECT_EQ(pair.client.writer.ssl_object()->server_hostname(), "localhost");
  EXPECT_TRUE(pair.peer.writer.ssl_object()->server_side());
  const std::string large(300'000, 'x');
  pair.client.writer.write(large);
  EXPECT_EQ(co_await pair.peer.reader.readexactly(large.size()), large);
  pair.peer.writer.write("good bye");
  pair.peer.writer.close();
  EXPECT_EQ(co_await pair.client.reader.read(), "good bye");
  co_await close(pair);
}

// gh-142352: what came with the request is the handshake's beginning
TUTTI_TEST(StartTLS, TakesWhatCameAlready) {
  auto pair = co_await connected_pair();
  pair.client.writer.write("STARTTLS\n");
  auto client_side = tutti::create_task(pair.client.writer.start_tls(client_context(), kLocalhost));
  co_await until([&] { return pair.peer.reader.buffered().size() > 100; });
  EXPECT_EQ(co_await pair.peer.reader.readline(), "STARTTLS\n");
  co_await pair.peer.writer.start_tls(server_context());
  co_await client_side;
  pair.client.writer.write("ping");
  EXPECT_EQ(co_await pair.peer.reader.readexactly(4), "ping");
  co_await close(pair);
}

TUTTI_TEST(StartTLS, ReadsNothingThatWasInjectedInTheClear) {
  auto pair = co_await connected_pair();
  pair.peer.writer.write("220 go ahead\n250 injected\n");
  EXPECT_EQ(co_await pair.client.reader.readline(), "220 go ahead\n");
  EXPECT_EQ(pair.client.reader.buffered(), "250 injected\n");
  const std::string text =
      co_await error_of<tutti::SSLError>(pair.client.writer.start_tls(client_context(), kLocalhost));
  EXPECT_TRUE(contains(text, "TLS handshake with localhost (127.0.0.1:")) << text;
  EXPECT_THROW(co_await pair.client.reader.read(), tutti::SSLError);
  pair.peer.writer.abort();
  pair.server.close();
}

TUTTI_TEST(StartTLS, EncryptsWhatIsWrittenDuringTheHandshake) {
  auto pair = co_await connected_pair();
  auto client_side = tutti::create_task(pair.client.writer.start_tls(client_context(), kLocalhost));
  co_await tutti::sleep(0s);
  const std::string large(200'000, 'x');
  pair.client.writer.write("early ");
  pair.client.writer.write(large);
  EXPECT_EQ(pair.client.writer.transport().write_buffer_size(), large.size() + 6);
  auto drain = tutti::create_task(pair.client.writer.drain());
  auto read = tutti::create_task(pair.client.reader.readline());
  co_await tutti::sleep(0s);
  EXPECT_FALSE(drain.done());
  auto server_side = tutti::create_task(pair.peer.writer.start_tls(server_context()));
  EXPECT_EQ(co_await pair.peer.reader.readexactly(6), "early ");
  EXPECT_EQ(co_await pair.peer.reader.readexactly(large.size()), large);
  co_await client_side;
  co_await server_side;
  co_await drain;
  pair.peer.writer.write("answer\n");
  EXPECT_EQ(co_await read, "answer\n");
  co_await close(pair);
}

TUTTI_TEST(StartTLS, EndsTheConnectionWhenItFails) {
  auto pair = co_await connected_pair();
  auto server_side = tutti::create_task(pair.peer.writer.start_tls(server_context()));
  EXPECT_THROW(co_await pair.client.writer.start_tls(tutti::create_default_context(), kLocalhost),
               tutti::SSLCertVerificationError);
  EXPECT_THROW(co_await pair.client.reader.read(), tutti::SSLCertVerificationError);
  EXPECT_TRUE(pair.client.writer.is_closing());
  const std::string text = co_await error_of<tutti::SSLError>(server_side);
  EXPECT_TRUE(contains(text, "alert unknown ca")) << text;
  pair.server.close();
  co_await pair.server.wait_closed();
}

TUTTI_TEST(StartTLS, LeavesTheConnectionAloneWhenTheOptionsAreWrong) {  // test_sslproto: test_start_tls_wrong_args
  auto pair = co_await connected_pair();
  EXPECT_THROW(co_await pair.client.writer.start_tls(client_context()), tutti::ValueError);
  pair.client.writer.write("in the clear");
  EXPECT_EQ(co_await pair.peer.reader.readexactly(12), "in the clear");
  co_await close(pair);
}

// test_ssl: test_start_tls_slow_client_cancel; test_sslproto: test_close_during_handshake
TUTTI_TEST(StartTLS, EndsTheConnectionWhenItIsCancelledOrClosed) {
  auto pair = co_await connected_pair();
  auto first = tutti::create_task(pair.client.writer.start_tls(client_context(), kLocalhost));
  co_await until([&] { return !pair.peer.reader.buffered().empty(); });
  first.cancel();
  EXPECT_THROW(co_await first, tutti::CancelledError);
  EXPECT_TRUE(pair.client.writer.is_closing());
  co_await pair.client.writer.wait_closed();
  co_await close(pair);

  auto other = co_await connected_pair();
  auto second = tutti::create_task(other.client.writer.start_tls(client_context(), kLocalhost));
  co_await until([&] { return !other.peer.reader.buffered().empty(); });
  other.client.writer.close();
  const std::string text = co_await error_of<tutti::ConnectionAbortedError>(second);
  EXPECT_TRUE(contains(text, ": the connection was closed")) << text;
  EXPECT_THROW(co_await other.client.writer.wait_closed(), tutti::ConnectionAbortedError);
  co_await close(other.peer.writer);
  other.server.close();
}

TUTTI_TEST(StartTLS, SaysWhenThePeerHasEnded) {
  auto pair = co_await connected_pair();
  pair.peer.writer.write_eof();
  EXPECT_EQ(co_await pair.client.reader.read(), "");
  EXPECT_THROW(co_await pair.client.writer.start_tls(client_context(), kLocalhost), tutti::ConnectionResetError);
  pair.server.close();
  co_await close(pair.peer.writer);
}

TUTTI_TEST(StartTLS, SaysWhenTheConnectionIsLost) {
  auto pair = co_await connected_pair();
  pair.client.writer.abort();
  co_await pair.client.writer.wait_closed();
  EXPECT_THROW(co_await pair.client.writer.start_tls(client_context(), kLocalhost), tutti::ConnectionResetError);
  co_await close(pair);
}

// ---- over other things than TCP ----

// test_ssl: test_create_server_ssl_over_ssl
TUTTI_TEST(TLSInsideTLS, Works) {
  auto pair = co_await tls_pair();
  co_await secure(pair);
  const std::string large(300'000, 'x');
  auto write = [&]() -> Coro<> {
    pair.client.writer.write(large);
    co_await pair.client.writer.drain();
  };
  auto writing = tutti::create_task(write);
  EXPECT_EQ(co_await pair.peer.reader.readexactly(large.size()), large);
  co_await writing;
  pair.peer.writer.write("good bye");
  pair.peer.writer.close();
  EXPECT_EQ(co_await pair.client.reader.read(), "good bye");
  EXPECT_EQ(pair.client.writer.ssl_object()->server_hostname(), "localhost");
  co_await close(pair);
}

// test_streams: test_open_unix_connection_no_loop_ssl
TUTTI_TEST(TLSOverUnixSockets, Works) {
  const test_support::ScratchDirectory folder;
  const std::string path = folder / "socket";
  auto server = co_await tutti::start_unix_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        writer.write("you said " + co_await reader.readline());
      },
      path, {.ssl = server_context()});
  auto [reader, writer] =
      co_await tutti::open_unix_connection(path, {.ssl = client_context(), .server_hostname = "localhost"});
  writer.write("hello\n");
  EXPECT_EQ(co_await reader.read(), "you said hello\n");
  co_await close(writer);
  server.close();
  co_await server.wait_closed();
}

}  // namespace
