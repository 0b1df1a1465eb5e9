// SPDX-License-Identifier: MIT
// Child processes with a protocol: what it is told, and that nothing is left whoever lets go of it.
#include <csignal>
#include <memory>
#include <string>
#include <utility>

#include <tutti/loop/io_backend.hpp>
#include <tutti/process/subprocess_protocol.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/run.hpp>

#include "process/process_support.hpp"

namespace tutti::tests {
namespace {

/// Writes down what it is told.
struct Recorder final : SubprocessProtocol {
  std::shared_ptr<SubprocessTransport> transport;
  std::string log;
  std::string data[3];
  Future<> lost;

  void connection_made(std::shared_ptr<SubprocessTransport> made) override {
    transport = std::move(made);
    log += "made ";
  }
  void pipe_data_received(int fd, BytesView bytes) override {
    data[fd] += std::string(bytes.data(), bytes.size());
    if (throws) throw ValueError("no data, please");
  }
  void pipe_connection_lost(int fd, std::exception_ptr error) override {
    log += "lost" + std::to_string(fd) + (error ? "! " : " ");
  }
  void process_exited() override { log += "exited "; }
  void connection_lost(std::exception_ptr error) override {
    EXPECT_EQ(error, nullptr);
    EXPECT_EQ(transport->get_protocol(), nullptr);
    log += "lost";
    transport.reset();
    lost.set_result();
  }
  void pause_writing() override { log += "pause "; }
  void resume_writing() override { log += "resume "; }

  bool throws = false;
};

auto recorder() { return std::make_shared<Recorder>(); }
bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TUTTI_TEST(SubprocessProtocol, IsToldOfDataOfEachPipeAndOfTheEnd) {
  auto [transport, protocol] = co_await subprocess_shell(recorder, "read word; printf $word; printf no >&2; exit 3");
  EXPECT_EQ(protocol->log, "made ");
  EXPECT_EQ(protocol->transport, transport);
  EXPECT_GT(transport->get_pid(), 0);
  transport->get_pipe_transport(0)->write("yes\n");
  co_await protocol->lost;
  EXPECT_EQ(transport->get_returncode(), 3);
  EXPECT_EQ(protocol->data[1], "yes");
  EXPECT_EQ(protocol->data[2], "no");
  for (const char* part : {"lost0", "lost1 ", "lost2 ", "exited "}) EXPECT_TRUE(contains(protocol->log, part)) << part;
  EXPECT_TRUE(protocol->log.ends_with(" lost"));
  EXPECT_THROW(transport->terminate(), ProcessLookupError);
}

TUTTI_TEST(SubprocessProtocol, HasPipesOnlyWhereTheyWereAskedFor) {
  auto [transport, protocol] = co_await subprocess_exec(recorder, "true", {}, {.output = PIPE, .errors = STDOUT});
  EXPECT_EQ(transport->get_pipe_transport(0), nullptr);
  EXPECT_NE(transport->get_pipe_transport(1), nullptr);
  EXPECT_EQ(transport->get_pipe_transport(2), nullptr);
  EXPECT_EQ(transport->get_pipe_transport(3), nullptr);
  co_await protocol->lost;
  EXPECT_FALSE(contains(protocol->log, "lost0"));
  EXPECT_FALSE(contains(protocol->log, "lost2"));
}

TUTTI_TEST(SubprocessProtocol, EndsItsChildWhenItsTransportIsClosed) {
  auto [transport, protocol] = co_await subprocess_exec(recorder, "cat");
  EXPECT_FALSE(transport->is_closing());
  transport->close();
  transport->close();
  EXPECT_TRUE(transport->is_closing());
  co_await protocol->lost;
  EXPECT_EQ(transport->get_returncode(), -SIGKILL);
}

TUTTI_TEST(SubprocessProtocol, IsAskedToPauseWhileItsChildDoesNotRead) {
  auto [transport, protocol] = co_await subprocess_shell(recorder, "cat > /dev/null");
  auto* const input = transport->get_pipe_transport(0);
  input->write(std::string(kMoreThanAPipeHolds, 'x'));
  EXPECT_TRUE(contains(protocol->log, "pause"));
  while (!contains(protocol->log, "resume")) co_await sleep(1ms);
  input->close();
  co_await protocol->lost;
  EXPECT_EQ(transport->get_returncode(), 0);
}

TUTTI_TEST(SubprocessProtocol, KeepsItsConnectionWhenItThrows) {
  auto [transport, protocol] = co_await subprocess_shell(
      [] {
        auto made = recorder();
        made->throws = true;
        return made;
      },
      "printf one");
  transport->get_pipe_transport(0)->close();
  co_await protocol->lost;
  EXPECT_EQ(protocol->data[1], "one");
  testing::expect_report("no data, please");
}

TUTTI_TEST(SubprocessProtocol, LivesUntilTheConnectionIsLostWhoeverLetsGo) {
  Future<> lost;
  {
    const auto [transport, protocol] = co_await subprocess_exec(recorder, "cat");
    lost = protocol->lost;
    transport->get_pipe_transport(0)->close();
  }
  co_await lost;
}

TUTTI_TEST(SubprocessProtocol, IsNotStartedIfItsFactoryOrTheProgramFails) {
  EXPECT_EQ(co_await message_of<ValueError>(
                subprocess_exec([]() -> std::shared_ptr<Recorder> { throw ValueError("no protocol"); }, "cat")),
            "no protocol");
  EXPECT_TRUE(
      contains(co_await message_of<FileNotFoundError>(subprocess_exec(recorder, "no-such-program")), "no-such"));
  EXPECT_TRUE(no_child_is_left());
}

TUTTI_TEST(SubprocessProtocolCancel, KillsTheChild) {
  auto before = create_task(subprocess_exec(recorder, "cat"));
  before.cancel();
  CO_ASSERT_THROW((void)co_await before, CancelledError);
  for (const bool shell : {false, true}) {
    const auto protocol = recorder();
    const auto factory = [protocol] { return protocol; };
    auto creating = create_task(shell ? subprocess_shell(factory, "cat") : subprocess_exec(factory, "cat"));
    co_await turns(1);
    creating.cancel();
    CO_ASSERT_THROW((void)co_await creating, CancelledError);
    EXPECT_TRUE(no_child_is_left());
    co_await protocol->lost;
  }
}

TEST(SubprocessProtocolOfAClosedLoop, IsLetGoOfAndItsChildKilled) {
  for (const char* backend : {"uring", "epoll", "poll"}) {
    if (std::string(backend) == "uring" && !lowlevel::uring_available()) continue;
    std::weak_ptr<Recorder> kept;
    {
      EventLoop loop({.backend = lowlevel::make_backend(backend)});
      loop.run_until_complete([&]() -> Coro<> {
        kept = (co_await subprocess_exec(recorder, "cat")).protocol;
        kept.lock()->transport.reset();
      });
      EXPECT_FALSE(kept.expired());
    }
    EXPECT_TRUE(kept.expired());
    EXPECT_TRUE(no_child_is_left());
  }
}

}  // namespace
}  // namespace tutti::tests
