// SPDX-License-Identifier: MIT
// How child processes are created: what they inherit, what they do not, and what cannot be created.
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tutti/io/pipe.hpp>

#include "process/process_support.hpp"

namespace tutti::tests {
namespace {

std::set<int> numbers_in(const std::string& text) {
  std::istringstream in(text);
  std::set<int> numbers;
  for (int number = 0; in >> number;) numbers.insert(number);
  return numbers;
}

/// The descriptors of a child: those of a shell, listed by another program.
Coro<std::set<int>> descriptors_of_a_child(subprocess::Options options) {
  const std::string listed = co_await output_of("ls /proc/$$/fd; exit 0", std::move(options));
  co_return numbers_in(listed);
}

// ---- descriptors ----

TUTTI_TEST(SubprocessDescriptors, AreThreeAndNoOthers) {
  const Fd inheritable(::open("/dev/null", O_RDONLY));
  const Fd high(::fcntl(inheritable.get(), F_DUPFD, 500));
  const Process other = co_await blocked();
  EXPECT_EQ(co_await descriptors_of_a_child({}), (std::set{0, 1, 2}));
  EXPECT_EQ(co_await descriptors_of_a_child({.input = PIPE, .errors = PIPE}), (std::set{0, 1, 2}));
  EXPECT_EQ(co_await descriptors_of_a_child({.input = DEVNULL, .errors = STDOUT}), (std::set{0, 1, 2}));
  other.kill();
  co_await other.wait();
}

TUTTI_TEST(SubprocessDescriptors, ArePassedOnUnderTheirNumbers) {
  const Fd low(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd between(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd high(::fcntl(low.get(), F_DUPFD_CLOEXEC, 300));
  EXPECT_EQ(co_await descriptors_of_a_child({.pass_fds = {high.get(), low.get(), low.get(), 1}}),
            (std::set{0, 1, 2, low.get(), high.get()}));
  EXPECT_NE(::fcntl(low.get(), F_GETFD) & FD_CLOEXEC, 0) << "ours is as it was";
}

TUTTI_TEST(SubprocessDescriptors, MustBeOpen) {
  EXPECT_EQ(co_await message_of<OSError>(create_subprocess_exec("true", {}, {.pass_fds = {999}})),
            "pass descriptor 999 to true: bad file descriptor");
  EXPECT_EQ(co_await message_of<OSError>(create_subprocess_exec("true", {}, {.output = 999})),
            "output of true: bad file descriptor");
  EXPECT_EQ(co_await message_of<ValueError>(create_subprocess_exec("true", {}, {.output = STDOUT})),
            "create_subprocess: STDOUT can only be used for errors");
}

// A program may have been started with its standard descriptors closed: then pipes get these numbers.
TUTTI_TEST(SubprocessDescriptors, AreRightEvenIfOursAreClosed) {
  const Fd saved(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  ::close(STDIN_FILENO);
  const Process process = co_await create_subprocess_exec("cat", {}, {.input = PIPE, .output = PIPE});
  auto [output, errors] = co_await process.communicate("through");
  const std::set<int> childs = co_await descriptors_of_a_child({});
  ::dup2(saved.get(), STDIN_FILENO);
  EXPECT_EQ(output, "through");
  EXPECT_EQ(childs, (std::set{1, 2}));
}

// ---- surroundings ----

TUTTI_TEST(SubprocessOptions, SetTheDirectory) { EXPECT_EQ(co_await output_of("pwd", {.cwd = "/usr"}), "/usr\n"); }

TUTTI_TEST(SubprocessOptions, ReplaceTheEnvironment) {
  ::setenv("TUTTI_TEST_INHERITED", "ours", 1);
  EXPECT_EQ(co_await output_of("echo $TUTTI_TEST_INHERITED"), "ours\n");
  subprocess::Options only{.output = PIPE, .env = subprocess::Environment{{"ONE", "1"}, {"TWO", "2=2"}}};
  const Process process = co_await create_subprocess_exec("/usr/bin/env", {}, std::move(only));
  EXPECT_EQ((co_await process.communicate()).output, "ONE=1\nTWO=2=2\n");
  ::unsetenv("TUTTI_TEST_INHERITED");
}

TUTTI_TEST(SubprocessOptions, AddToTheEnvironment) {
  ::setenv("TUTTI_TEST_INHERITED", "ours", 1);
  ::setenv("TUTTI_TEST_REPLACED", "ours", 1);
  EXPECT_EQ(co_await output_of("echo $TUTTI_TEST_INHERITED $TUTTI_TEST_REPLACED $TUTTI_TEST_NEW",
                               {.extra_env = {{"TUTTI_TEST_REPLACED", "theirs"}, {"TUTTI_TEST_NEW", "new"}}}),
            "ours theirs new\n");
  subprocess::Environment changed = subprocess::current_environment();
  changed.erase("TUTTI_TEST_INHERITED");
  EXPECT_EQ(co_await output_of("echo ${TUTTI_TEST_INHERITED-gone}", {.env = changed}), "gone\n");
  ::unsetenv("TUTTI_TEST_INHERITED");
  ::unsetenv("TUTTI_TEST_REPLACED");
}

TUTTI_TEST(SubprocessOptions, NameTheProgramOtherwise) {
  const Process process =
      co_await create_subprocess_exec("another name", {"-c", "echo $0"}, {.output = PIPE, .executable = "/bin/sh"});
  EXPECT_EQ((co_await process.communicate()).output, "another name\n");
  EXPECT_EQ(co_await output_of("echo $0", {.executable = "/bin/bash"}), "/bin/bash\n");
}

// test_subprocess.SubprocessMixin.test_start_new_session; test_events …test_subprocess_wait_no_same_group
TUTTI_TEST(SubprocessOptions, StartANewSession) {
  const Process process =
      co_await create_subprocess_shell("read line; exit 8", {.input = PIPE, .start_new_session = true});
  EXPECT_EQ(::getsid(process.pid()), process.pid());
  process.input().close();
  EXPECT_EQ(co_await process.wait(), 8);
}

TUTTI_TEST(SubprocessOptions, SetTheProcessGroup) {
  const Process leader = co_await create_subprocess_exec("cat", {}, {.input = PIPE, .process_group = 0});
  EXPECT_EQ(::getpgid(leader.pid()), leader.pid());
  const Process member = co_await create_subprocess_exec("cat", {}, {.input = PIPE, .process_group = leader.pid()});
  EXPECT_EQ(::getpgid(member.pid()), leader.pid());
  ::kill(-leader.pid(), SIGTERM);
  EXPECT_EQ(co_await leader.wait(), -SIGTERM);
  EXPECT_EQ(co_await member.wait(), -SIGTERM);
}

TUTTI_TEST(SubprocessOptions, SetTheUmask) { EXPECT_EQ(co_await output_of("umask", {.umask = 027}), "0027\n"); }

TUTTI_TEST(SubprocessOptions, SetUserAndGroups) {
  if (::geteuid() != 0) {
    EXPECT_EQ(co_await message_of<PermissionError>(create_subprocess_exec("true", {}, {.user = 0})),
              "execute true as another user: operation not permitted");
    co_return;
  }
  EXPECT_EQ(co_await output_of("id -u; id -g; id -G", {.user = 65534, .group = 65533, .extra_groups = {{7, 8}}}),
            "65534\n65533\n65533 7 8\n");
}

// ---- signals ----

std::string line_of(const std::string& status, const std::string& name) {
  const std::size_t begin = status.find(name + ":\t");
  return begin == std::string::npos ? "" : status.substr(begin, status.find('\n', begin) - begin);
}

/// The line of a child that ignores `signals`, and those two that the C library keeps for itself if we ignore them: posix_spawn(3), by which
/// make(1) starts a test, leaves them so, and no program can change it.
std::string ignoring(std::uint64_t signals) {
  constexpr std::uint64_t kept_by_the_library = 0x1'8000'0000;  // 32 and 33
  std::ifstream file("/proc/self/status");
  const std::string own(std::istreambuf_iterator<char>(file), {});
  const auto ours = std::stoull(line_of(own, "SigIgn").substr(std::string_view("SigIgn:\t").size()), nullptr, 16);
  std::ostringstream line;
  line << "SigIgn:\t" << std::hex << std::setw(16) << std::setfill('0') << (signals | (ours & kept_by_the_library));
  return line.str();
}

TUTTI_TEST(SubprocessSignals, AreNotBlockedAndSigpipeHasItsDefault) {
  sigset_t usr1;
  sigset_t before;
  ::sigemptyset(&usr1);
  ::sigaddset(&usr1, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &usr1, &before);
  lowlevel::ignore_sigpipe();
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGUSR2, SIG_IGN);
  const Process restored = co_await create_subprocess_exec("cat", {"/proc/self/status"}, {.output = PIPE});
  const Process inherited =
      co_await create_subprocess_exec("cat", {"/proc/self/status"}, {.output = PIPE, .restore_signals = false});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::signal(SIGXFSZ, SIG_DFL);
  std::signal(SIGUSR2, SIG_DFL);
  const std::string default_status = (co_await restored.communicate()).output;
  EXPECT_EQ(line_of(default_status, "SigBlk"), "SigBlk:\t0000000000000000");
  EXPECT_EQ(line_of(default_status, "SigIgn"), ignoring(0x800)) << "SIGUSR2 was ignored by us";
  EXPECT_EQ(line_of(default_status, "SigCgt"), "SigCgt:\t0000000000000000");
  const std::string same_status = (co_await inherited.communicate()).output;
  EXPECT_EQ(line_of(same_status, "SigBlk"), "SigBlk:\t0000000000000200");
  EXPECT_EQ(line_of(same_status, "SigIgn"), ignoring(0x1001800));
}

// What we catch is not caught in the child between its start and its program's start.
TUTTI_TEST(SubprocessSignals, ThatWeCatchHaveTheirDefaultInTheChild) {
  get_running_loop().add_signal_handler(SIGTERM, [] { ADD_FAILURE() << "it was the child's"; });
  for (int i = 0; i < 5; ++i) {
    const Process process = co_await blocked();
    process.terminate();
    EXPECT_EQ(co_await process.wait(), -SIGTERM);
  }
  co_await turns(2);
  get_running_loop().remove_signal_handler(SIGTERM);
}

// ---- what cannot be created ----

TUTTI_TEST(SubprocessErrors, NameTheProgram) {
  EXPECT_EQ(co_await message_of<FileNotFoundError>(create_subprocess_exec("no-such-program")),
            "execute no-such-program: no such file or directory");
  EXPECT_EQ(co_await message_of<FileNotFoundError>(create_subprocess_exec("/no/such/program")),
            "execute /no/such/program: no such file or directory");
  EXPECT_EQ(co_await message_of<PermissionError>(create_subprocess_exec("/etc/passwd")),
            "execute /etc/passwd: permission denied");
  EXPECT_EQ(co_await message_of<PermissionError>(create_subprocess_exec("/tmp")), "execute /tmp: permission denied");
  EXPECT_TRUE(no_child_is_left());
}

TUTTI_TEST(SubprocessErrors, NameTheDirectory) {
  EXPECT_EQ(co_await message_of<FileNotFoundError>(create_subprocess_exec("true", {}, {.cwd = "/no/such"})),
            "execute true in /no/such: no such file or directory");
  EXPECT_EQ(co_await message_of<NotADirectoryError>(create_subprocess_exec("true", {}, {.cwd = "/etc/passwd"})),
            "execute true in /etc/passwd: not a directory");
}

TUTTI_TEST(SubprocessErrors, TellWhatTheChildWasRefused) {
  EXPECT_EQ(co_await message_of<PermissionError>(create_subprocess_exec("true", {}, {.process_group = 1})),
            "execute true in process group 1: operation not permitted");
  EXPECT_TRUE(no_child_is_left());
}

// test_subprocess.SubprocessMixin.test_popen_error, test_popen_error_with_stdin_pipe: no descriptor is left (the test checks)
TUTTI_TEST(SubprocessErrors, LeaveNoPipesBehind) {
  EXPECT_EQ(co_await message_of<FileNotFoundError>(
                create_subprocess_exec("no-such-program", {}, {.input = PIPE, .output = PIPE, .errors = PIPE})),
            "execute no-such-program: no such file or directory");
}

TUTTI_TEST(SubprocessErrors, RefuseWhatNoProgramCanBeTold) {
  const std::string null(1, '\0');
  CO_ASSERT_THROW((void)co_await create_subprocess_exec("true" + null), ValueError);
  CO_ASSERT_THROW((void)co_await create_subprocess_exec("true", {"a" + null + "b"}), ValueError);
  CO_ASSERT_THROW((void)co_await create_subprocess_exec("true", {}, {.cwd = "/" + null}), ValueError);
  CO_ASSERT_THROW((void)co_await create_subprocess_exec("true", {}, {.extra_env = {{"A", null}}}), ValueError);
  EXPECT_EQ(co_await message_of<ValueError>(create_subprocess_exec("true", {}, {.extra_env = {{"A=B", "C"}}})),
            "create_subprocess: illegal environment variable name 'A=B'");
}

TUTTI_TEST(SubprocessErrors, SearchThePathOfTheChild) {
  const subprocess::Environment nowhere{{"PATH", "/no/such:/etc"}};
  EXPECT_EQ(co_await message_of<FileNotFoundError>(create_subprocess_exec("true", {}, {.env = nowhere})),
            "execute true: no such file or directory");
  EXPECT_EQ(co_await message_of<PermissionError>(create_subprocess_exec("passwd", {}, {.env = nowhere})),
            "execute passwd: permission denied");
  const Process found =
      co_await create_subprocess_exec("true", {}, {.env = subprocess::Environment{{"PATH", "/no/such:/bin"}}});
  EXPECT_EQ(co_await found.wait(), 0);
  const Process by_default = co_await create_subprocess_exec("true", {}, {.env = subprocess::Environment{}});
  EXPECT_EQ(co_await by_default.wait(), 0);
}

}  // namespace
}  // namespace tutti::tests
