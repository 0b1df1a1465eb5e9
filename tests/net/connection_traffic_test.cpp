// SPDX-License-Identifier: MIT
// What a connection does below its streams, seen from outside: receives that go on, and small writes that leave together.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include <tutti/base/fd.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "net_support.hpp"

namespace {

using namespace net_support;
using test_support::turn;
using test_support::turns;
using tutti::Streams;

std::string pattern(std::size_t size, std::size_t from) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (from + i) * 7 % 26);
  return text;
}

// ---- receiving ----

TUTTI_TEST(ConnectionTraffic, MoreArrivesAtOnceThanThereAreBuffers) {
  constexpr std::size_t size = std::size_t{192} * 1024;
  std::vector<Pair> pairs;
  for (int i = 0; i < 16; ++i) pairs.push_back(co_await connected_pair());
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i].client.writer.write(pattern(size, i));
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    EXPECT_EQ(co_await pairs[i].peer.reader.readexactly(size), pattern(size, i));
  }
  for (Pair& pair : pairs) co_await close(pair);
}

TUTTI_TEST(ConnectionTraffic, BytesThatCameWhilePausedAreReadInOrderAfterwards) {
  auto pair = co_await connected_pair(16);  // reading ahead pauses above 32 bytes
  std::string sent;
  for (std::size_t i = 0; i < 50; ++i) {
    const std::string piece = pattern(100, i);
    sent += piece;
    pair.client.writer.write(piece);
    co_await turn();
  }
  pair.client.writer.write_eof();
  co_await turns(10);
  EXPECT_FALSE(pair.peer.reader.at_eof());
  EXPECT_LT(pair.peer.reader.buffered().size(), sent.size());
  std::string got;
  while (!pair.peer.reader.at_eof()) got += co_await pair.peer.reader.read(7);
  EXPECT_EQ(got, sent);
  co_await close(pair);
}

TUTTI_TEST(ConnectionTraffic, ACancelledReadLosesNoByteOfAReceiveThatGoesOn) {
  auto pair = co_await connected_pair();
  std::string sent;
  std::string got;
  for (std::size_t i = 0; i < 20; ++i) {
    auto read = tutti::create_task(pair.peer.reader.read(1000));
    co_await turn();
    pair.client.writer.write(pattern(3, i));
    sent += pattern(3, i);
    co_await turns(static_cast<int>(i % 5));
    read.cancel();
    try {
      got += co_await read;
    } catch (const tutti::CancelledError&) {
    }
  }
  got += co_await pair.peer.reader.readexactly(sent.size() - got.size());
  EXPECT_EQ(got, sent);
  co_await close(pair);
}

TUTTI_TEST(ConnectionTraffic, WhatCameBeforeTheEndIsReadBeforeIt) {
  auto pair = co_await connected_pair();
  pair.client.writer.write("last words");
  pair.client.writer.close();
  EXPECT_EQ(co_await pair.peer.reader.read(), "last words");
  EXPECT_TRUE(pair.peer.reader.at_eof());
  co_await close(pair);
}

// ---- sending ----

TUTTI_TEST(ConnectionTraffic, PiecesWrittenOneByOneArriveInOrder) {
  auto pair = co_await connected_pair();
  std::string sent;
  for (std::size_t round = 0; round < 3; ++round) {
    for (std::size_t i = 1; i < 40; ++i) {
      const std::string piece = pattern(i * i * 4, i);  // some small, some large
      pair.client.writer.write(piece);
      sent += piece;
    }
    co_await pair.client.writer.drain();
    EXPECT_EQ(co_await pair.peer.reader.readexactly(sent.size()), sent);
    sent.clear();
  }
  co_await close(pair);
}

TUTTI_TEST(ConnectionTraffic, ASmallWriteIsNoLongerBuffered) {
  auto pair = co_await connected_pair();
  pair.client.writer.write("small");
  EXPECT_EQ(pair.client.writer.transport().write_buffer_size(), 0U);
  EXPECT_EQ(co_await pair.peer.reader.readexactly(5), "small");
  co_await close(pair);
}

TUTTI_TEST(ConnectionTraffic, AWriteBeforeAbortArrives) {
  auto pair = co_await connected_pair();
  pair.client.writer.write("last words");
  pair.client.writer.abort();
  EXPECT_EQ(co_await pair.peer.reader.read(), "last words");
  co_await close(pair);
}

TUTTI_TEST(ConnectionTraffic, AWriteBeforeTheEndOfWritingArrives) {
  auto pair = co_await connected_pair();
  pair.client.writer.write("last words");
  pair.client.writer.write_eof();
  EXPECT_EQ(co_await pair.peer.reader.read(), "last words");
  pair.peer.writer.write("answer");
  EXPECT_EQ(co_await pair.client.reader.readexactly(6), "answer");
  co_await close(pair);
}

/// Listens without a loop.
struct Listener {
  tutti::Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port = 0;

  Listener() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket.get(), 8), 0);
    EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
  }
  [[nodiscard]] tutti::Fd accept() const { return tutti::Fd(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC)); }
};

/// How much is there to be read.
ssize_t arrived(const tutti::Fd& socket) {
  char bytes[8];
  return ::recv(socket.get(), bytes, sizeof(bytes), MSG_DONTWAIT);
}

TUTTI_TEST(ConnectionTraffic, NothingIsPutOffWhereNothingMayBeBuffered) {
  const Listener listener;
  auto ends = co_await tutti::open_connection("127.0.0.1", listener.port);
  const tutti::Fd peer = listener.accept();
  ends.writer.transport().set_write_buffer_limits(0, 0);
  ends.writer.write("now");
  co_await ends.writer.drain();
  EXPECT_EQ(arrived(peer), 3);
  co_await close(ends.writer);
}

TUTTI_TEST(ConnectionTraffic, WhatWasPutOffCountsOnceNothingMayBeBuffered) {
  const Listener listener;
  auto ends = co_await tutti::open_connection("127.0.0.1", listener.port);
  const tutti::Fd peer = listener.accept();
  ends.writer.write("now");
  ends.writer.transport().set_write_buffer_limits(0, 0);
  co_await ends.writer.drain();
  EXPECT_EQ(arrived(peer), 3);
  EXPECT_EQ(ends.writer.transport().unsent_size(), 0U);
  co_await close(ends.writer);
}

TEST(ConnectionTraffic, AWriteLeavesThoughTheLoopStops) {
  const Listener listener;
  tutti::Runner runner;
  std::optional<Streams> streams;
  runner.run([](std::optional<Streams>& made, std::uint16_t port) -> Coro<> {
    made.emplace(co_await tutti::open_connection("127.0.0.1", port));
    made->writer.write("now");
  }(streams, listener.port));
  const tutti::Fd peer = listener.accept();
  EXPECT_EQ(arrived(peer), 3);
  runner.run([](Streams& ends) -> Coro<> { co_await close(ends.writer); }(*streams));
  streams.reset();
}

TUTTI_TEST(ConnectionTraffic, MessagesAndBulkTakeTurns) {
  auto pair = co_await connected_pair();
  for (std::size_t round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < 40; ++i) {
      pair.client.writer.write(pattern(50 + i, i));
      EXPECT_EQ(co_await pair.peer.reader.readexactly(50 + i), pattern(50 + i, i));
    }
    pair.client.writer.write(pattern(300'000, round));
    EXPECT_EQ(co_await pair.peer.reader.readexactly(300'000), pattern(300'000, round));
  }
  pair.client.writer.write_eof();
  EXPECT_EQ(co_await pair.peer.reader.read(), "");
  co_await close(pair);
}

}  // namespace
