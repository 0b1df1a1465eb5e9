// SPDX-License-Identifier: MIT
// Sockets, files, pipes, protocols, threads and child processes whose tasks are cancelled at random.
#include "outside.hpp"

#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>

#include <tutti/task/from_thread.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/thread_pool.hpp>
#include <tutti/task/timeout.hpp>

#include "outside_protocols.hpp"
#include "outside_sockets.hpp"
#include "process/process_support.hpp"

namespace stress {
namespace {

/// Calls in threads: each runs at most once, and exactly once if it has a result.
class ThreadActs {
 public:
  explicit ThreadActs(Crowd& crowd) : crowd_(crowd), random_(crowd.random) {}

  Coro<> act() {
    const auto call = std::make_shared<std::atomic<int>>(0);
    const auto function = [call, calls = calls_] {
      const Running running(*calls);
      return ++*call;
    };
    switch (random_.below(5)) {
      case 0: EXPECT_EQ(co_await tutti::to_thread(function), 1); break;
      case 1: EXPECT_EQ(co_await tutti::run_in_executor(*pool_, function), 1); break;
      case 2: {
        auto future = tutti::run_in_executor(*pool_, function);
        co_await crowd_.pause();
        if (random_.chance(50)) future.cancel();
        EXPECT_EQ(co_await future, 1);
        break;
      }
      case 3: co_await call_back(); break;
      default: co_await refuse();
    }
    EXPECT_LE(call->load(), 1) << "a call ran twice";
  }

  Coro<> close() {
    for (int turns = 0; turns < 10'000 && calls_->load() > 0; ++turns) {
      co_await tutti::sleep(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(calls_->load(), 0) << "a call hangs";
    pool_->shutdown();
    EXPECT_EQ(pool_->threads(), 0U);
  }

 private:
  class Running {
   public:
    explicit Running(std::atomic<int>& calls) : calls_(calls) { ++calls_; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { --calls_; }

   private:
    std::atomic<int>& calls_;
  };

  /// From the thread into the loop and back.
  Coro<> call_back() {
    const int number = co_await tutti::to_thread([this, calls = calls_] {
      const Running running(*calls);
      const int first = tutti::from_thread::run([this]() -> Coro<int> {
        const Crowd::Member member(crowd_);
        co_await crowd_.pause();
        co_return 20;
      });
      tutti::from_thread::check_cancelled();
      return first + tutti::from_thread::run_sync([] { return 1; });
    });
    EXPECT_EQ(number, 21);
  }
  Coro<> refuse() {
    co_await tutti::to_thread([calls = calls_] {
      const Running running(*calls);
      throw Failure();
    });
    ADD_FAILURE() << "the call's exception was lost";
  }

  Crowd& crowd_;
  Random& random_;
  std::shared_ptr<std::atomic<int>> calls_ = std::make_shared<std::atomic<int>>(0);  // that run
  std::shared_ptr<tutti::ThreadPoolExecutor> pool_ =
      std::make_shared<tutti::ThreadPoolExecutor>(tutti::ThreadPoolOptions{.max_workers = 2});
};

/// Child processes, a few at a time: each gives back what it was given, and is reaped.
class ChildActs {
 public:
  explicit ChildActs(Crowd& crowd) : crowd_(crowd), random_(crowd.random) {}

  Coro<> act() {
    if (children_ >= 3) co_return co_await crowd_.pause();
    const Count lives(children_);
    switch (random_.below(4)) {
      case 0: {
        const std::string text(random_.below(100'000), 'x');
        const auto done = co_await tutti::run_process("cat", {}, {.input = text});
        EXPECT_TRUE(done.output == text) << "cat gave something else";
        break;
      }
      default: co_await live();
    }
  }

  static Coro<> close() {
    for (int turns = 0; turns < 10'000 && !tutti::tests::no_child_is_left(); ++turns) {
      co_await tutti::sleep(std::chrono::milliseconds(1));
    }
    EXPECT_TRUE(tutti::tests::no_child_is_left()) << "a child was not reaped";
  }

 private:
  Coro<> live() {
    using tutti::subprocess::PIPE;
    const auto child = co_await tutti::create_subprocess_exec("cat", {}, {.input = PIPE, .output = PIPE});
    if (random_.chance(30)) child.send_signal(random_.chance(50) ? SIGTERM : SIGKILL);
    const std::string text(random_.below(100'000), 'x');
    if (random_.chance(60)) {
      const auto [output, errors] = co_await child.communicate(text);
      if (child.returncode() == 0) {
        EXPECT_TRUE(output == text) << "cat gave something else";
      }
    } else {
      co_await crowd_.pause();
    }
    if (random_.chance(50)) co_return child.close();
    child.input().close();
    co_await child.wait();
  }

  Crowd& crowd_;
  Random& random_;
  unsigned children_ = 0;
};

class Everything final : public Outside {
 public:
  explicit Everything(Crowd& crowd) : crowd_(crowd) {}

  Coro<> open() override { return protocols_.open(); }
  Coro<> act() override {
    const unsigned chance = crowd_.random.below(100);
    if (chance < 40) return sockets_.act();
    if (chance < 75) return protocols_.act();
    return chance < 95 ? threads_.act() : children_.act();
  }
  Coro<> close() override {
    co_await protocols_.close();
    co_await threads_.close();
    co_await ChildActs::close();
    sockets_.check_end();
  }

 private:
  Crowd& crowd_;
  SharedFile file_;
  SocketActs sockets_{crowd_, file_};
  ProtocolActs protocols_{crowd_, file_};
  ThreadActs threads_{crowd_};
  ChildActs children_{crowd_};
};

/// Tasks that do nothing else.
class Travellers : public Crowd {
 public:
  explicit Travellers(unsigned seed) : Crowd(seed), outside_(make_outside(*this)) {}

  Coro<> run(unsigned steps) {
    co_await leave_alone(steps);
    co_await end();
    co_await outside_->close();
    expect_only_reports_of_outside();
  }
  Coro<> leave_alone(unsigned steps) {
    co_await outside_->open();
    for (unsigned step = 0; step < steps; ++step) {
      if (size() < 10) tutti::create_task(repeat(4, [this] { return outside_->act(); }));
      co_await pause();
      disturb();
    }
  }

 private:
  std::unique_ptr<Outside> outside_;
};

TUTTI_TEST(RandomTravellers, LoseNothingOutside) {
  co_await for_each_seed({.first_seed = 1, .runs = 2, .steps = 80}, [](unsigned seed, unsigned steps) -> Coro<> {
    Travellers travellers(seed);
    co_await travellers.run(steps);
  });
}

TEST(RandomTravellers, EndWithTheirLoop) {
  close_loop_over({.first_seed = 1, .runs = 3, .steps = 30},
                  [](unsigned seed, unsigned) { return std::make_unique<Travellers>(seed); },
                  {"destroyed but it is pending", "unclosed StreamWriter", "retrieved"});
  EXPECT_TRUE(tutti::tests::no_child_is_left());
}

}  // namespace

std::unique_ptr<Outside> make_outside(Crowd& crowd) { return std::make_unique<Everything>(crowd); }

void expect_only_reports_of_outside() {
  for (const auto& report : tutti::testing::take_reports()) {
    EXPECT_NE(report.to_string().find("unclosed StreamWriter"), std::string::npos) << report.to_string();
  }
}

}  // namespace stress
