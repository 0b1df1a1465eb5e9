// SPDX-License-Identifier: MIT
// Protocols that write down what they are told.
#pragma once

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tutti/net/endpoints.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/sleep.hpp>

#include "support/turns.hpp"

namespace protocol_support {

using test_support::turns;
using test_support::until;
using tutti::Coro;

/// What a recorder remembers, and what it does besides.
struct Record {
  std::vector<std::string> events;
  std::string data;
  std::shared_ptr<tutti::Transport> transport;
  std::exception_ptr error;
  tutti::Future<> made;
  tutti::Future<> lost;
  bool keep_open = false;  // what eof_received gives
  std::function<void(tutti::BytesView)> on_data;
  std::function<void()> on_made;
  std::function<void()> on_eof;

  void note(std::string event) { events.push_back(std::move(event)); }
  [[nodiscard]] bool has(const std::string& event) const {
    return std::find(events.begin(), events.end(), event) != events.end();
  }
};

template <class Base>
class RecordingBase : public Base, public Record {
 public:
  void connection_made(std::shared_ptr<tutti::Transport> new_transport) override {
    note("made");
    transport = std::move(new_transport);
    made.set_result();
    if (on_made) on_made();
  }
  void connection_lost(std::exception_ptr why) override {
    note("lost");
    error = why;
    lost.set_result();
  }
  void pause_writing() override { note("pause"); }
  void resume_writing() override { note("resume"); }
};

class Recorder : public RecordingBase<tutti::Protocol> {
 public:
  void data_received(tutti::BytesView bytes) override {
    if (events.back() != "data") note("data");
    data += bytes;
    if (on_data) on_data(bytes);
  }
  bool eof_received() override {
    note("eof");
    if (on_eof) on_eof();
    return keep_open;
  }
};

/// Takes data in pieces of at most `memory.size()` bytes.
class BufferRecorder : public RecordingBase<tutti::BufferedProtocol> {
 public:
  std::string memory = std::string(100, '\0');

  tutti::MutableBytes get_buffer(std::size_t size_hint) override {
    if (size_hint == 0) note("a hint of 0");
    return memory;
  }
  void buffer_updated(std::size_t count) override {
    if (events.back() != "data") note("data");
    data += memory.substr(0, count);
    if (on_data) on_data(tutti::BytesView(memory).substr(0, count));
  }
  bool eof_received() override {
    note("eof");
    return keep_open;
  }
};

inline auto make_recorder() {
  return [] { return std::make_shared<Recorder>(); };
}

/// A client and the server's end of its connection.
struct Ends {
  tutti::Server server;
  std::shared_ptr<Recorder> client;
  std::shared_ptr<Recorder> peer;

  Coro<> close() {
    server.close();
    client->transport->close();
    peer->transport->close();
    co_await client->lost;
    co_await peer->lost;
    co_await server.wait_closed();
  }
};

/// `prepare` sees each protocol before it is connected.
inline Coro<Ends> connected_ends(std::function<void(Recorder&)> prepare = {}) {
  const auto peer = std::make_shared<Recorder>();
  auto server = co_await tutti::create_server([peer] { return peer; }, "127.0.0.1", 0);
  auto [transport, client] = co_await tutti::create_connection(
      [&prepare] {
        auto protocol = std::make_shared<Recorder>();
        if (prepare) prepare(*protocol);
        return protocol;
      },
      "127.0.0.1", server.port());
  co_await peer->made;
  co_return Ends{std::move(server), std::move(client), peer};
}

using Events = std::vector<std::string>;

}  // namespace protocol_support
