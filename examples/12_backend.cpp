// SPDX-License-Identifier: MIT
// A back end of your own: it passes each operation on to another one, and counts the connects that go by.
//
//   make build && build/release/examples/example_12_backend
#include <iostream>
#include <map>
#include <memory>
#include <tutti/tutti.hpp>

using namespace tutti::lowlevel;

// [region backend]
// An operation belongs to one back end, so the inner one gets a copy of the request.
struct Copy final : Operation {
  explicit Copy(Operation& from) : original(from) {
    opcode = from.opcode, fd = from.fd, flags = from.flags, offset = from.offset;
    buffer = from.buffer, length = from.length, address_length = from.address_length;
  }
  void run() override {}  // never called: its completion becomes the original's
  Operation& original;
};

struct CountingBackend final : IoBackend {
  int connects = 0;
  std::unique_ptr<IoBackend> inner = make_default_backend();
  std::map<Operation*, std::unique_ptr<Copy>> copies;

  ~CountingBackend() override { std::cout << "connects: " << connects << '\n'; }
  std::string_view name() const noexcept override { return "counting"; }
  void wake() noexcept override { inner->wake(); }
  void forget(int fd) noexcept override { inner->forget(fd); }
  void do_submit(Operation& operation) override {
    if (operation.opcode == Opcode::connect) ++connects;
    inner->submit(*(copies[&operation] = std::make_unique<Copy>(operation)));
  }
  void do_cancel(Operation& operation) noexcept override { inner->cancel(*copies.find(&operation)->second); }
  void do_poll(std::optional<tutti::Duration> timeout, ReadyQueue& completed) override {
    ReadyQueue done;
    inner->poll(timeout, done);
    while (Ready* entry = done.pop()) {
      auto copy = copies.extract(&static_cast<Copy*>(entry)->original);
      deliver(*copy.key(), copy.mapped()->result, completed);
    }
  }
};
// [endregion]

// [region main]
tutti::Coro<> async_main() {
  auto server = co_await tutti::start_server([](auto, auto) {}, "127.0.0.1", 0);
  for (int i = 0; i < 3; ++i) (void)co_await tutti::open_connection("127.0.0.1", server.port());
}

int main() {
  tutti::LoopFactory make_loop = [] {
    return std::make_unique<tutti::EventLoop>(tutti::LoopOptions{std::make_unique<CountingBackend>()});
  };
  tutti::run(async_main(), {.loop_factory = make_loop});
}
// [endregion]
