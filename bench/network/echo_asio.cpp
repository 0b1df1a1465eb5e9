// SPDX-License-Identifier: MIT
// An echo server on Boost.Asio as its documentation recommends it for speed: C++20 coroutines, one thread, and a context that is
// told so.
//   echo_asio PORT|PATH [LOOPS]
#include <cstdint>
#include <cstdlib>
#include <string>
#include <type_traits>

#include <boost/asio.hpp>

#include "listen.hpp"

namespace asio = boost::asio;
using asio::ip::tcp;
constexpr auto token = asio::as_tuple(asio::use_awaitable);

namespace {

template <class Socket>
asio::awaitable<void> echo(Socket socket) {
  char data[4096];
  for (;;) {
    const auto [failed, count] = co_await socket.async_read_some(asio::buffer(data), token);
    if (failed) co_return;
    const auto [stopped, written] = co_await asio::async_write(socket, asio::buffer(data, count), token);
    if (stopped || written != count) co_return;
  }
}

template <class Protocol>
asio::awaitable<void> serve(typename Protocol::acceptor acceptor) {
  for (;;) {
    auto [failed, socket] = co_await acceptor.async_accept(token);
    if (failed) continue;
    if constexpr (std::is_same_v<Protocol, tcp>) socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
  }
}

template <class Protocol>
void run(const char* where) {
  asio::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
  const Protocol protocol = [] {
    if constexpr (std::is_same_v<Protocol, tcp>)
      return tcp::v4();
    else
      return Protocol();
  }();
  asio::co_spawn(context, serve<Protocol>({context, protocol, bench::listen_on(where)}), asio::detached);
  context.run();
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  const std::string where = arguments[1];
  bench::on_threads(count > 2 ? std::atoi(arguments[2]) : 1, [&] {
    where.find('/') != std::string::npos ? run<asio::local::stream_protocol>(arguments[1]) : run<tcp>(arguments[1]);
  });
}
