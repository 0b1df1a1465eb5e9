// SPDX-License-Identifier: MIT
// Child processes whose tasks are cancelled at random: each one ends and is reaped.
#include <csignal>
#include <memory>
#include <string>

#include <tutti/task/gather.hpp>
#include <tutti/task/timeout.hpp>

#include "process/process_support.hpp"
#include "stress.hpp"

namespace stress {
namespace {

using tutti::subprocess::PIPE;
using tutti::subprocess::Process;

class Children : public Crowd {
 public:
  using Crowd::Crowd;

  Coro<> run(unsigned steps) {
    co_await leave_alone(steps);
    co_await end();
    for (int turns = 0; turns < 10'000 && !tutti::tests::no_child_is_left(); ++turns) {
      co_await tutti::sleep(std::chrono::milliseconds(1));
    }
    EXPECT_TRUE(tutti::tests::no_child_is_left()) << "a child was not reaped";
  }

  Coro<> leave_alone(unsigned steps) {
    for (unsigned step = 0; step < steps; ++step) {
      if (size() < 5) tutti::create_task(repeat(3, [this] { return live(); }));
      co_await pause();
      disturb();
    }
  }

 private:
  Coro<> live() {
    const Process process =
        co_await tutti::create_subprocess_exec("cat", {}, {.input = PIPE, .output = PIPE, .errors = PIPE});
    if (random.chance(20)) process.send_signal(random.chance(50) ? SIGTERM : SIGKILL);
    switch (random.below(5)) {
      case 0: co_await talk(process, random.below(300'000)); break;
      case 1: co_await talk(process, 0); break;
      case 2:
        process.input().close();
        co_await tutti::gather(process.wait(), process.wait());
        break;
      case 3: co_await tutti::wait_for(process.wait(), some_time()); break;
      default: co_await pause();
    }
    if (random.chance(30)) process.close();
  }

  static Coro<> talk(const Process& process, std::size_t size) {
    const std::string text(size, 'x');
    const auto [output, errors] = co_await process.communicate(text);
    if (process.returncode() == 0) {
      EXPECT_TRUE(output == text) << "cat gave something else";
    }
    EXPECT_EQ(errors, "");
  }
};

TUTTI_TEST(RandomChildren, AreAllReaped) {
  co_await for_each_seed({.first_seed = 1, .runs = 2, .steps = 40}, [](unsigned seed, unsigned steps) -> Coro<> {
    Children children(seed);
    co_await children.run(steps);
  });
}

TEST(RandomChildren, EndWithTheirLoop) {
  close_loop_over({.first_seed = 1, .runs = 3, .steps = 20},
                  [](unsigned seed, unsigned) { return std::make_unique<Children>(seed); },
                  {"destroyed but it is pending", "retrieved"});
  EXPECT_TRUE(tutti::tests::no_child_is_left());
}

}  // namespace
}  // namespace stress
