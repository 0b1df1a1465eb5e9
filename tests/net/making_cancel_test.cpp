// SPDX-License-Identifier: MIT
// Making servers and datagram sockets, and waiting for the end of a server, when the task is cancelled.
#include <tutti/net/datagram.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "net_support.hpp"

namespace {

using namespace net_support;
using test_support::turn;
using test_support::turns;
using tutti::StreamReader;
using tutti::StreamWriter;

Coro<> ignore_client(StreamReader, StreamWriter) { co_return; }

TUTTI_TEST(StartServer, CanBeCancelledAtAnyMoment) {
  for (int i = 0; i < 8; ++i) {
    auto task = tutti::create_task(tutti::start_server(ignore_client, "localhost", 0));
    co_await turns(i);
    if (task.cancel()) {
      CO_ASSERT_THROW((void)co_await task, tutti::CancelledError);
    } else {
      (co_await std::move(task)).close();
    }
  }
}

TUTTI_TEST(Server, IsWaitedForAgainWhenThatWasCancelled) {
  tutti::Future<> over;
  auto server = co_await tutti::start_server([over](StreamReader, StreamWriter) -> Coro<> { co_await over; },
                                             "127.0.0.1", 0, {.start_serving = false});
  auto beginning = tutti::create_task(server.start_serving());
  beginning.cancel();
  CO_ASSERT_THROW(co_await beginning, tutti::CancelledError);
  EXPECT_FALSE(server.is_serving());
  co_await server.start_serving();
  auto client = co_await tutti::open_connection("127.0.0.1", server.port());
  co_await until([&] { return server.connections() == 1; });
  server.close();
  auto waiting = tutti::create_task(server.wait_closed());
  co_await turn();
  waiting.cancel();
  CO_ASSERT_THROW(co_await waiting, tutti::CancelledError);
  EXPECT_EQ(server.connections(), 1U);
  over.set_result();
  co_await server.wait_closed();
  EXPECT_EQ(server.connections(), 0U);
  co_await close(client.writer);
}

TUTTI_TEST(DatagramSocket, MayBeCancelledWhileItIsMade) {
  for (int i = 0; i < 8; ++i) {
    const tutti::Task<tutti::DatagramSocket> tasks[] = {tutti::create_task(tutti::bind_udp("localhost", 0)),
                                                        tutti::create_task(tutti::connect_udp("localhost", 9))};
    co_await turns(i);
    for (const auto& task : tasks) {
      if (task.cancel()) {
        CO_ASSERT_THROW((void)co_await task, tutti::CancelledError);
      }
    }
  }
}

}  // namespace
