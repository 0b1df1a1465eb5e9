// SPDX-License-Identifier: MIT
// A client and a server talk: what most programs do with streams.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/net/server.hpp>
#include <tutti/net/streams.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

namespace {

using tutti::Coro;
using tutti::StreamReader;
using tutti::StreamWriter;

Coro<> echo(StreamReader reader, StreamWriter writer) {
  for (std::string data = co_await reader.read(4096); !data.empty(); data = co_await reader.read(4096)) {
    writer.write(data);
    co_await writer.drain();
  }
  writer.close();
  co_await writer.wait_closed();
}

Coro<> end(tutti::Server& server) {
  server.close();
  co_await server.wait_closed();
}

TUTTI_TEST(Echo, ComesBackOverTcp) {
  auto server = co_await tutti::start_server(echo, "127.0.0.1", 0);
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
  writer.write("hello\n");
  EXPECT_EQ(co_await reader.readline(), "hello\n");
  writer.write("more");
  EXPECT_EQ(co_await reader.readexactly(4), "more");
  writer.close();
  co_await writer.wait_closed();
  EXPECT_EQ(co_await reader.read(), "");
  co_await end(server);
}

TUTTI_TEST(Echo, EndsWhenTheClientSendsNoMore) {
  auto server = co_await tutti::start_server(echo, "127.0.0.1", 0);
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
  EXPECT_TRUE(writer.can_write_eof());
  writer.writelines({"one ", "", "two ", "three"});
  writer.write_eof();
  EXPECT_THROW(writer.write("late"), tutti::RuntimeError);
  EXPECT_EQ(co_await reader.read(), "one two three");
  EXPECT_TRUE(reader.at_eof());
  writer.close();
  co_await writer.wait_closed();
  co_await end(server);
}

TUTTI_TEST(Echo, CarriesTenMegabytes) {
  std::string sent(10U << 20U, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>((i * 7) ^ (i >> 11));
  auto server = co_await tutti::start_server(echo, "127.0.0.1", 0);
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
  auto sender = tutti::create_task([&]() -> Coro<> {
    for (std::size_t at = 0; at < sent.size(); at += 100'000) {
      writer.write(std::string_view(sent).substr(at, 100'000));
      co_await writer.drain();
    }
    writer.write_eof();
  });
  const std::string received = co_await reader.read();
  co_await sender;
  EXPECT_EQ(received.size(), sent.size());
  EXPECT_TRUE(received == sent);
  writer.close();
  co_await writer.wait_closed();
  co_await end(server);
}

Coro<std::string> ask(std::uint16_t port, std::string question) {
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", port);
  writer.write(question + "\n");
  std::string answer = co_await reader.readline();
  writer.close();
  co_await writer.wait_closed();
  co_return answer;
}

TUTTI_TEST(Echo, ServesTwoHundredConnectionsAtOnce) {
  auto server = co_await tutti::start_server(echo, "127.0.0.1", 0, {.backlog = 256});
  std::vector<Coro<std::string>> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(ask(server.port(), std::to_string(i)));
  const std::vector<std::string> answers = co_await tutti::gather(std::move(clients));
  for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i], std::to_string(i) + "\n");
  co_await end(server);
  EXPECT_EQ(server.connections(), 0U);
}

}  // namespace
