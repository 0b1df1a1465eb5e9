// SPDX-License-Identifier: MIT
// Sockets, files, pipes, protocols, threads and child processes whose tasks are cancelled at random.
#include "outside.hpp"

#include <csignal>
#include <memory>
#include <string>

#include <tutti/process/subprocess_protocol.hpp>

#include "outside_protocols.hpp"
#include "outside_sockets.hpp"
#include "outside_threads.hpp"
#include "process/process_support.hpp"

namespace stress {
namespace {

/// Of a child that gives back what it gets.
class ChildProtocol final : public tutti::SubprocessProtocol, Told {
 public:
  using Told::Told;
  void connection_made(std::shared_ptr<tutti::SubprocessTransport>) override { note_made(); }
  void connection_lost(std::exception_ptr) override {
    note_lost();
    EXPECT_TRUE(exited_) << "the connection was lost before the child ended";
    lost.set();
  }
  void process_exited() override {
    note_call();
    EXPECT_FALSE(exited_) << "the child ended twice";
    exited_ = true;
  }
  void pipe_data_received(int, tutti::BytesView data) override {
    note_call();
    came += data.size();
  }
  std::size_t came = 0;
  tutti::Event lost;

 private:
  bool exited_ = false;
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
      case 1: co_await live_with_protocol(); break;
      default: co_await live();
    }
  }

  Coro<> close() const {
    const auto all_ended = [this] { return tally_->protocols == 0 && tutti::tests::no_child_is_left(); };
    for (int turns = 0; turns < 10'000 && !all_ended(); ++turns) co_await tutti::sleep(std::chrono::milliseconds(1));
    EXPECT_TRUE(tutti::tests::no_child_is_left()) << "a child was not reaped";
    EXPECT_EQ(tally_->connections, 0U) << "connection_lost was not called";
    EXPECT_EQ(tally_->protocols, 0U) << "protocols were left";
  }

 private:
  Coro<> live_with_protocol() {
    const auto [transport, protocol] =
        co_await tutti::subprocess_exec([tally = tally_] { return std::make_shared<ChildProtocol>(tally); }, "cat");
    const struct Leave {
      const std::shared_ptr<tutti::SubprocessTransport>& transport;
      ~Leave() { transport->close(); }
    } leave{transport};
    const std::string text(random_.below(100'000), 'x');
    transport->get_pipe_transport(0)->write(text);
    co_await crowd_.pause();
    const bool killed = random_.chance(30);
    killed ? transport->kill() : transport->get_pipe_transport(0)->close();
    co_await protocol->lost.wait();
    EXPECT_EQ(transport->get_returncode(), killed ? -SIGKILL : 0);
    if (!killed) {
      EXPECT_EQ(protocol->came, text.size());
    }
  }
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
  std::shared_ptr<Tally> tally_ = std::make_shared<Tally>();
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
    co_await children_.close();
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
