// SPDX-License-Identifier: MIT
// Making transports, servers and datagram sockets, and waiting for the end of a server, when the task is cancelled.
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>

#include <tutti/net/datagram.hpp>
#include <tutti/net/endpoints.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "net_support.hpp"
#include "protocol_support.hpp"
#include "support/scratch_directory.hpp"

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

// They never wait, so there is one moment only.
TUTTI_TEST(StartUnixServer, MakesNoFileWhenItIsCancelledBeforeItBegins) {
  const test_support::ScratchDirectory folder;
  const std::vector<tutti::Task<tutti::Server>> servers = {
      tutti::create_task(tutti::start_unix_server(ignore_client, folder / "streams")),
      tutti::create_task(tutti::create_unix_server(protocol_support::make_recorder(), folder / "protocols"))};
  const std::vector<tutti::Task<tutti::DatagramSocket>> sockets = {
      tutti::create_task(tutti::bind_unix_datagram(folder / "bound")),
      tutti::create_task(tutti::connect_unix_datagram(folder / "other",
                                                      {.local_address = tutti::Address::local(folder / "connected")}))};
  for (const auto& task : servers) task.cancel();
  for (const auto& task : sockets) task.cancel();
  for (const auto& task : servers) CO_ASSERT_THROW((void)co_await task, tutti::CancelledError);
  for (const auto& task : sockets) CO_ASSERT_THROW((void)co_await task, tutti::CancelledError);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TUTTI_TEST(Server, ServesAllTheSameWhenTheStartOfThatIsCancelledMeanwhile) {
  auto server = co_await tutti::start_server(ignore_client, "127.0.0.1", 0, {.start_serving = false});
  auto beginning = tutti::create_task(server.start_serving());
  co_await turn();
  EXPECT_TRUE(beginning.cancel());
  CO_ASSERT_THROW(co_await beginning, tutti::CancelledError);
  EXPECT_TRUE(server.is_serving());
  server.close();
  co_await server.wait_closed();
}

TUTTI_TEST(Server, WhoseServingIsCancelledWaitsForItsConnectionsUntilASecondCancellation) {
  for (const bool twice : {false, true}) {
    tutti::Future<> over;
    auto server =
        co_await tutti::start_server([over](StreamReader, StreamWriter) -> Coro<> { co_await over; }, "127.0.0.1", 0);
    auto serving = tutti::create_task(server.serve_forever());
    auto client = co_await tutti::open_connection("127.0.0.1", server.port());
    co_await until([&] { return server.connections() == 1; });
    serving.cancel();
    co_await turns(3);
    EXPECT_FALSE(serving.done());
    EXPECT_TRUE(server.sockets().empty());
    if (twice) {
      serving.cancel();
      CO_ASSERT_THROW(co_await serving, tutti::CancelledError);
      EXPECT_EQ(server.connections(), 1U);
    }
    over.set_result();
    CO_ASSERT_THROW(co_await serving, tutti::CancelledError);
    co_await server.wait_closed();
    co_await close(client.writer);
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

// ---- transports ----

using Recorders = std::vector<std::shared_ptr<protocol_support::Recorder>>;
using Making = Coro<tutti::Connected<protocol_support::Recorder>>;

/// Makes a transport with what `make` gives, and cancels that before each of its steps. Each protocol that was made is told of its connection's
/// beginning and of its end.
Coro<> cancel_at_any_moment(std::function<Making(std::function<std::shared_ptr<protocol_support::Recorder>()>)> make) {
  bool cancelled_late = false;
  for (int i = 0; i < 6; ++i) {
    Recorders made;
    auto task =
        tutti::create_task(make([&made] { return made.emplace_back(std::make_shared<protocol_support::Recorder>()); }));
    co_await turns(i);
    if (task.cancel()) {
      cancelled_late = cancelled_late || !made.empty();
      CO_ASSERT_THROW((void)co_await task, tutti::CancelledError);
    } else {
      (co_await task).transport->close();
    }
    for (const auto& protocol : made) {
      co_await protocol->lost;
      EXPECT_TRUE(protocol->has("made"));
    }
  }
  EXPECT_TRUE(cancelled_late);
}

TUTTI_TEST(MakingATransport, CanBeCancelledAtAnyMomentOnASocket) {
  for (const bool accepted : {false, true}) {
    co_await cancel_at_any_moment([accepted](auto factory) -> Making {
      auto [ours, theirs] = tutti::Socket::pair();
      if (accepted) co_return co_await tutti::connect_accepted_socket(std::move(factory), std::move(ours));
      co_return co_await tutti::create_connection(std::move(factory), std::move(ours));
    });
  }
}

TUTTI_TEST(MakingATransport, CanBeCancelledAtAnyMomentToAUnixSocket) {
  const test_support::ScratchDirectory folder;
  auto server = co_await tutti::start_unix_server(ignore_client, folder / "socket");
  co_await cancel_at_any_moment(
      [path = folder / "socket"](auto factory) { return tutti::create_unix_connection(std::move(factory), path); });
  for (int i = 0; i < 4; ++i) {
    auto task = tutti::create_task(tutti::open_unix_connection(folder / "socket"));
    co_await turns(i);
    if (task.cancel()) {
      CO_ASSERT_THROW((void)co_await task, tutti::CancelledError);
    } else {
      auto streams = co_await std::move(task);
      co_await close(streams.writer);
    }
  }
  server.close();
  co_await server.wait_closed();
}

TUTTI_TEST(MakingATransport, CanBeCancelledAtAnyMomentOnAPipe) {
  for (const bool writes : {false, true}) {
    co_await cancel_at_any_moment([writes](auto factory) -> Making {
      int ends[2];
      if (::pipe2(ends, O_CLOEXEC) != 0) throw tutti::RuntimeError("no pipe");
      tutti::Fd reading(ends[0]);
      tutti::Fd writing(ends[1]);
      if (writes) co_return co_await tutti::connect_write_pipe(std::move(factory), std::move(writing));
      co_return co_await tutti::connect_read_pipe(std::move(factory), std::move(reading));
    });
  }
}

}  // namespace
