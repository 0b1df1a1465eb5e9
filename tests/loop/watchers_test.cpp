// SPDX-License-Identifier: MIT
// Callbacks on descriptors: add_reader, remove_reader, add_writer, remove_writer.
#include <array>
#include <functional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tutti/base/fd.hpp>
#include <tutti/loop/context.hpp>

#include "loop_fixture.hpp"

namespace tutti::tests {
namespace {

struct Ends {
  Fd left, right;
};

Ends socket_pair() {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

void send(const Fd& fd, std::string_view text) {
  EXPECT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

std::string receive(const Fd& fd) {
  std::array<char, 1024> bytes;
  const ssize_t count = ::read(fd.get(), bytes.data(), bytes.size());
  return count > 0 ? std::string(bytes.data(), static_cast<std::size_t>(count)) : std::string();
}

class Watchers : public OnEachBackend {
 protected:
  /// Runs the loop until `condition` holds.
  void run_until(const std::function<bool()>& condition) {
    while (!condition()) run_once();
  }
  /// One iteration that may wait for an event.
  void run_once() {
    loop().call_soon([] {});
    run_briefly();
  }
  /// Enough iterations for whatever is ready to be noticed.
  void settle() {
    for (int i = 0; i < 10; ++i) run_briefly();
  }
};

// test_events.EventLoopTestsMixin.test_reader_callback
TEST_P(Watchers, CallAReaderEachTimeThereIsData) {
  auto ends = socket_pair();
  std::string received;
  bool removed = false;
  const int fd = ends.left.get();
  loop().add_reader(fd, [&] {
    const std::string data = receive(ends.left);
    received += data;
    if (!data.empty()) return;
    removed = loop().remove_reader(fd);
    ends.left.reset();
  });
  loop().call_soon([&] { send(ends.right, "abc"); });
  run_until([&] { return received.size() >= 3; });
  loop().call_soon([&] { send(ends.right, "def"); });
  run_until([&] { return received.size() >= 6; });
  loop().call_soon([&] { ends.right.reset(); });
  run_until([&] { return removed; });
  EXPECT_EQ(received, "abcdef");
}

// test_events.EventLoopTestsMixin.test_writer_callback
TEST_P(Watchers, CallAWriterUntilItIsRemoved) {
  auto ends = socket_pair();
  loop().add_writer(ends.left.get(), [&] {
    send(ends.left, "x");
    loop().stop();
  });
  loop().run_forever();
  EXPECT_TRUE(loop().remove_writer(ends.left.get()));
  EXPECT_FALSE(loop().remove_writer(ends.left.get()));
  settle();
  EXPECT_EQ(receive(ends.right), "x");
}

TEST_P(Watchers, CallOnceInEachIterationWhileTheDescriptorIsReady) {
  auto ends = socket_pair();
  send(ends.right, "never read");
  int calls = 0;
  loop().add_reader(ends.left.get(), [&] { ++calls; });
  run_until([&] { return calls == 1; });
  const auto before = loop().iterations();
  run_until([&] { return calls == 5; });
  EXPECT_EQ(loop().iterations() - before, 4U);
  loop().remove_reader(ends.left.get());
}

TEST_P(Watchers, KeepQuietWhileNothingIsReady) {
  auto ends = socket_pair();
  int calls = 0;
  loop().add_reader(ends.left.get(), [&] { ++calls; });
  settle();
  EXPECT_EQ(calls, 0);
  send(ends.right, "x");
  run_until([&] { return calls != 0; });
  EXPECT_EQ(receive(ends.left), "x");
  const int so_far = calls;
  run_briefly();  // what was ready before the read may be told once more
  const int late = calls;
  settle();
  EXPECT_EQ(calls, late);
  EXPECT_LE(late - so_far, 1);
  loop().remove_reader(ends.left.get());
}

TEST_P(Watchers, ServeAReaderAndAWriterOfOneDescriptor) {
  auto ends = socket_pair();
  int reads = 0;
  int writes = 0;
  loop().add_reader(ends.left.get(), [&] { ++reads; });
  loop().add_writer(ends.left.get(), [&] { ++writes; });
  run_until([&] { return writes > 2; });
  EXPECT_EQ(reads, 0);
  EXPECT_TRUE(loop().remove_writer(ends.left.get()));
  settle();
  const int writes_then = writes;
  send(ends.right, "x");
  run_until([&] { return reads > 2; });
  EXPECT_EQ(writes, writes_then);
  EXPECT_TRUE(loop().remove_reader(ends.left.get()));
  EXPECT_FALSE(loop().remove_writer(ends.left.get()));
}

// test_selector_events: test_add_reader_existing, test_process_events_read_cancelled
TEST_P(Watchers, ReplaceACallbackThatIsAboutToBeCalled) {
  auto ends = socket_pair();
  send(ends.right, "x");
  std::string calls;
  const int fd = ends.left.get();
  loop().add_reader(fd, [&] { calls += 'a'; });
  loop().add_reader(fd, [&] { calls += 'b'; });
  run_until([&] { return !calls.empty(); });
  EXPECT_EQ(calls, "b");
  loop().add_writer(ends.right.get(), [&] {
    loop().remove_writer(ends.right.get());
    loop().add_reader(fd, [&] { calls += 'c'; });
  });
  calls.clear();
  run_until([&] { return calls.find("cc") != std::string::npos; });
  EXPECT_EQ(calls.substr(calls.find('c')).find('b'), std::string::npos) << calls;
  EXPECT_TRUE(loop().remove_reader(fd));
}

TEST_P(Watchers, MayBeRemovedAndReplacedInsideTheirCallback) {
  auto ends = socket_pair();
  send(ends.right, "x");
  const int fd = ends.left.get();
  std::string calls;
  loop().add_reader(fd, [&, held = std::string(100, 'h')] {
    EXPECT_TRUE(loop().remove_reader(fd));
    calls += held.at(99);  // the callback is still there
    loop().add_reader(fd, [&] {
      calls += 'n';
      loop().remove_reader(fd);
    });
  });
  run_until([&] { return calls.size() == 2; });
  settle();
  EXPECT_EQ(calls, "hn");
}

TEST_P(Watchers, AreCalledInTheContextInWhichTheyWereAdded) {
  static ContextVar<int> variable("variable", 0);
  auto ends = socket_pair();
  send(ends.right, "x");
  int seen = 0;
  auto token = variable.set(7);
  loop().add_reader(ends.left.get(), [&] { seen = variable.get(); });
  variable.reset(token);
  run_until([&] { return seen != 0; });
  EXPECT_EQ(seen, 7);
  loop().remove_reader(ends.left.get());
}

TEST_P(Watchers, GoOnAfterAnExceptionInTheirCallback) {
  auto ends = socket_pair();
  send(ends.right, "x");
  int calls = 0;
  reports.expect("exception in callback");
  loop().add_reader(ends.left.get(), [&] {
    if (++calls == 1) throw std::runtime_error("at first");
    loop().remove_reader(ends.left.get());
  });
  run_until([&] { return calls == 2; });
}

TEST_P(Watchers, LetARequestToLeaveTheLoopPass) {
  auto ends = socket_pair();
  send(ends.right, "x");
  int calls = 0;
  loop().add_reader(ends.left.get(), [&] {
    if (++calls == 1) throw KeyboardInterrupt();
    loop().stop();
  });
  EXPECT_THROW(loop().run_forever(), KeyboardInterrupt);
  loop().run_forever();
  EXPECT_EQ(calls, 2);
  loop().remove_reader(ends.left.get());
}

TEST_P(Watchers, TellBothSidesOfAHangUp) {
  auto ends = socket_pair();
  std::string calls;
  loop().add_reader(ends.left.get(), [&] {
    calls += 'r';
    loop().remove_reader(ends.left.get());
  });
  loop().add_writer(ends.left.get(), [&] {
    calls += 'w';
    loop().remove_writer(ends.left.get());
  });
  ends.right.reset();
  run_until([&] { return calls.size() == 2; });
}

TEST_P(Watchers, WorkOnPipes) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  std::string received;
  loop().add_reader(reader.get(), [&] {
    const std::string data = receive(reader);
    if (data.empty()) loop().remove_reader(reader.get());
    received += data.empty() ? "|" : data;
  });
  loop().call_soon([&] { send(writer, "pipe"); });
  run_until([&] { return received == "pipe"; });
  writer.reset();
  run_until([&] { return received == "pipe|"; });
}

TEST_P(Watchers, FindARegularFileAlwaysReady) {
  const Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  int calls = 0;
  loop().add_reader(file.get(), [&] {
    if (++calls == 2) loop().remove_reader(file.get());
  });
  run_until([&] { return calls == 2; });
}

TEST_P(Watchers, LetTheirDescriptorBeClosedAndItsNumberUsedAgain) {
  for (int i = 0; i < 3; ++i) {
    auto ends = socket_pair();
    int calls = 0;
    const int fd = ends.left.get();
    loop().add_reader(fd, [&] { ++calls; });
    settle();
    EXPECT_TRUE(loop().remove_reader(fd));
    ends.left.reset();
    ends.right.reset();
    auto again = socket_pair();
    EXPECT_EQ(again.left.get(), fd);
    std::string received;
    loop().add_reader(fd, [&] {
      received += receive(again.left);
      loop().remove_reader(fd);
    });
    settle();
    send(again.right, "new");
    run_until([&] { return !received.empty(); });
    EXPECT_EQ(received, "new");
    EXPECT_EQ(calls, 0);
  }
}

// ---- what is refused ----

TEST_P(Watchers, RefuseADescriptorThatIsNotOpen) {
  EXPECT_THROW(loop().add_reader(-1, [] {}), OSError);
  try {
    loop().add_writer(1 << 20, [] {});
    FAIL();
  } catch (const OSError& error) {
    EXPECT_STREQ(error.what(), "add_writer 1048576: bad file descriptor");
  }
  EXPECT_FALSE(loop().remove_reader(-1));
  EXPECT_FALSE(loop().remove_writer(1 << 20));
}

TEST_P(Watchers, RefuseADescriptorThatATransportHas) {
  auto ends = socket_pair();
  const int fd = ends.left.get();
  loop().claim_descriptor(fd);
  EXPECT_THROW(loop().add_reader(fd, [] {}), RuntimeError);
  EXPECT_THROW(loop().add_writer(fd, [] {}), RuntimeError);
  EXPECT_THROW(loop().remove_reader(fd), RuntimeError);
  EXPECT_THROW(loop().remove_writer(fd), RuntimeError);
  loop().release_descriptor(fd);
  loop().add_reader(fd, [] {});
  EXPECT_TRUE(loop().remove_reader(fd));
}

// ---- the loop closes ----

// test_events.EventLoopTestsMixin.test_remove_fds_after_closing
TEST_P(Watchers, AreGoneWhenTheLoopIsClosed) {
  auto ends = socket_pair();
  auto held = std::make_shared<int>(1);
  loop().add_reader(ends.left.get(), [held] {});
  loop().add_writer(ends.right.get(), [held] {});
  run_briefly();
  loop().close();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(loop().remove_reader(ends.left.get()));
  EXPECT_FALSE(loop().remove_writer(ends.right.get()));
}

// test_events.EventLoopTestsMixin.test_add_fds_after_closing
TEST_P(Watchers, CannotBeAddedToAClosedLoop) {
  auto ends = socket_pair();
  loop().close();
  EXPECT_THROW(loop().add_reader(ends.left.get(), [] {}), RuntimeError);
  EXPECT_THROW(loop().add_writer(ends.right.get(), [] {}), RuntimeError);
}

INSTANTIATE_TEST_SUITE_P(All, Watchers, ::testing::Values("uring", "epoll", "poll"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace tutti::tests
