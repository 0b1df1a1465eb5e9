// SPDX-License-Identifier: MIT
// What the tests of client and server share.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <tutti/http.hpp>
#include <tutti/net/server.hpp>
#include <tutti/net/streams.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/task/timeout.hpp>
#include <tutti/testing/test.hpp>

#include "net/net_support.hpp"

namespace http_support {

using namespace std::chrono_literals;
namespace http = tutti::http;
using net_support::contains;
using net_support::error_of;
using net_support::reset;
using net_support::until;
using tutti::Coro;
using tutti::StreamReader;
using tutti::StreamWriter;

inline std::string url_of(const tutti::Server& server, const std::string& path = "/") {
  return "http://127.0.0.1:" + std::to_string(server.port()) + path;
}

inline Coro<> end(tutti::Server& server) {
  server.close();
  server.abort_clients();
  co_await server.wait_closed();
}

inline Coro<> end(http::ClientSession& session, tutti::Server& server) {
  co_await session.close();
  co_await end(server);
}

inline Coro<> end(http::ClientSession& session, http::Server& server) {
  co_await session.close();
  co_await server.close();
}

/// A head with all its lines, and the body that `Content-Length` announces; empty at the end of the stream.
inline Coro<std::string> read_request(StreamReader& reader) {
  std::string head;
  try {
    head = co_await reader.readuntil("\r\n\r\n");
  } catch (const tutti::IncompleteReadError&) {
    co_return "";
  }
  const std::size_t at = head.find("Content-Length: ");
  if (at == std::string::npos) co_return head;
  co_return head + co_await reader.readexactly(std::stoul(head.substr(at + 16)));
}

/// A server that answers the requests of a connection with these bytes, one after the other, and then closes it.
inline Coro<tutti::Server> canned(std::vector<std::string> answers) {
  return tutti::start_server(
      [answers = std::move(answers)](StreamReader reader, StreamWriter writer) -> Coro<> {
        for (const std::string& answer : answers) {
          if ((co_await read_request(reader)).empty()) co_return;
          writer.write(answer);
          co_await writer.drain();
        }
        writer.close();
        co_await writer.wait_closed();
      },
      "127.0.0.1", 0);
}
inline Coro<tutti::Server> canned(std::string answer) { return canned(std::vector{std::move(answer)}); }

/// The same for one answer, after which nothing more comes, and the connection stays open.
inline Coro<tutti::Server> stalling(std::string answer) {
  return tutti::start_server(
      [answer = std::move(answer)](StreamReader reader, StreamWriter writer) -> Coro<> {
        (void)co_await read_request(reader);
        writer.write(answer);
        (void)co_await reader.read();
      },
      "127.0.0.1", 0);
}

/// Keeps what it is sent: the requests, in `requests`.
struct Recorder {
  std::vector<std::string> requests = {};
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

  Coro<tutti::Server> start() {
    return tutti::start_server(
        [this](StreamReader reader, StreamWriter writer) -> Coro<> {
          for (;;) {
            std::string request = co_await read_request(reader);
            if (request.empty()) co_return;
            requests.push_back(std::move(request));
            writer.write(answer);
          }
        },
        "127.0.0.1", 0);
  }
};

/// What a server answers to these bytes, up to the end of the connection.
inline Coro<std::string> talk(const http::Server& server, std::string bytes) {
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.addresses().front().port());
  writer.write(bytes);
  std::string answer = co_await reader.read();
  co_await net_support::close(writer);
  co_return answer;
}

}  // namespace http_support
