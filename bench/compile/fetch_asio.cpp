// SPDX-License-Identifier: MIT
// The same as fetch_tutti.cpp with Boost.Asio: its coroutines, its `&&`, and as little HTTP as will do (no Boost.Beast, no
// URLs, no parsing: the size that is printed includes the headers).
#include <cstdio>
#include <string>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace asio::experimental::awaitable_operators;

asio::awaitable<std::string> fetch(std::string host, std::string port) {
  auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  auto addresses = co_await resolver.async_resolve(host, port, asio::use_awaitable);
  tcp::socket socket(executor);
  co_await asio::async_connect(socket, addresses, asio::use_awaitable);
  std::string request = "GET / HTTP/1.0\r\nHost: " + host + "\r\n\r\n";
  co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
  std::string response;
  try {
    co_await asio::async_read(socket, asio::dynamic_buffer(response), asio::use_awaitable);
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::eof) throw;
  }
  co_return response;
}

asio::awaitable<void> async_main(std::string host, std::string port) {
  auto [a, b] = co_await (fetch(host, port) && fetch(host, port));
  std::printf("%zu and %zu bytes\n", a.size(), b.size());
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  asio::io_context context;
  asio::co_spawn(context, async_main(argv[1], argv[2]), [](std::exception_ptr exception) {
    if (exception) std::rethrow_exception(exception);
  });
  context.run();
}
