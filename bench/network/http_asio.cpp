// SPDX-License-Identifier: MIT
// "Hello, World!" over HTTP/1.1, as text and as JSON, with Boost.Beast on Asio's coroutines, as its example of a coroutine server does it.
//   http_asio PORT
#include <chrono>
#include <cstdint>
#include <cstdlib>

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <boost/json/src.hpp>

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Executor = asio::use_awaitable_t<>::executor_with_default<asio::any_io_executor>;
using Stream = boost::beast::tcp_stream::rebind_executor<Executor>::other;

namespace {

asio::awaitable<void> serve_connection(Stream stream) {
  boost::beast::flat_buffer buffer;
  try {
    for (bool more = true; more;) {
      stream.expires_after(std::chrono::seconds(30));
      http::request<http::string_body> request;
      co_await http::async_read(stream, buffer, request);
      http::response<http::string_body> response(http::status::ok, request.version());
      response.keep_alive(request.keep_alive());
      if (request.target() == "/json") {
        response.set(http::field::content_type, "application/json");
        response.body() = boost::json::serialize(boost::json::object{{"message", "Hello, World!"}});
      } else {
        response.set(http::field::content_type, "text/plain");
        response.body() = "Hello, World!";
      }
      response.prepare_payload();
      more = response.keep_alive();
      co_await http::async_write(stream, response);
    }
  } catch (const boost::system::system_error&) {  // the load ends without a word
  }
}

asio::awaitable<void> serve(std::uint16_t port) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::acceptor acceptor(executor, {asio::ip::address_v4::loopback(), port});
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(executor, serve_connection(Stream(std::move(socket))), asio::detached);
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  asio::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
  asio::co_spawn(context, serve(static_cast<std::uint16_t>(std::atoi(arguments[1]))), asio::detached);
  context.run();
}
