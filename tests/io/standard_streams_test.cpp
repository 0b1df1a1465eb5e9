// SPDX-License-Identifier: MIT
// The program's own standard input and output as streams.
#include <cstdlib>
#include <string>
#include <utility>

#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/io/pipe.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

namespace tutti::tests {
namespace {

/// Puts another file in the place of a standard descriptor while it lives.
class Instead {
 public:
  Instead(int number, int descriptor) : number_(number), saved_(::fcntl(number, F_DUPFD_CLOEXEC, 3)) {
    ::dup2(descriptor, number);
  }
  Instead(const Instead&) = delete;
  Instead& operator=(const Instead&) = delete;
  ~Instead() { ::dup2(saved_.get(), number_); }

 private:
  int number_;
  Fd saved_;
};

Fd temporary_file(BytesView content) {
  char name[] = "/tmp/tutti-standard-XXXXXX";
  Fd file(::mkostemp(name, O_CLOEXEC));
  ::unlink(name);
  EXPECT_EQ(::write(file.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

bool blocks(int descriptor) { return (::fcntl(descriptor, F_GETFL) & O_NONBLOCK) == 0; }

TUTTI_TEST(StandardStreams, ReadFromAPipeThatGoesOnBlockingForOthers) {
  auto [reading, writing] = make_pipe();
  const Instead instead(STDIN_FILENO, reading.get());
  StreamReader input = standard_input();
  EXPECT_TRUE(blocks(STDIN_FILENO));
  EXPECT_EQ(::write(writing.get(), "a line\n", 7), 7);
  EXPECT_EQ(co_await input.readline(), "a line\n");
  writing.reset();
  EXPECT_EQ(co_await input.read(), "");
}

TUTTI_TEST(StandardStreams, ReadAFileFromItsPresentPosition) {
  const Fd file = temporary_file("first\nsecond\n");
  ::lseek(file.get(), 6, SEEK_SET);
  const Instead instead(STDIN_FILENO, file.get());
  StreamReader input = standard_input();
  EXPECT_EQ(co_await input.read(), "second\n");
}

TUTTI_TEST(StandardStreams, ReadFromATerminal) {
  int controller = -1;
  int terminal = -1;
  CO_ASSERT_EQ(::openpty(&controller, &terminal, nullptr, nullptr, nullptr), 0);
  const Fd keyboard(controller);
  const Fd keep(terminal);
  const Instead instead(STDIN_FILENO, terminal);
  StreamReader input = standard_input();
  EXPECT_TRUE(blocks(STDIN_FILENO));
  EXPECT_EQ(::write(controller, "typed\n\4", 7), 7);
  EXPECT_EQ(co_await input.read(), "typed\n");
}

TUTTI_TEST(StandardStreams, ReadFromASocket) {
  int ends[2];
  CO_ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const Fd near(ends[0]);
  Fd far(ends[1]);
  const Instead instead(STDIN_FILENO, near.get());
  StreamReader input = standard_input();
  EXPECT_EQ(::write(far.get(), "hello", 5), 5);
  far.reset();
  EXPECT_EQ(co_await input.read(), "hello");
}

TUTTI_TEST(StandardStreams, WriteToAPipe) {
  auto [reading, writing] = make_pipe();
  StreamReader reader = open_read_pipe(std::move(reading));
  {
    const Instead instead(STDERR_FILENO, writing.get());
    StreamWriter output = standard_error();
    writing.reset();
    output.write(std::string(1000 * 1000, 'x'));
    EXPECT_TRUE(blocks(STDERR_FILENO));
    auto received = create_task(reader.readexactly(1000 * 1000));
    co_await output.drain();
    output.close();
    co_await output.wait_closed();
    EXPECT_EQ((co_await received).size(), 1000U * 1000U);
    EXPECT_NE(::fcntl(STDERR_FILENO, F_GETFD), -1) << "the descriptor itself stays open";
  }
  EXPECT_EQ(co_await reader.read(), "");
}

TUTTI_TEST(StandardStreams, WriteToAFileAtItsPresentPosition) {
  const Fd file = temporary_file("before ");
  ::lseek(file.get(), 7, SEEK_SET);
  {
    const Instead instead(STDERR_FILENO, file.get());
    StreamWriter output = standard_error();
    output.write("and after");
    output.close();
    co_await output.wait_closed();
  }
  char bytes[32];
  EXPECT_EQ(::pread(file.get(), bytes, sizeof bytes, 0), 16);
  EXPECT_EQ(std::string(bytes, 16), "before and after");
}

TUTTI_TEST(StandardStreams, TellWhenTheDescriptorIsClosed) {
  const Instead instead(STDIN_FILENO, STDERR_FILENO);
  ::close(STDIN_FILENO);
  std::string message;
  try {
    (void)standard_input();
  } catch (const OSError& error) {
    message = error.what();
  }
  EXPECT_EQ(message, "standard input: bad file descriptor");
  co_return;
}

}  // namespace
}  // namespace tutti::tests
