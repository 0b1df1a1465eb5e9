// SPDX-License-Identifier: MIT
// CPython's test_streams, second part: streams on sockets, writers, servers.
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include <tutti/base/fd.hpp>
#include <tutti/io/streams.hpp>
#include <tutti/net/server.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/net/sockets.hpp>
#include <tutti/net/streams.hpp>
#include <tutti/testing/reports.hpp>

#include "conformance/conformance.hpp"
#include "conformance/io_support.hpp"

namespace tutti::conformance {
namespace {

using std::string;

Coro<> expect_response(Streams streams) {
  streams.writer.write(http_request);
  EXPECT_EQ(co_await streams.reader.readline(), "HTTP/1.0 200 OK\r\n");
  EXPECT_TRUE((co_await streams.reader.read()).ends_with("\r\n\r\nTest message"));
  co_await close(streams.writer);
}

CONFORMANCE_IO(test_streams, StreamTests, test_open_connection) {
  auto server = co_await run_test_server();
  co_await expect_response(co_await open_connection("127.0.0.1", server.port()));
  co_await stop(server);
}

CONFORMANCE_IO(test_streams, StreamTests, test_open_unix_connection) {
  const UnixSocketPath socket;
  auto server = co_await start_unix_server(&serve_http, socket.path());
  co_await expect_response(co_await open_unix_connection(socket.path()));
  co_await stop(server);
}

CONFORMANCE_IO(test_streams, StreamTests, test_open_connection_no_loop_ssl) {
  auto server = co_await run_test_server({.ssl = tls_support::server_context()});
  co_await expect_response(
      co_await open_connection("127.0.0.1", server.port(), {.ssl = tls_support::client_context()}));
  co_await stop(server);
}

CONFORMANCE_IO(test_streams, StreamTests, test_open_unix_connection_no_loop_ssl) {
  const UnixSocketPath socket;
  auto server = co_await start_unix_server(&serve_http, socket.path(), {.ssl = tls_support::server_context()});
  co_await expect_response(co_await open_unix_connection(
      socket.path(), {.ssl = tls_support::client_context(), .server_hostname = "localhost"}));
  co_await stop(server);
}

Coro<> echo_line(StreamReader reader, StreamWriter writer) {
  writer.write(co_await reader.readline());
  co_await writer.drain();
  co_await close(writer);
}

Coro<string> say_hello(Streams streams) {
  streams.writer.write("hello world!\n");
  string answer = co_await streams.reader.readline();
  co_await close(streams.writer);
  co_return answer;
}

CONFORMANCE_IO(test_streams, StreamTests, test_start_server) {
  Socket socket(AddressFamily::ipv4);
  socket.bind(*Address::parse("127.0.0.1", 0));
  auto on_socket = co_await start_server(&echo_line, std::move(socket));
  EXPECT_EQ(co_await say_hello(co_await open_connection("127.0.0.1", on_socket.port())), "hello world!\n");
  co_await stop(on_socket);

  std::vector<Task<>> tasks;
  auto with_callback = co_await start_server(
      [&](StreamReader reader, StreamWriter writer) {
        tasks.push_back(create_task(echo_line(std::move(reader), std::move(writer))));
      },
      "127.0.0.1", 0);
  EXPECT_EQ(co_await say_hello(co_await open_connection("127.0.0.1", with_callback.port())), "hello world!\n");
  co_await stop(with_callback);
  for (auto& task : tasks) co_await task;
  EXPECT_EQ(tasks.size(), 1U);
}

CONFORMANCE_IO(test_streams, StreamTests, test_start_unix_server) {
  const UnixSocketPath socket;
  auto server = co_await start_unix_server(&echo_line, socket.path());
  EXPECT_EQ(co_await say_hello(co_await open_unix_connection(socket.path())), "hello world!\n");
  co_await stop(server);

  std::vector<Task<>> tasks;
  auto with_callback = co_await start_unix_server(
      [&](StreamReader reader, StreamWriter writer) -> Coro<> {
        tasks.push_back(create_task(echo_line(std::move(reader), std::move(writer))));
        co_return;
      },
      socket.path());
  EXPECT_EQ(co_await say_hello(co_await open_unix_connection(socket.path())), "hello world!\n");
  co_await stop(with_callback);
  for (auto& task : tasks) co_await task;
  EXPECT_EQ(tasks.size(), 1U);
}

CONFORMANCE_IO(test_streams, StreamTests, test_start_tls) {
  auto server = co_await start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        writer.write(co_await reader.readline());
        co_await writer.drain();
        EXPECT_EQ(writer.ssl_object(), nullptr);
        co_await writer.start_tls(tls_support::server_context());
        EXPECT_NE(writer.ssl_object(), nullptr);
        writer.write(co_await reader.readline());
        co_await writer.drain();
        co_await close(writer);
      },
      "127.0.0.1", 0);
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
  writer.write("hello world 1!\n");
  co_await writer.drain();
  EXPECT_EQ(co_await reader.readline(), "hello world 1!\n");
  EXPECT_EQ(writer.ssl_object(), nullptr);
  co_await writer.start_tls(tls_support::client_context(), {.server_hostname = "localhost"});
  EXPECT_NE(writer.ssl_object(), nullptr);
  writer.write("hello world 2!\n");
  co_await writer.drain();
  EXPECT_EQ(co_await reader.readline(), "hello world 2!\n");
  co_await close(writer);
  co_await stop(server);
}

CONFORMANCE_IO(test_streams, StreamTests, test_start_tls_buffered_data) {
  // The client's first TLS bytes are in the server's reader before that goes on with TLS.
  auto server = co_await start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        EXPECT_EQ(co_await reader.readline(), "STARTTLS\n");
        EXPECT_FALSE((co_await reader.peek()).empty());
        co_await writer.start_tls(tls_support::server_context());
        EXPECT_EQ(co_await reader.readline(), "hello\n");
        writer.write("world\n");
        co_await writer.drain();
        co_await close(writer);
      },
      "127.0.0.1", 0);
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
  writer.write("STARTTLS\n");
  co_await writer.start_tls(tls_support::client_context(), {.server_hostname = "localhost"});
  writer.write("hello\n");
  co_await writer.drain();
  EXPECT_EQ(co_await reader.readline(), "world\n");
  co_await close(writer);
  co_await stop(server);
}

CONFORMANCE_IO(test_streams, StreamTests, test_multiple_drain) {
  auto [here, there] = Socket::pair();
  auto [reader, writer] = co_await open_connection(std::move(here));
  const string much(4 * 1024 * 1024, 'x');
  writer.write(much);
  int drained = 0;
  const auto drain = [&]() -> Coro<> {
    co_await writer.drain();
    ++drained;
  };
  std::vector<Task<>> drainers;
  for (int i = 0; i < 10; ++i) drainers.push_back(create_task(drain));
  co_await turn();
  co_await turn();
  EXPECT_EQ(drained, 0);
  for (std::size_t size = 0; size < much.size();) size += (co_await sock_recv(there, 65536)).size();
  for (auto& drainer : drainers) co_await drainer;
  EXPECT_EQ(drained, 10);
  co_await close(writer);
}

CONFORMANCE_IO(test_streams, StreamTests, test_drain_raises) {
  // The peer is no part of the loop; `drain` must end though it never has to wait.
  Socket listener(AddressFamily::ipv4);
  listener.bind(*Address::parse("127.0.0.1", 0));
  listener.listen(1);
  auto [reader, writer] = co_await open_connection(listener.getsockname());
  Fd(::accept(listener.fd(), nullptr, nullptr)).reset();
  std::exception_ptr error;
  while (!error) {
    writer.write("foo\n");
    error = co_await error_of(writer.drain());
  }
  EXPECT_TRUE(holds<ConnectionResetError>(error) || holds<ConnectionAbortedError>(error) ||
              holds<BrokenPipeError>(error))
      << describe(error);
  writer.close();
}

CONFORMANCE_IO(test_streams, StreamTests, test_wait_closed_on_close) {
  auto server = co_await run_test_server();
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
  writer.write(http_request);
  EXPECT_EQ(co_await reader.readline(), "HTTP/1.0 200 OK\r\n");
  EXPECT_TRUE((co_await reader.read()).ends_with("\r\n\r\nTest message"));
  EXPECT_FALSE(writer.is_closing());
  writer.close();
  EXPECT_TRUE(writer.is_closing());
  co_await writer.wait_closed();
  co_await stop(server);
}

CONFORMANCE_IO(test_streams, StreamTests, test_wait_closed_on_close_with_unread_data) {
  auto server = co_await run_test_server();
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
  writer.write(http_request);
  EXPECT_EQ(co_await reader.readline(), "HTTP/1.0 200 OK\r\n");
  co_await close(writer);
  co_await stop(server);
}

CONFORMANCE_IO(test_streams, StreamTests, test_async_writer_api) {
  auto server = co_await run_test_server();
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
  writer.write(http_request);
  EXPECT_EQ(co_await reader.readline(), "HTTP/1.0 200 OK\r\n");
  EXPECT_TRUE((co_await reader.read()).ends_with("\r\n\r\nTest message"));
  co_await close(writer);
  EXPECT_TRUE(testing::take_reports().empty());
  co_await stop(server);
}

CONFORMANCE_IO(test_streams, StreamTests, test_async_writer_api_exception_after_close) {
  auto server = co_await run_test_server();
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
  writer.write(http_request);
  EXPECT_EQ(co_await reader.readline(), "HTTP/1.0 200 OK\r\n");
  EXPECT_TRUE((co_await reader.read()).ends_with("\r\n\r\nTest message"));
  writer.close();
  writer.write("data");
  EXPECT_THROW(co_await writer.drain(), ConnectionResetError);
  EXPECT_TRUE(testing::take_reports().empty());
  co_await stop(server);
}

CONFORMANCE_IO(test_streams, StreamTests, test_eof_feed_when_closing_writer) {
  auto server = co_await run_test_server();
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
  co_await close(writer);
  EXPECT_TRUE(reader.at_eof());
  EXPECT_EQ(co_await reader.read(), "");
  EXPECT_TRUE(testing::take_reports().empty());
  co_await stop(server);
}

CONFORMANCE_IO(test_streams, StreamTests, test_unclosed_resource_warnings) {
  auto server = co_await run_test_server();
  {
    auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
    writer.write(http_request);
    EXPECT_EQ(co_await reader.readline(), "HTTP/1.0 200 OK\r\n");
    EXPECT_TRUE((co_await reader.read()).ends_with("\r\n\r\nTest message"));
    EXPECT_TRUE(testing::take_reports().empty());
  }
  const auto reports = testing::take_reports();
  EXPECT_EQ(reports.size(), 1U);
  for (const auto& report : reports) EXPECT_TRUE(report.message.starts_with("unclosed StreamWriter"));
  co_await stop(server);
}

CONFORMANCE_IO(test_streams, StreamTests, test_unhandled_exception) {
  auto server = co_await start_server(
      [](StreamReader, StreamWriter) -> Coro<> {
        throw RuntimeError("test");
        co_return;
      },
      "127.0.0.1", 0);
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
  writer.write("test msg");
  co_await writer.drain();
  (void)co_await error_of(reader.read());
  writer.close();
  (void)co_await error_of(writer.wait_closed());
  co_await stop(server);
  const auto reports = testing::take_reports();
  EXPECT_EQ(reports.size(), 1U);
  for (const auto& report : reports) EXPECT_EQ(message_in<RuntimeError>(report.exception), "test");
}

CONFORMANCE_IO(test_streams, StreamTests, test_unhandled_cancel) {
  // A handler that ends by being cancelled is nothing to report.
  auto server = co_await start_server(
      [](StreamReader, StreamWriter) -> Coro<> {
        current_task()->cancel();
        co_await sleep(0s);
      },
      "127.0.0.1", 0);
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
  writer.write("test msg");
  co_await writer.drain();
  (void)co_await error_of(reader.read());
  writer.close();
  (void)co_await error_of(writer.wait_closed());
  co_await stop(server);
  EXPECT_TRUE(testing::take_reports().empty());
}

}  // namespace
}  // namespace tutti::conformance
