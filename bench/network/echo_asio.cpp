// SPDX-License-Identifier: MIT
// An echo server on Boost.Asio as its documentation recommends it for speed: C++20 coroutines, one thread, and a context that is
// told so.
//   echo_asio PORT
#include <cstdint>
#include <cstdlib>

#include <boost/asio.hpp>

namespace asio = boost::asio;
using asio::ip::tcp;
constexpr auto token = asio::as_tuple(asio::use_awaitable);

namespace {

asio::awaitable<void> echo(tcp::socket socket) {
  char data[4096];
  for (;;) {
    const auto [failed, count] = co_await socket.async_read_some(asio::buffer(data), token);
    if (failed) co_return;
    const auto [stopped, written] = co_await asio::async_write(socket, asio::buffer(data, count), token);
    if (stopped || written != count) co_return;
  }
}

asio::awaitable<void> serve(std::uint16_t port) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::acceptor acceptor(executor, {asio::ip::address_v4::loopback(), port});
  for (;;) {
    auto [failed, socket] = co_await acceptor.async_accept(token);
    if (failed) continue;
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(executor, echo(std::move(socket)), asio::detached);
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  asio::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
  asio::co_spawn(context, serve(static_cast<std::uint16_t>(std::atoi(arguments[1]))), asio::detached);
  context.run();
}
