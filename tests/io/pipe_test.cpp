// SPDX-License-Identifier: MIT
// Pipes, FIFOs, sockets and terminals as streams.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/io/pipe.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "support/turns.hpp"

namespace tutti::tests {
namespace {

using namespace std::chrono_literals;
using test_support::turns;

constexpr std::size_t kMoreThanAPipeHolds = 3 * 1024 * 1024;

void write_all(const Fd& descriptor, BytesView data) {
  EXPECT_EQ(::write(descriptor.get(), data.data(), data.size()), static_cast<ssize_t>(data.size()));
}
std::string read_once(const Fd& descriptor) {
  char bytes[64];
  const ssize_t count = ::read(descriptor.get(), bytes, sizeof bytes);
  return count < 0 ? "nothing" : std::string(bytes, static_cast<std::size_t>(count));
}

// ---- reading ----

// test_events.EventLoopTestsMixin.test_read_pipe
TUTTI_TEST(ReadPipe, GivesWhatComesAndThenTheEnd) {
  auto [reading, writing] = make_pipe();
  StreamReader reader = open_read_pipe(std::move(reading));
  write_all(writing, "1");
  EXPECT_EQ(co_await reader.readexactly(1), "1");
  write_all(writing, "2345");
  EXPECT_EQ(co_await reader.readexactly(4), "2345");
  writing.reset();
  EXPECT_EQ(co_await reader.read(), "");
  EXPECT_TRUE(reader.at_eof());
}

TUTTI_TEST(ReadPipe, ReadsMoreThanAPipeHolds) {
  auto [reading, writing] = make_pipe();
  StreamReader reader = open_read_pipe(std::move(reading));
  StreamWriter writer = open_write_pipe(std::move(writing));
  const std::string sent(kMoreThanAPipeHolds, 'x');
  auto received = create_task(reader.read());
  writer.write(sent);
  co_await writer.drain();
  writer.close();
  CO_ASSERT_TRUE(co_await received == sent);
  co_await writer.wait_closed();
}

// test_events.EventLoopTestsMixin.test_unclosed_pipe_transport: the descriptor goes with the reader
TUTTI_TEST(ReadPipe, IsClosedWithItsReader) {
  auto [reading, writing] = make_pipe();
  {
    const StreamReader reader = open_read_pipe(std::move(reading));
  }
  co_await turns(3);
  std::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(::write(writing.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
}

TUTTI_TEST(ReadPipe, IsClosedAfterAReadThatOutlivesItsReader) {
  lowlevel::ignore_sigpipe();
  auto [reading, writing] = make_pipe();
  std::optional<StreamReader> reader = open_read_pipe(std::move(reading));
  auto line = create_task(reader->readline());
  co_await turns(2);
  reader.reset();
  write_all(writing, "last\n");
  EXPECT_EQ(co_await line, "last\n");
  co_await turns(3);
  EXPECT_EQ(::write(writing.get(), "x", 1), -1);
}

// What was not asked for yet stays in the pipe: another program may read it.
TUTTI_TEST(ReadPipe, LeavesTheRestInThePipe) {
  auto [reading, writing] = make_pipe();
  const Fd other(::dup(reading.get()));
  const auto transport = lowlevel::make_read_pipe(get_running_loop(), std::move(reading));
  EXPECT_FALSE(transport->is_reading());
  write_all(writing, "kept");
  co_await turns(3);
  EXPECT_EQ(read_once(other), "kept");
  transport->close();
  co_await turns(3);
}

// test_unix_events.UnixReadPipeTransportTests.test_pause_reading_on_paused_pipe and its kin
TUTTI_TEST(ReadPipe, PausesAndResumesHoweverOften) {
  auto [reading, writing] = make_pipe();
  const Fd other(::dup(reading.get()));
  const auto transport = lowlevel::make_read_pipe(get_running_loop(), std::move(reading));
  StreamReader reader;
  reader.set_transport(transport);
  transport->pause_reading();
  transport->resume_reading();
  transport->resume_reading();
  EXPECT_TRUE(transport->is_reading());
  transport->pause_reading();
  write_all(writing, "kept");
  co_await turns(3);
  EXPECT_EQ(read_once(other), "kept");
  transport->close();
  transport->pause_reading();
  transport->resume_reading();
  EXPECT_FALSE(transport->is_reading());
  co_await turns(3);
}

TUTTI_TEST(ReadPipe, StopsReadingWhenTooMuchIsBuffered) {
  auto [reading, writing] = make_pipe();
  const Fd other(::dup(reading.get()));
  StreamReader reader = open_read_pipe(std::move(reading), {.limit = 10});
  write_all(writing, std::string(21, 'x'));
  co_await turns(4);
  EXPECT_EQ(reader.buffered().size(), 21U);
  write_all(writing, "kept");
  co_await turns(4);
  EXPECT_EQ(read_once(other), "kept");
  EXPECT_EQ(co_await reader.readexactly(21), std::string(21, 'x'));
  writing.reset();
  EXPECT_EQ(co_await reader.read(), "");
}

TUTTI_TEST(ReadPipe, LosesNothingWhenAReadIsCancelled) {
  auto [reading, writing] = make_pipe();
  StreamReader reader = open_read_pipe(std::move(reading));
  auto before = create_task(reader.read(4));
  before.cancel();
  CO_ASSERT_THROW(co_await before, CancelledError);
  auto waiting = create_task(reader.readexactly(4));
  write_all(writing, "ab");
  co_await turns(4);
  waiting.cancel();
  CO_ASSERT_THROW(co_await waiting, CancelledError);
  write_all(writing, "cd");
  EXPECT_EQ(co_await reader.readexactly(4), "abcd");
}

TUTTI_TEST(ReadPipe, IsNotForWriting) {
  auto [reading, writing] = make_pipe();
  const auto transport = lowlevel::make_read_pipe(get_running_loop(), std::move(reading));
  EXPECT_FALSE(transport->can_write_eof());
  EXPECT_THROW(transport->write("x"), RuntimeError);
  EXPECT_THROW(transport->write_eof(), RuntimeError);
  transport->close();
  co_await turns(3);
}

// ---- writing ----

// test_events.EventLoopTestsMixin.test_write_pipe
TUTTI_TEST(WritePipe, SendsWhatIsWritten) {
  auto [reading, writing] = make_pipe();
  StreamWriter writer = open_write_pipe(std::move(writing));
  writer.write("1");
  EXPECT_EQ(read_once(reading), "1");
  writer.writelines({"2", "34", "", "5"});
  EXPECT_EQ(read_once(reading), "2345");
  EXPECT_TRUE(writer.can_write_eof());
  writer.close();
  co_await writer.wait_closed();
  EXPECT_EQ(read_once(reading), "");
}

TUTTI_TEST(WritePipe, SendsWhatIsBufferedBeforeItCloses) {
  auto [reading, writing] = make_pipe();
  StreamWriter writer = open_write_pipe(std::move(writing));
  writer.write(std::string(kMoreThanAPipeHolds, 'x'));
  writer.write_eof();
  EXPECT_TRUE(writer.is_closing());
  writer.write("too late");
  StreamReader reader = open_read_pipe(std::move(reading));
  EXPECT_EQ((co_await reader.read()).size(), kMoreThanAPipeHolds);
  co_await writer.wait_closed();
}

// test_events.EventLoopTestsMixin.test_write_pipe_disconnect_on_close
TUTTI_TEST(WritePipe, NoticesThatItsReaderHasGone) {
  auto [reading, writing] = make_pipe();
  StreamWriter writer = open_write_pipe(std::move(writing));
  writer.write("1");
  EXPECT_EQ(read_once(reading), "1");
  reading.reset();
  co_await writer.wait_closed();
  EXPECT_TRUE(writer.is_closing());
  CO_ASSERT_THROW(co_await writer.drain(), ConnectionResetError);
}

TUTTI_TEST(WritePipe, TellsThatWhatIsBufferedWillNotBeRead) {
  auto [reading, writing] = make_pipe();
  StreamWriter writer = open_write_pipe(std::move(writing));
  writer.write(std::string(kMoreThanAPipeHolds, 'x'));
  auto drained = create_task(writer.drain());
  co_await turns(3);
  reading.reset();
  CO_ASSERT_THROW(co_await drained, BrokenPipeError);
  CO_ASSERT_THROW(co_await writer.wait_closed(), BrokenPipeError);
}

// Not by a signal: SIGPIPE would end the program.
TUTTI_TEST(WritePipe, FailsWithoutASignalIfNobodyReads) {
  auto [reading, writing] = make_pipe();
  const std::string name = "pipe " + std::to_string(writing.get());
  StreamWriter writer = open_write_pipe(std::move(writing));
  reading.reset();
  writer.write("x");
  EXPECT_TRUE(writer.is_closing());
  std::string message;
  try {
    co_await writer.wait_closed();
  } catch (const BrokenPipeError& error) {
    message = error.what();
  }
  EXPECT_EQ(message, "write to " + name + ": broken pipe");
}

TUTTI_TEST(WritePipe, DrainsOnceThereIsRoom) {
  auto [reading, writing] = make_pipe();
  StreamWriter writer = open_write_pipe(std::move(writing));
  writer.write(std::string(kMoreThanAPipeHolds, 'x'));
  auto drained = create_task(writer.drain());
  co_await turns(4);
  EXPECT_FALSE(drained.done());
  auto cancelled = create_task(writer.drain());
  co_await turns(2);
  cancelled.cancel();
  StreamReader reader = open_read_pipe(std::move(reading));
  auto received = create_task(reader.read());
  co_await drained;
  EXPECT_TRUE(cancelled.cancelled());
  writer.close();
  EXPECT_EQ((co_await received).size(), kMoreThanAPipeHolds);
}

TUTTI_TEST(WritePipe, IsAbortedIfItsWriterIsLeft) {
  auto [reading, writing] = make_pipe();
  {
    const StreamWriter writer = open_write_pipe(std::move(writing));
  }
  testing::expect_report("unclosed StreamWriter");
  StreamReader reader = open_read_pipe(std::move(reading));
  EXPECT_EQ(co_await reader.read(), "");
}

TEST(PipeStreams, EndWhenTheLoopClosesOverThem) {
  for (const char* backend : {"uring", "epoll", "poll"}) {
    if (std::string(backend) == "uring" && !lowlevel::uring_available()) continue;
    testing::ReportCollector reports;
    EventLoop loop(LoopOptions{.backend = lowlevel::make_backend(backend)});
    auto [reading, writing] = make_pipe();
    auto [full, filling] = make_pipe();
    std::optional<StreamReader> reader;
    std::optional<StreamWriter> writer;
    loop.call_soon([&, source = std::move(reading), target = std::move(filling)]() mutable {
      reader = open_read_pipe(std::move(source));
      writer = open_write_pipe(std::move(target));
      writer->write(std::string(kMoreThanAPipeHolds, 'x'));
      loop.stop();
    });
    loop.run_forever();
    const int fd = writer->fd();
    loop.close();
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
    EXPECT_EQ(::write(writing.get(), "x", 1), -1) << "nobody reads";
    EXPECT_TRUE(writer->is_closing());
  }
}

// ---- other kinds of files ----

// asyncio.unix_events: "Pipe transport is for pipes/sockets only."
TUTTI_TEST(PipeStreams, AreNotForFiles) {
  Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  EXPECT_THROW((void)open_read_pipe(std::move(file)), ValueError);
  Fd directory(::open("/", O_RDONLY | O_CLOEXEC));
  EXPECT_THROW((void)open_write_pipe(std::move(directory)), ValueError);
  EXPECT_THROW((void)open_read_pipe(Fd()), OSError);
  co_return;
}

TUTTI_TEST(PipeStreams, TakeSockets) {
  int ends[2];
  CO_ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  StreamReader reader = open_read_pipe(Fd(ends[0]));
  StreamWriter writer = open_write_pipe(Fd(ends[1]));
  writer.write("over a socket");
  writer.close();
  EXPECT_EQ(co_await reader.read(), "over a socket");
}

// test_events.EventLoopTestsMixin.test_read_pty_output, test_write_pty, test_bidirectional_pty
TUTTI_TEST(PipeStreams, TakeTerminals) {
  int controller = -1;
  int terminal = -1;
  CO_ASSERT_EQ(::openpty(&controller, &terminal, nullptr, nullptr, nullptr), 0);
  StreamReader reader = open_read_pipe(Fd(::dup(terminal)));
  StreamWriter writer = open_write_pipe(Fd(::dup(terminal)));
  const Fd keyboard(controller);
  const Fd keep(terminal);
  write_all(keyboard, "typed\n");
  EXPECT_EQ(co_await reader.readline(), "typed\n");
  EXPECT_EQ(read_once(keyboard), "typed\r\n") << "the echo";
  writer.write("shown");
  EXPECT_EQ(read_once(keyboard), "shown");
  writer.close();
}

TUTTI_TEST(PipeStreams, TakeDevicesThatAreAlwaysReady) {
  StreamReader reader = open_read_pipe(Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  EXPECT_EQ(co_await reader.read(), "");
  StreamWriter writer = open_write_pipe(Fd(::open("/dev/null", O_WRONLY | O_CLOEXEC)));
  writer.write("into the void");
  co_await writer.drain();
  co_await turns(2);
  EXPECT_FALSE(writer.is_closing());
  writer.close();
  co_await writer.wait_closed();
}

}  // namespace
}  // namespace tutti::tests
