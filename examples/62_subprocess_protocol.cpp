// SPDX-License-Identifier: MIT
// A child process with a protocol: it is told what the child does, and never waits.
//
//   make build && build/release/examples/example_62_subprocess_protocol
#include <iostream>
#include <memory>
#include <string>

#include <tutti/tutti.hpp>

using tutti::Coro;

// [region protocol]
/// Counts what a child writes, and tells when it has ended.
struct Counter : tutti::SubprocessProtocol {
  void pipe_data_received(int fd, tutti::BytesView data) override { bytes[fd] += data.size(); }
  void process_exited() override { std::cout << "the child has ended\n"; }  // its output may still come
  void connection_lost(std::exception_ptr) override { ended.set_result(); }

  std::size_t bytes[3] = {};
  tutti::Future<> ended;
};
// [endregion]

// [region main]
Coro<> async_main() {
  auto [transport, protocol] = co_await tutti::subprocess_exec([] { return std::make_shared<Counter>(); }, "cat");
  auto* const input = transport->get_pipe_transport(0);
  input->write(std::string(100'000, 'x'));
  input->close();  // what was written is still sent
  co_await protocol->ended;
  std::cout << protocol->bytes[1] << " bytes, returncode " << *transport->get_returncode() << "\n";
}

int main() { tutti::run(async_main()); }
// [endregion]
