// SPDX-License-Identifier: MIT
// Protocols on connections: what they are told, in which order, and what their transports do.
#include <algorithm>
#include <chrono>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <tutti/task/run.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "protocol_support.hpp"

namespace {

using namespace protocol_support;
using namespace std::chrono_literals;

// More than the sockets of both ends take, so that a write waits.
const std::string kFlood(16U << 20U, 'x');

void reset_connection(tutti::Transport& transport) {
  const linger at_once{1, 0};
  ::setsockopt(transport.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  transport.abort();
}

// ---- orders ----

// test_events.EventLoopTestsMixin.test_create_connection, test_create_server
TUTTI_TEST(Protocol, IsToldOfEachStepInOrder) {
  auto ends = co_await connected_ends();
  EXPECT_EQ(ends.client->events, Events{"made"});
  ends.client->transport->write("xxx");
  co_await until([&] { return ends.peer->data == "xxx"; });
  ends.client->transport->close();
  co_await ends.peer->lost;
  co_await ends.client->lost;
  EXPECT_EQ(ends.client->events, (Events{"made", "lost"}));
  EXPECT_EQ(ends.peer->events, (Events{"made", "data", "eof", "lost"}));
  EXPECT_FALSE(ends.client->error);
  EXPECT_FALSE(ends.peer->error);
  EXPECT_EQ(ends.client->transport->get_protocol(), nullptr);
  co_await ends.close();
}

// _SelectorSocketTransport.__init__: connection_made, then reading, then the creator wakes
TUTTI_TEST(Protocol, IsConnectedBeforeItReadsAndBeforeItsCreatorGoesOn) {
  auto [a, b] = tutti::Socket::pair();
  CO_ASSERT_EQ(::send(b.fd(), "early", 5, 0), 5);
  Events events;
  auto creating = tutti::create_task([&, socket = std::move(a)]() mutable -> Coro<std::shared_ptr<Recorder>> {
    auto [transport, protocol] = co_await tutti::create_connection(
        [&] {
          auto made = std::make_shared<Recorder>();
          made->on_made = [&] { events.push_back("made"); };
          made->on_data = [&](tutti::BytesView) { events.push_back("data"); };
          return made;
        },
        std::move(socket));
    events.push_back("created");
    co_return protocol;
  });
  const auto protocol = co_await creating;
  co_await until([&] { return events.size() == 3; });
  EXPECT_EQ(events.front(), "made");
  EXPECT_EQ(protocol->data, "early");
  protocol->transport->close();
  co_await protocol->lost;
}

TUTTI_TEST(Protocol, IsToldOfTheLossInALaterIteration) {
  auto ends = co_await connected_ends();
  ends.client->transport->abort();
  EXPECT_TRUE(ends.client->transport->is_closing());
  EXPECT_FALSE(ends.client->has("lost"));
  ends.client->transport->abort();
  ends.client->transport->close();
  co_await ends.client->lost;
  co_await turns(5);
  EXPECT_EQ(ends.client->events, (Events{"made", "lost"}));
  EXPECT_EQ(ends.client->transport->fd(), -1);
  co_await ends.close();
}

// ---- the end of a stream ----

// test_selector_events: test_read_ready_eof_keep_open
TUTTI_TEST(Protocol, MayKeepTheConnectionOpenAfterTheEndOfItsData) {
  auto ends = co_await connected_ends();
  ends.peer->keep_open = true;
  ends.client->transport->write("question");
  EXPECT_TRUE(ends.client->transport->can_write_eof());
  ends.client->transport->write_eof();
  co_await until([&] { return ends.peer->has("eof"); });
  EXPECT_EQ(ends.peer->data, "question");
  EXPECT_FALSE(ends.peer->transport->is_closing());
  ends.peer->transport->write("answer");
  co_await until([&] { return ends.client->data == "answer"; });
  EXPECT_THROW(ends.client->transport->write("more"), tutti::RuntimeError);
  co_await ends.close();
}

TUTTI_TEST(Protocol, ClosesAtTheEndOfItsDataOtherwise) {
  auto ends = co_await connected_ends();
  ends.client->transport->write_eof();
  co_await ends.peer->lost;
  EXPECT_EQ(ends.peer->events, (Events{"made", "eof", "lost"}));
  co_await ends.close();
}

TUTTI_TEST(Protocol, GetsTheErrorThatEndedTheConnection) {
  auto ends = co_await connected_ends();
  reset_connection(*ends.peer->transport);
  co_await ends.client->lost;
  EXPECT_TRUE(tutti::holds<tutti::ConnectionResetError>(ends.client->error));
  EXPECT_EQ(ends.client->events, (Events{"made", "lost"}));
  co_await ends.close();
}

// ---- reading ----

// test_selector_events: test_pause_resume_reading
TUTTI_TEST(Protocol, GetsNoDataWhileReadingIsPaused) {
  auto ends = co_await connected_ends();
  auto& reader = *ends.peer->transport;
  EXPECT_TRUE(reader.is_reading());
  reader.pause_reading();
  reader.pause_reading();
  EXPECT_FALSE(reader.is_reading());
  ends.client->transport->write("held");
  ends.client->transport->write_eof();
  co_await turns(10);
  EXPECT_EQ(ends.peer->events, Events{"made"});
  reader.resume_reading();
  reader.resume_reading();
  EXPECT_TRUE(reader.is_reading());
  co_await ends.peer->lost;
  EXPECT_EQ(ends.peer->data, "held");
  EXPECT_EQ(ends.peer->events, (Events{"made", "data", "eof", "lost"}));
  EXPECT_FALSE(reader.is_reading());
  reader.resume_reading();
  co_await ends.close();
}

TUTTI_TEST(Protocol, GetsNoDataAheadOfALossWhileReadingIsPaused) {
  auto ends = co_await connected_ends();
  ends.peer->transport->pause_reading();
  const int client = ends.client->transport->fd();
  EXPECT_EQ(::send(client, "lost", 4, MSG_NOSIGNAL), 4);
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  EXPECT_EQ(::connect(client, &nobody, sizeof(nobody)), 0);  // resets the connection
  co_await turns(10);
  ends.peer->transport->write("x");  // finds the loss, if the paused reader has not
  co_await ends.peer->lost;
  EXPECT_EQ(ends.peer->events, (Events{"made", "lost"}));
  co_await ends.close();
}

TUTTI_TEST(Protocol, GetsDataInOrderHoweverOftenItPauses) {
  auto ends = co_await connected_ends();
  std::string sent;
  for (int i = 0; i < 3000; ++i) sent += std::to_string(i) + ",";
  auto& transport = *ends.peer->transport;
  ends.peer->on_data = [&](tutti::BytesView) {
    transport.pause_reading();
    if (ends.peer->data.size() % 2 == 0) {
      transport.resume_reading();
    } else {
      tutti::get_running_loop().call_soon([&transport] { transport.resume_reading(); });
    }
  };
  for (std::size_t at = 0; at < sent.size(); at += 501) {
    ends.client->transport->write(tutti::BytesView(sent).substr(at, 501));
    if (at % 3 == 0) co_await tutti::sleep(0s);
  }
  ends.client->transport->close();
  co_await until([&] { return ends.peer->has("lost"); });
  EXPECT_EQ(ends.peer->data, sent);
  co_await ends.close();
}

// test_selector_events: test_pause_reading_connection_made
TUTTI_TEST(Protocol, MayPauseReadingFromTheBeginning) {
  auto ends = co_await connected_ends(
      [](Recorder& client) { client.on_made = [&client] { client.transport->pause_reading(); }; });
  ends.peer->transport->write("early");
  co_await turns(10);
  EXPECT_EQ(ends.client->data, "");
  ends.client->transport->resume_reading();
  co_await until([&] { return ends.client->data == "early"; });
  co_await ends.close();
}

TUTTI_TEST(Protocol, GetsNothingAfterItHasClosed) {
  auto ends = co_await connected_ends();
  ends.peer->on_data = [&](tutti::BytesView) { ends.peer->transport->close(); };
  ends.client->transport->write("one");
  co_await until([&] { return ends.peer->has("data"); });
  ends.client->transport->write("two");
  co_await ends.peer->lost;
  EXPECT_EQ(ends.peer->data, "one");
  co_await ends.close();
}

// test_selector_events: test_proto_type_switch; transports may get another protocol at any time
TUTTI_TEST(Protocol, CanBeReplaced) {
  auto ends = co_await connected_ends();
  const auto second = std::make_shared<BufferRecorder>();
  second->note("taken over");
  auto& transport = *ends.peer->transport;
  ends.peer->on_data = [&](tutti::BytesView) { transport.set_protocol(second); };
  ends.client->transport->write("first");
  co_await until([&] { return ends.peer->has("data"); });
  EXPECT_EQ(transport.get_protocol(), second);
  ends.client->transport->write("second");
  co_await until([&] { return second->data == "second"; });
  EXPECT_EQ(ends.peer->data, "first");
  EXPECT_THROW(transport.set_protocol(nullptr), tutti::ValueError);
  ends.client->transport->close();
  co_await second->lost;
  EXPECT_FALSE(ends.peer->has("lost"));
  ends.peer->lost.set_result();
  co_await ends.close();
}

// ---- writing ----

TUTTI_TEST(Protocol, IsPausedAndResumedWhileItsBufferIsFull) {
  auto ends = co_await connected_ends();
  auto& writer = *ends.client->transport;
  ends.peer->transport->pause_reading();
  const auto limits = writer.get_write_buffer_limits();
  EXPECT_EQ(limits.high, 64U * 1024);
  EXPECT_EQ(limits.low, 16U * 1024);
  writer.write(kFlood);
  EXPECT_EQ(ends.client->events, (Events{"made", "pause"}));  // inside write
  EXPECT_GT(writer.get_write_buffer_size(), limits.high);
  writer.write("more");
  EXPECT_EQ(ends.client->events, (Events{"made", "pause"}));
  ends.peer->transport->resume_reading();
  co_await until([&] { return ends.client->has("resume"); });
  EXPECT_LE(writer.get_write_buffer_size(), limits.low);
  co_await until([&] { return ends.peer->data.size() == kFlood.size() + 4; });
  EXPECT_EQ(ends.client->events, (Events{"made", "pause", "resume"}));
  co_await ends.close();
}

// test_transports.TransportTests.test_flowcontrol_mixin_set_write_limits
TUTTI_TEST(Protocol, IsPausedByLowerLimits) {
  auto ends = co_await connected_ends();
  auto& writer = *ends.client->transport;
  ends.peer->transport->pause_reading();
  EXPECT_THROW(writer.set_write_buffer_limits(0, 1), tutti::ValueError);
  writer.set_write_buffer_limits({}, 4U << 20U);
  EXPECT_EQ(writer.get_write_buffer_limits().high, 16U << 20U);
  writer.set_write_buffer_limits(32U << 20U);
  EXPECT_EQ(writer.get_write_buffer_limits().low, 8U << 20U);
  writer.write(kFlood);
  EXPECT_EQ(ends.client->events, Events{"made"});
  writer.set_write_buffer_limits(1024, 128);
  EXPECT_EQ(ends.client->events, (Events{"made", "pause"}));
  writer.abort();
  co_await ends.close();
}

TUTTI_TEST(Protocol, SendsSeveralPiecesAsOne) {
  auto ends = co_await connected_ends();
  ends.client->transport->writelines({"a", "", "bcd", "e"});
  co_await until([&] { return ends.peer->data == "abcde"; });
  co_await ends.close();
}

TUTTI_TEST(Protocol, SendsWhatIsBufferedBeforeItCloses) {
  auto ends = co_await connected_ends();
  ends.client->transport->write(kFlood);
  ends.client->transport->close();
  EXPECT_FALSE(ends.client->has("lost"));
  co_await ends.client->lost;
  co_await ends.peer->lost;
  EXPECT_EQ(ends.peer->data.size(), kFlood.size());
  co_await ends.close();
}

TUTTI_TEST(Protocol, LosesWhatIsBufferedWhenItIsAborted) {
  auto ends = co_await connected_ends();
  ends.client->transport->write(kFlood);
  ends.client->transport->abort();
  co_await ends.client->lost;
  co_await ends.peer->lost;
  EXPECT_LT(ends.peer->data.size(), kFlood.size());
  EXPECT_FALSE(ends.client->error);
  co_await ends.close();
}

// test_selector_events: test_write_exception, the warning of the fifth write
TUTTI_TEST(Protocol, IsWarnedWhenItWritesOnAndOnToALostConnection) {
  auto ends = co_await connected_ends();
  ends.client->transport->abort();
  co_await ends.client->lost;
  for (int i = 0; i < 4; ++i) ends.client->transport->write("into the void");
  EXPECT_TRUE(tutti::testing::take_log().empty());
  ends.client->transport->write("into the void");
  EXPECT_EQ(tutti::testing::take_log().size(), 1U);
  co_await ends.close();
}

// ---- exceptions of the protocol ----

// test_selector_events: test_data_received_error
TUTTI_TEST(Protocol, LosesItsConnectionWhenItCannotTakeData) {
  auto ends = co_await connected_ends();
  ends.peer->on_data = [](tutti::BytesView) { throw std::runtime_error("cannot parse"); };
  ends.client->transport->write("x");
  co_await ends.peer->lost;
  EXPECT_TRUE(tutti::holds<std::runtime_error>(ends.peer->error));
  tutti::testing::expect_report("fatal error: protocol.data_received() failed");
  co_await ends.close();
}

// test_read_eof_received_error
TUTTI_TEST(Protocol, LosesItsConnectionWhenItCannotTakeTheEnd) {
  auto ends = co_await connected_ends();
  ends.peer->on_eof = [] { throw std::runtime_error("too early"); };
  ends.client->transport->write_eof();
  co_await ends.peer->lost;
  EXPECT_TRUE(tutti::holds<std::runtime_error>(ends.peer->error));
  tutti::testing::expect_report("fatal error: protocol.eof_received() failed");
  co_await ends.close();
}

TUTTI_TEST(Protocol, GoesOnWhenItFailsToBeMade) {
  auto ends =
      co_await connected_ends([](Recorder& client) { client.on_made = [] { throw std::runtime_error("not yet"); }; });
  tutti::testing::expect_report("exception in callback");
  ends.peer->transport->write("all the same");
  co_await until([&] { return ends.client->data == "all the same"; });
  co_await ends.close();
}

TEST(ProtocolThatWantsToLeave, LeavesTheLoopAndGoesOn) {
  for (const char* name : {"uring", "epoll", "poll"}) {
    if (std::string_view(name) == "uring" && !tutti::lowlevel::uring_available()) continue;
    tutti::EventLoop loop({.backend = tutti::lowlevel::make_backend(name)});
    auto ends = std::make_unique<Ends>(loop.run_until_complete(connected_ends()));
    ends->peer->on_data = [](tutti::BytesView) { throw tutti::KeyboardInterrupt(); };
    loop.call_soon([&] { ends->client->transport->write("x"); });
    EXPECT_THROW(loop.run_forever(), tutti::KeyboardInterrupt);
    ends->peer->on_data = {};
    loop.run_until_complete([&]() -> Coro<> {
      ends->client->transport->write("y");
      co_await until([&] { return ends->peer->data == "xy"; });
      co_await ends->close();
    });
    ends.reset();
  }
}

// ---- the loop closes first ----

TEST(ProtocolOfAClosedLoop, IsLetGo) {
  for (const char* name : {"uring", "epoll", "poll"}) {
    if (std::string_view(name) == "uring" && !tutti::lowlevel::uring_available()) continue;
    std::weak_ptr<Recorder> client;
    std::shared_ptr<tutti::Transport> transport;
    {
      tutti::EventLoop loop({.backend = tutti::lowlevel::make_backend(name)});
      auto ends = std::make_unique<Ends>(loop.run_until_complete(connected_ends()));
      client = ends->client;
      transport = ends->client->transport;
      transport->pause_reading();
      ends->client->transport = nullptr;
      ends->peer->transport->write(kFlood);
      loop.run_until_complete(turns(2));
      ends.reset();
      EXPECT_FALSE(client.expired());  // the transport holds it
      loop.close();
    }
    EXPECT_TRUE(client.expired());
    EXPECT_TRUE(transport->is_closing());
    EXPECT_EQ(transport->fd(), -1);
    transport->write("nobody");
    transport->close();
  }
}

}  // namespace
