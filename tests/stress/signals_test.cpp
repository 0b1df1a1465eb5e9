// SPDX-License-Identifier: MIT
// Signals whose receivers and handlers come and go, and are cancelled, at random: each signal is noticed.
#include <csignal>
#include <optional>

#include <tutti/process/signals.hpp>

#include "stress.hpp"

namespace stress {
namespace {

// They do nothing where nobody wants them.
constexpr int kSignals[] = {SIGURG, SIGWINCH};

class Signals : public Crowd {
 public:
  explicit Signals(unsigned seed) : Crowd(seed), witness_(tutti::signals({SIGURG, SIGWINCH})) {}

  Coro<> run(unsigned steps) {
    for (unsigned step = 0; step < steps; ++step) {
      if (size() < 8) tutti::create_task(repeat(4, [this] { return act(); }));
      co_await pause();
      disturb();
    }
    co_await end();
    for (const int signum : kSignals) tutti::get_running_loop().remove_signal_handler(signum);
    // Whatever went before: what comes now is noticed.
    for (const int signum : kSignals) {
      ::raise(signum);
      while (co_await witness_.next() != signum) continue;
    }
  }

 private:
  Coro<> act() {
    const int signum = kSignals[random.below(2)];
    switch (random.below(5)) {
      case 0:
      case 1: ::raise(signum); break;
      case 2: {
        const std::optional<int> received = co_await witness_.next();
        EXPECT_TRUE(received == SIGURG || received == SIGWINCH);
        break;
      }
      case 3: {  // one that goes, perhaps with a signal that it has not given
        tutti::SignalReceiver own = tutti::signals({signum});
        if (random.chance(50)) co_await pause();
        if (random.chance(30)) own.close();
        if (random.chance(50)) {
          EXPECT_EQ((co_await own.next()).value_or(signum), signum);
        }
        break;
      }
      default: {
        auto& loop = tutti::get_running_loop();
        loop.add_signal_handler(signum, [] {});
        co_await pause();
        loop.remove_signal_handler(signum);
      }
    }
  }

  tutti::SignalReceiver witness_;
};

TUTTI_TEST(RandomSignals, AreNoticedWhoeverComesAndGoes) {
  co_await for_each_seed({.first_seed = 1, .runs = 3, .steps = 80}, [](unsigned seed, unsigned steps) -> Coro<> {
    Signals signals(seed);
    co_await signals.run(steps);
  });
}

}  // namespace
}  // namespace stress
