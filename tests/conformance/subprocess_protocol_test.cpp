// SPDX-License-Identifier: MIT
// CPython's tests of child processes that have a protocol, in test_events, test_protocols and test_subprocess.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tutti/process/subprocess_protocol.hpp>
#include <tutti/sync/event.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;

struct MySubprocessProtocol final : SubprocessProtocol {
  string data[3];
  Event got_data[3];
  Event disconnects[3];
  Future<> completed;

  void pipe_data_received(int fd, BytesView bytes) override {
    data[fd] += string(bytes.data(), bytes.size());
    got_data[fd].set();
  }
  void pipe_connection_lost(int fd, std::exception_ptr) override { disconnects[fd].set(); }
  void connection_lost(std::exception_ptr) override { completed.set_result(); }
};

CONFORMANCE_IO(test_events, SubprocessTestsMixin, test_subprocess_close_client_stream) {
  // CPython's echo3.py
  auto [transport, protocol] = co_await subprocess_shell(
      [] { return std::make_shared<MySubprocessProtocol>(); },
      "trap '' PIPE; while read -r word; do printf \"OUT:$word\" 2>/dev/null || printf ERR:BrokenPipeError >&2; done");
  auto* const input = transport->get_pipe_transport(0);
  input->write("test\n");
  co_await protocol->got_data[1].wait();
  EXPECT_EQ(protocol->data[1], "OUT:test");
  transport->get_pipe_transport(1)->close();
  co_await protocol->disconnects[1].wait();
  input->write("xxx\n");
  co_await protocol->got_data[2].wait();
  EXPECT_EQ(protocol->data[2], "ERR:BrokenPipeError");
  transport->close();
  co_await protocol->completed;
  EXPECT_EQ(transport->get_returncode(), -9);
}

CONFORMANCE_OUTSIDE(test_protocols, ProtocolsAbsTests, test_subprocess_protocol) {
  SubprocessProtocol protocol;
  protocol.connection_made(nullptr);
  protocol.connection_lost(nullptr);
  protocol.pipe_data_received(1, "data");
  protocol.pipe_connection_lost(1, nullptr);
  protocol.process_exited();
  protocol.pause_writing();
  protocol.resume_writing();
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_subprocess_protocol_events) {
  struct MyProtocol final : SubprocessProtocol {
    std::vector<string> events;
    Future<> complete;

    void pipe_data_received(int fd, BytesView bytes) override {
      note("data " + std::to_string(fd) + " " + string(bytes.data(), bytes.size()));
    }
    void pipe_connection_lost(int fd, std::exception_ptr) override { note("lost " + std::to_string(fd)); }
    void process_exited() override { note("exited"); }
    void note(string event) {
      events.push_back(std::move(event));
      if (events.size() == 5) complete.set_result();
    }
    [[nodiscard]] auto place_of(const string& event) const { return std::find(events.begin(), events.end(), event); }
  };
  auto [transport, protocol] =
      co_await subprocess_shell([] { return std::make_shared<MyProtocol>(); }, "printf stdout; printf stderr >&2",
                                {.output = subprocess::PIPE, .errors = subprocess::PIPE});
  co_await protocol->complete;
  transport->close();
  for (const char* event : {"data 1 stdout", "data 2 stderr", "lost 1", "lost 2", "exited"}) {
    EXPECT_NE(protocol->place_of(event), protocol->events.end()) << event;
  }
  EXPECT_LT(protocol->place_of("data 1 stdout"), protocol->place_of("lost 1"));
  EXPECT_LT(protocol->place_of("data 2 stderr"), protocol->place_of("lost 2"));
}

}  // namespace
}  // namespace tutti::conformance
