// SPDX-License-Identifier: MIT
// Fetches a page again and again with Boost.Beast on Asio's coroutines, as its example of a coroutine client does it: one connection
// for each coroutine.
//   client_asio PORT PATH COUNT AT_ONCE BYTES
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio.hpp>
#include <boost/beast.hpp>

#include "../usage.hpp"

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Executor = asio::use_awaitable_t<>::executor_with_default<asio::any_io_executor>;
using Stream = boost::beast::tcp_stream::rebind_executor<Executor>::other;

namespace {

struct Connection {
  explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}
  Stream stream;
  boost::beast::flat_buffer buffer;
};

std::uint64_t left = 0;

asio::awaitable<void> fetch_until_done(Connection& connection, std::string path, std::size_t bytes) {
  while (left != 0) {
    --left;
    connection.stream.expires_after(std::chrono::seconds(30));
    http::request<http::empty_body> request(http::verb::get, path, 11);
    request.set(http::field::host, "127.0.0.1");
    request.set(http::field::user_agent, BOOST_BEAST_VERSION_STRING);
    co_await http::async_write(connection.stream, request);
    http::response<http::string_body> response;
    co_await http::async_read(connection.stream, connection.buffer, response);
    if (response.result_int() != 200 || response.body().size() != bytes) bench::stop("the page is wrong");
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 6) bench::stop("usage: client_asio PORT PATH COUNT AT_ONCE BYTES");
  const auto number = [&](int index) { return std::strtoull(arguments[index], nullptr, 10); };
  asio::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
  std::vector<std::unique_ptr<Connection>> connections;
  for (std::uint64_t i = 0; i < number(4); ++i) {
    tcp::socket socket(context);
    socket.connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(number(1))});
    socket.set_option(tcp::no_delay(true));
    connections.push_back(std::make_unique<Connection>(std::move(socket)));
  }
  const auto fetch = [&](std::uint64_t fetches) {
    left = fetches;
    for (auto& connection : connections) {
      asio::co_spawn(context, fetch_until_done(*connection, arguments[2], number(5)),
                     [](const std::exception_ptr& error) {
                       if (error) std::rethrow_exception(error);
                     });
    }
    context.restart();
    context.run();
  };
  fetch(2 * number(4));  // warm-up
  const bench::Usage usage;
  fetch(number(3));
  usage.tell(number(3));
}
