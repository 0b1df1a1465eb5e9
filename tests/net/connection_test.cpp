// SPDX-License-Identifier: MIT
// One connection from its beginning to each of its ends.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/task/run.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "net_support.hpp"

namespace {

using namespace net_support;
using namespace std::chrono_literals;

// More than the sockets of both ends take, so that a write waits.
const std::string kFlood(16U << 20U, 'x');

TUTTI_TEST(Connection, KeepsOneDirectionOpenWhenTheOtherHasEnded) {
  auto pair = co_await connected_pair();
  pair.client.writer.write("question");
  pair.client.writer.write_eof();
  EXPECT_EQ(co_await pair.peer.reader.read(), "question");
  pair.peer.writer.write("answer");
  EXPECT_EQ(co_await pair.client.reader.readexactly(6), "answer");
  co_await close(pair);
}

TUTTI_TEST(Connection, SendsWhatIsBufferedBeforeItCloses) {
  auto pair = co_await connected_pair();
  pair.client.writer.write(kFlood);
  pair.client.writer.close();
  EXPECT_TRUE(pair.client.writer.is_closing());
  pair.client.writer.write("too late");
  EXPECT_EQ((co_await pair.peer.reader.read()).size(), kFlood.size());
  co_await close(pair);
}

TUTTI_TEST(Connection, SendsTheEndBehindWhatIsBuffered) {
  auto pair = co_await connected_pair();
  pair.client.writer.write(kFlood);
  pair.client.writer.write_eof();
  EXPECT_EQ((co_await pair.peer.reader.read()).size(), kFlood.size());
  co_await close(pair);
}

TUTTI_TEST(Connection, WritesManyPiecesInOrder) {
  auto pair = co_await connected_pair();
  std::vector<std::string> texts;
  std::string expected;
  for (int i = 0; i < 500; ++i) {
    texts.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i) * 40, '.'));
    expected += texts.back();
  }
  const std::vector<tutti::BytesView> pieces(texts.begin(), texts.end());
  pair.client.writer.writelines(pieces);
  pair.client.writer.write_eof();
  EXPECT_TRUE(co_await pair.peer.reader.read() == expected);
  co_await close(pair);
}

TUTTI_TEST(Connection, CarriesMessagesOfAnySize) {
  auto pair = co_await connected_pair();
  for (std::size_t size = 1; size < 200'000; size = size * 9 / 8 + 1) {
    std::string message(size, 'a');
    for (std::size_t i = 0; i < size; i += 100) message[i] = static_cast<char>('a' + (i / 100 + size) % 26);
    pair.client.writer.write(message);
    auto drain = tutti::create_task(pair.client.writer.drain());
    EXPECT_TRUE(co_await pair.peer.reader.readexactly(size) == message) << size;
    co_await drain;
  }
  for (const std::size_t size : {1023U, 1024U, 1025U, 2048U, 5120U, 5121U}) {
    pair.client.writer.write(std::string(size, 'b'));
    EXPECT_EQ((co_await pair.peer.reader.readexactly(size)).size(), size);
  }
  co_await close(pair);
}

TUTTI_TEST(Connection, KnowsBothEnds) {
  auto pair = co_await connected_pair();
  EXPECT_EQ(pair.client.writer.peername(), pair.peer.writer.sockname());
  EXPECT_EQ(pair.client.writer.sockname(), pair.peer.writer.peername());
  EXPECT_EQ(pair.client.writer.peername().port(), pair.server.port());
  EXPECT_GE(pair.client.writer.fd(), 0);
  co_await close(pair);
  EXPECT_EQ(pair.client.writer.fd(), -1);
}

// ---- flow control ----

TUTTI_TEST(Connection, LetsDrainWaitUntilTheReaderReads) {
  auto pair = co_await connected_pair();
  pair.client.writer.write(kFlood);
  auto drains = std::vector<tutti::Task<>>();  // test_streams: test_multiple_drain
  for (int i = 0; i < 3; ++i) drains.push_back(tutti::create_task(pair.client.writer.drain()));
  for (int i = 0; i < 20; ++i) co_await tutti::sleep(0s);
  for (const auto& drain : drains) EXPECT_FALSE(drain.done());
  EXPECT_EQ((co_await pair.peer.reader.readexactly(kFlood.size())).size(), kFlood.size());
  for (const auto& drain : drains) co_await drain;
  co_await close(pair);
}

TUTTI_TEST(Connection, GoesOnSendingWhenADrainIsCancelled) {
  auto pair = co_await connected_pair();
  pair.client.writer.write(kFlood);
  auto drain = tutti::create_task(pair.client.writer.drain());
  auto other = tutti::create_task(pair.client.writer.drain());
  co_await tutti::sleep(0s);
  drain.cancel();
  EXPECT_THROW(co_await drain, tutti::CancelledError);
  EXPECT_EQ((co_await pair.peer.reader.readexactly(kFlood.size())).size(), kFlood.size());
  co_await other;
  co_await close(pair);
}

TUTTI_TEST(Connection, StopsReadingAheadOfASlowReader) {
  auto pair = co_await connected_pair(1024);
  pair.client.writer.write(kFlood);
  auto drain = tutti::create_task(pair.client.writer.drain());
  co_await until([&] { return pair.peer.reader.buffered().size() > 2048; });
  for (int i = 0; i < 50; ++i) co_await tutti::sleep(0s);
  EXPECT_LE(pair.peer.reader.buffered().size(), 2048U + 64 * 1024U);
  EXPECT_FALSE(drain.done());
  EXPECT_EQ((co_await pair.peer.reader.readexactly(kFlood.size())).size(), kFlood.size());
  co_await drain;
  co_await close(pair);
}

// ---- loss ----

TUTTI_TEST(Connection, TellsAReaderThatItWasReset) {
  auto pair = co_await connected_pair();
  auto read = tutti::create_task(pair.client.reader.read(10));
  co_await tutti::sleep(0s);
  reset(pair.peer.writer);
  const std::string text = co_await error_of<tutti::ConnectionResetError>(read);
  EXPECT_TRUE(contains(text, "read from 127.0.0.1:")) << text;
  EXPECT_THROW(co_await pair.client.writer.drain(), tutti::ConnectionResetError);
  EXPECT_THROW(co_await pair.client.writer.wait_closed(), tutti::ConnectionResetError);
  pair.client.writer.write("into the void");
  co_await close(pair.peer.writer);
  pair.server.close();
  co_await pair.server.wait_closed();
}

TUTTI_TEST(Connection, NoticesAResetWhileNobodyReads) {
  auto pair = co_await connected_pair();
  reset(pair.peer.writer);
  EXPECT_THROW(co_await pair.client.writer.wait_closed(), tutti::ConnectionResetError);
  EXPECT_TRUE(pair.client.writer.is_closing());
  co_await close(pair.peer.writer);
}

// test_streams: test_drain_raises
TUTTI_TEST(Connection, LetsALoopOfWritesNoticeTheLoss) {
  auto pair = co_await connected_pair();
  pair.peer.writer.abort();
  co_await pair.peer.writer.wait_closed();
  const std::string text = co_await error_of<tutti::ConnectionError>([&]() -> Coro<> {
    for (;;) {
      pair.client.writer.write("foo\n");
      co_await pair.client.writer.drain();
    }
  }());
  EXPECT_NE(text, "no error");
}

TUTTI_TEST(Connection, LosesWhatIsBufferedWhenItIsAborted) {
  auto pair = co_await connected_pair();
  pair.client.writer.write(kFlood);
  auto drain = tutti::create_task(pair.client.writer.drain());
  co_await tutti::sleep(0s);
  pair.client.writer.abort();
  co_await drain;  // as asyncio: the waiting ends, the next drain throws
  EXPECT_THROW(co_await pair.client.writer.drain(), tutti::ConnectionResetError);
  co_await pair.client.writer.wait_closed();
  EXPECT_LT((co_await pair.peer.reader.read()).size(), kFlood.size());
  co_await close(pair);
}

// test_streams: test_wait_closed_on_close_with_unread_data
TUTTI_TEST(Connection, ClosesWithUnreadData) {
  auto pair = co_await connected_pair();
  pair.peer.writer.write("unread");
  co_await until([&] { return !pair.client.reader.buffered().empty(); });
  co_await close(pair.client.writer);
  EXPECT_EQ(co_await pair.client.reader.read(), "unread");
  co_await close(pair);
}

TUTTI_TEST(Connection, WakesAReaderWhenItIsClosedHere) {
  auto pair = co_await connected_pair();
  auto read = tutti::create_task(pair.client.reader.read(10));
  co_await tutti::sleep(0s);
  pair.client.writer.close();
  EXPECT_EQ(co_await read, "");
  co_await close(pair);
}

TUTTI_TEST(Connection, LetsSeveralWaitForItsEnd) {
  auto pair = co_await connected_pair();
  auto first = tutti::create_task(pair.client.writer.wait_closed());
  auto second = tutti::create_task(pair.client.writer.wait_closed());
  co_await tutti::sleep(0s);
  first.cancel();
  EXPECT_THROW(co_await first, tutti::CancelledError);
  pair.client.writer.close();
  co_await second;
  co_await pair.client.writer.wait_closed();
  co_await close(pair);
}

// ---- left alone ----

TUTTI_TEST(Connection, IsAbortedAndReportedWhenItsWriterIsLeftUnclosed) {
  auto pair = co_await connected_pair();
  {
    const tutti::StreamWriter left = std::move(pair.client.writer);
  }
  tutti::testing::expect_report("unclosed StreamWriter");
  EXPECT_EQ(co_await pair.peer.reader.read(), "");
  co_await close(pair.peer.writer);
}

TUTTI_TEST(Connection, DropsWhatComesForAReaderThatWasLeft) {
  auto pair = co_await connected_pair(1024);
  {
    const tutti::StreamReader left = std::move(pair.client.reader);
  }
  pair.peer.writer.write(kFlood);
  co_await pair.peer.writer.drain();
  co_await close(pair.peer.writer);  // first: a client that closes over bytes on their way resets the connection
  co_await close(pair);
}

TUTTI_TEST(Connection, LetsAReadOutliveItsReader) {
  auto pair = co_await connected_pair();
  auto read = tutti::create_task(pair.client.reader.readexactly(4));
  co_await tutti::sleep(0s);
  {
    const tutti::StreamReader left = std::move(pair.client.reader);
  }
  pair.peer.writer.write("data");
  EXPECT_EQ(co_await read, "data");
  co_await close(pair);
}

TUTTI_TEST(Connection, DropsWhatComesOnceTheReadHasEndedThatOutlivedItsReader) {
  for (const bool cancelled : {true, false}) {
    auto pair = co_await connected_pair(1024);
    auto read = tutti::create_task(pair.client.reader.readexactly(4));
    co_await tutti::sleep(0s);
    {
      const tutti::StreamReader left = std::move(pair.client.reader);
    }
    if (cancelled) {
      read.cancel();
      EXPECT_THROW(co_await read, tutti::CancelledError);
    }
    pair.peer.writer.write(kFlood);
    if (!cancelled) {
      EXPECT_EQ(co_await read, kFlood.substr(0, 4));
    }
    co_await close(pair.peer.writer);  // sends it all: so it is read, and with it the end of the connection is seen
    co_await close(pair);
  }
}

TUTTI_TEST(Connection, KeepsForAReadThatHasNotBegunWhatCameBeforeItsReaderWasLeft) {
  auto pair = co_await connected_pair();
  pair.peer.writer.write("data");
  co_await until([&] { return pair.client.reader.buffered() == "data"; });
  auto read = pair.client.reader.read(4);
  {
    const tutti::StreamReader left = std::move(pair.client.reader);
  }
  EXPECT_EQ(co_await std::move(read), "data");
  co_await close(pair);
}

// ---- cancellation ----

TUTTI_TEST(Connection, LosesNoByteWhenReadsAreCancelled) {
  auto pair = co_await connected_pair();
  std::string received;
  std::string sent;
  for (int i = 0; i < 200; ++i) {
    const std::string piece = std::to_string(i) + ",";
    sent += piece;
    auto read = tutti::create_task(pair.client.reader.read(100));
    if (i % 4 != 0) co_await tutti::sleep(0s);
    pair.peer.writer.write(piece);
    if (i % 4 == 2) co_await tutti::sleep(0s);
    read.cancel();
    try {
      received += co_await read;
    } catch (const tutti::CancelledError&) {
    }
  }
  pair.peer.writer.write_eof();
  received += co_await pair.client.reader.read();
  EXPECT_EQ(received, sent);
  co_await close(pair);
}

// ---- the loop closes first ----

TEST(ConnectionOfAClosedLoop, LetsGoOfItsDescriptor) {
  for (const char* name : {"uring", "epoll", "poll"}) {
    if (std::string_view(name) == "uring" && !tutti::lowlevel::uring_available()) continue;
    const int lowest = ::dup(0);
    ::close(lowest);
    std::optional<Pair> kept;
    {
      tutti::EventLoop loop({.backend = tutti::lowlevel::make_backend(name)});
      kept.emplace(loop.run_until_complete(connected_pair()));
      kept->client.writer.write(kFlood);
      loop.run_until_complete(tutti::sleep(0s));
      loop.close();
      EXPECT_TRUE(kept->client.writer.is_closing());
      EXPECT_EQ(kept->client.writer.fd(), -1);
      EXPECT_TRUE(kept->server.sockets().size() == 1);
    }
    kept->client.writer.write("nobody");
    kept.reset();
    const int again = ::dup(0);
    EXPECT_EQ(again, lowest) << name;
    ::close(again);
  }
}

TEST(ConnectionOfAClosedLoop, LeavesTasksThatReadToBeDestroyed) {
  tutti::EventLoop loop({.backend = tutti::lowlevel::make_backend("epoll")});
  std::vector<std::string> reports;
  loop.set_exception_handler(
      [&](tutti::EventLoop&, const tutti::ExceptionContext& context) { reports.push_back(context.message); });
  auto reader_of = [](Pair pair) -> Coro<> { (void)co_await pair.client.reader.read(1); };
  Pair pair = loop.run_until_complete(connected_pair());
  (void)loop.create_task(reader_of(std::move(pair)));
  loop.run_until_complete(tutti::sleep(0s));
  loop.close();
  EXPECT_EQ(reports, std::vector<std::string>{"task was destroyed but it is pending"});
}

}  // namespace
