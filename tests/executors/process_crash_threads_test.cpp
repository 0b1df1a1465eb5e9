// SPDX-License-Identifier: MIT
// Workers that end abruptly, and what workers have of their program. Mirrors test_process_pool.test_killed_child and test_deadlock.
#include <tutti/executors/process_pool.hpp>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <tutti/task/executor.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/testing/test.hpp>

#include "executors/gate.hpp"

namespace {

using namespace std::chrono_literals;
using tests::Gate;
using tests::wait_in;
using tutti::BrokenProcessPool;
using tutti::Coro;
using tutti::ProcessPoolExecutor;

int square(int x) { return x * x; }
void kill_self_after(const std::string& path) {
  wait_in(path);
  ::kill(::getpid(), SIGKILL);
}
pid_t process() { return ::getpid(); }

/// A process of one's own choice, until it ends.
class Watched {
 public:
  explicit Watched(pid_t process)
      : fd_(static_cast<int>(::syscall(SYS_pidfd_open, process, 0))), gone_(!fd_ && errno == ESRCH) {}
  /// Waits for its end.
  [[nodiscard]] bool has_ended() const {
    if (!fd_) return gone_;
    pollfd entry{fd_.get(), POLLIN, 0};
    return ::poll(&entry, 1, 20'000) == 1;
  }

 private:
  tutti::Fd fd_;
  bool gone_;
};

template <class Call>
std::string why_broken(Call call) {
  try {
    call();
  } catch (const BrokenProcessPool& error) {
    return error.what();
  }
  return "it is not broken";
}

// test_killed_child, where concurrent.futures loses all calls
TUTTI_TEST(BrokenPool, IsToldToTheCallWhoseWorkerDiedAndNothingElseIsLost) {
  ProcessPoolExecutor pool({.max_workers = 2});
  Gate gate;
  Gate fatal_gate;
  auto running = pool.run(
      [](const std::string& path) {
        wait_in(path);
        return 7;
      },
      gate.path());
  auto crashing = pool.run(kill_self_after, fatal_gate.path());
  auto waiting = pool.run(square, 2);
  auto waiting_too = pool.run(square, 3);
  gate.await_arrival();
  fatal_gate.await_arrival();
  fatal_gate.open();
  std::string why;
  try {
    co_await crashing;
  } catch (const BrokenProcessPool& error) {
    why = error.what();
  }
  EXPECT_EQ(why, "a worker process was killed by signal 9 (Killed) in a call");
  EXPECT_EQ(co_await waiting, 4);
  EXPECT_EQ(co_await waiting_too, 9);
  EXPECT_EQ(co_await pool.run(square, 4), 16);
  gate.open();
  EXPECT_EQ(co_await running, 7);
  pool.shutdown();
  EXPECT_EQ(pool.workers(), 0U);
}

// test_exit_during_func_exec_on_worker
TEST(BrokenPoolInThreads, IsWhatAnExitInACallLeavesAndANewWorkerGoesOn) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const auto future = pool.submit([] { ::_exit(3); });
  const auto next = pool.submit(square, 2);
  EXPECT_EQ(why_broken([&] { future.result(); }), "a worker process exited with code 3 in a call");
  EXPECT_EQ(next.result(), 4);
  // Kept until all is over: the thread sanitizer cannot see how exceptions are counted, and what it asks for names when one goes in
  // another thread is a child of this program.
  std::vector<tutti::concurrent::Future<void>> others;
  for (int i = 0; i < 5; ++i) {
    others.push_back(pool.submit([] { ::_exit(4); }));
    EXPECT_NE(why_broken([&] { others.back().result(); }).find("code 4"), std::string::npos);
  }
  pool.shutdown();
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST(BrokenPoolInThreads, IsMendedWhenAnIdleWorkerEnds) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const pid_t worker = pool.submit(process).result();
  const Watched watched(worker);
  ::kill(worker, SIGKILL);
  EXPECT_TRUE(watched.has_ended());
  while (pool.workers() != 0) std::this_thread::yield();  // until the pool has heard of it
  EXPECT_EQ(pool.submit(square, 3).result(), 9);
}

TEST(BrokenPoolInThreads, IsWhatACrashInAnInitializerLeaves) {
  ProcessPoolExecutor pool({.max_workers = 1, .initializer = [] { ::_exit(6); }});
  const auto first = pool.submit(square, 1);
  EXPECT_EQ(why_broken([&] { (void)first.result(); }),
            "a worker process exited with code 6 before its first call, the process pool is not usable any more");
  EXPECT_EQ(why_broken([&] { (void)pool.submit(square, 1); }),
            "a worker process exited with code 6 before its first call, the process pool is not usable any more");
}

pid_t parent_process() { return ::getppid(); }

TEST(BrokenPoolInThreads, IsWhatTheEndOfTheServerLeaves) {
  ProcessPoolExecutor pool({.max_workers = 1});
  Gate gate;
  const pid_t server = pool.submit(parent_process).result();
  const Watched worker(pool.submit(process).result());
  const auto running = pool.submit(wait_in, gate.path());
  gate.await_arrival();
  ::kill(server, SIGKILL);
  EXPECT_NE(why_broken([&] { running.result(); }).find("the server of the process pool has ended"), std::string::npos);
  EXPECT_TRUE(worker.has_ended());
}

void throw_when_read(tutti::ByteReader&) { throw tutti::ValueError("no such thing"); }
struct Unreadable {};

}  // namespace

template <>
struct tutti::Serializer<Unreadable> {
  static void write(ByteWriter& out, const Unreadable&) { out.write(1); }
  static Unreadable read(ByteReader& in) {
    throw_when_read(in);
    return {};
  }
};

namespace {

// test_error_at_task_unpickle, test_error_during_result_unpickle_in_result_handler
TEST(ProcessPoolInThreads, SurvivesArgumentsAndResultsThatCannotBeRead) {
  ProcessPoolExecutor pool({.max_workers = 1});
  EXPECT_THROW(pool.submit([](Unreadable) {}, Unreadable()).result(), tutti::ValueError);
  EXPECT_THROW(pool.submit([] { return Unreadable(); }).result(), tutti::ValueError);
  EXPECT_EQ(pool.submit(square, 2).result(), 4);
}

// test_crash_big_data
TEST(BrokenPoolInThreads, IsToldInTheMiddleOfALargeArgument) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const pid_t worker = pool.submit(process).result();
  ::kill(worker, SIGSTOP);
  const auto future = pool.submit([](const std::string& text) { return text.size(); }, std::string(8 << 20, 'x'));
  while (!future.running())
    std::this_thread::yield();  // more than the socket to the worker holds: it is not sent whole
  ::kill(worker, SIGKILL);
  EXPECT_THROW((void)future.result(), BrokenProcessPool);
}

std::vector<int> descriptors() {
  std::vector<int> all;
  DIR* const folder = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(folder)) {
    const int number = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && number != ::dirfd(folder)) all.push_back(number);
  }
  ::closedir(folder);
  return all;
}

/// Announces a reply of `size` bytes, and sends three of them.
void begin_to_reply(std::uint64_t size, int code) {
  const int socket = descriptors().back();
  [[maybe_unused]] ssize_t count = ::write(socket, &size, sizeof size);
  count = ::write(socket, "abc", 3);
  ::_exit(code);
}

TEST(BrokenPoolInThreads, IsToldInTheMiddleOfAReply) {
  for (const std::uint64_t size : {std::uint64_t{100}, std::uint64_t{1} << 60U}) {
    ProcessPoolExecutor pool({.max_workers = 1});
    const auto future = pool.submit(begin_to_reply, size, 5);
    EXPECT_NE(why_broken([&] { future.result(); }).find("exited with code 5"), std::string::npos);
  }
}

TEST(ProcessPoolInThreads, StopsItsWorkersInTheMiddleOfACall) {
  for (const bool kill : {false, true}) {
    ProcessPoolExecutor pool({.max_workers = 1});
    Gate gate;
    const Watched worker(pool.submit(process).result());
    const auto running = pool.submit(wait_in, gate.path());
    gate.await_arrival();
    const auto waiting = pool.submit(square, 2);
    if (kill) {
      pool.kill_workers();
    } else {
      pool.terminate_workers();
    }
    EXPECT_THROW(running.result(), BrokenProcessPool);
    EXPECT_TRUE(waiting.cancelled());
    EXPECT_TRUE(worker.has_ended());
    pool.shutdown();
  }
}

// ---- what workers have of their program ----

TEST(WorkerProcess, HasNoDescriptorButTheStandardOnesAndItsSocket) {
  const tutti::Fd left_open(::dup(STDOUT_FILENO));  // not close-on-exec
  ProcessPoolExecutor first({.max_workers = 1});
  ProcessPoolExecutor pool({.max_workers = 2});
  EXPECT_EQ(first.submit(square, 1).result(), 1);
  Gate gate;
  const auto running = pool.submit(wait_in, gate.path());
  gate.await_arrival();
  EXPECT_EQ(pool.submit(descriptors).result().size(), 4U);
  gate.open();
}

int blocked_signals() {
  sigset_t blocked;
  ::sigprocmask(SIG_BLOCK, nullptr, &blocked);
  int count = 0;
  for (int number = 1; number < NSIG; ++number) count += ::sigismember(&blocked, number) == 1 ? 1 : 0;
  return count;
}
bool has_default(int signal) {
  struct sigaction action{};
  ::sigaction(signal, nullptr, &action);
  return action.sa_handler == SIG_DFL;
}

TEST(WorkerProcess, HasSignalsAsANewProcessHas) {
  struct sigaction ignore{};
  struct sigaction before{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGUSR1, &ignore, &before);
  {
    ProcessPoolExecutor pool({.max_workers = 1});
    EXPECT_EQ(pool.submit(blocked_signals).result(), 0);
    for (const int signal : {SIGINT, SIGTERM, SIGCHLD, SIGUSR1}) EXPECT_TRUE(pool.submit(has_default, signal).result());
  }
  ::sigaction(SIGUSR1, &before, nullptr);
}

void ignore_interrupts() {
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGINT, &ignore, nullptr);
}

TEST(WorkerProcess, IsNotHarmedByCtrlCWhileItWaits) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const pid_t worker = pool.submit(process).result();
  ::kill(worker, SIGINT);
  ::kill(pool.submit(parent_process).result(), SIGINT);
  EXPECT_EQ(pool.submit(process).result(), worker);
}

TEST(WorkerProcess, IsEndedByCtrlCInACall) {
  ProcessPoolExecutor pool({.max_workers = 1});
  Gate gate;
  const pid_t worker = pool.submit(process).result();
  const auto running = pool.submit(wait_in, gate.path());
  gate.await_arrival();
  ::kill(worker, SIGINT);
  EXPECT_NE(why_broken([&] { running.result(); }).find("killed by signal 2"), std::string::npos);
}

TEST(WorkerProcess, KeepsTheDispositionThatAnInitializerChose) {
  ProcessPoolExecutor pool({.max_workers = 1, .initializer = ignore_interrupts});
  EXPECT_FALSE(pool.submit(has_default, SIGINT).result());
  EXPECT_FALSE(pool.submit(has_default, SIGINT).result());
}

TEST(WorkerProcess, MayHaveThreadsLoopsAndPoolsOfItsOwn) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const auto sum = pool.submit(
      [](int x) {
        int in_thread = 0;
        std::thread([&] { in_thread = x; }).join();
        const int in_loop = tutti::run([x]() -> Coro<int> {
          co_await tutti::sleep(0s);
          co_return x;
        });
        ProcessPoolExecutor inner({.max_workers = 1});
        return in_thread + in_loop + inner.submit(square, x).result();
      },
      3);
  EXPECT_EQ(sum.result(), 15);
}

/// Makes a pool whose worker waits for ever, tells its number and that of the server, and is killed.
[[noreturn]] void be_a_program_that_is_killed(int result, const std::string& path) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const pid_t numbers[] = {pool.submit(process).result(), pool.submit(parent_process).result()};
  (void)pool.submit(wait_in, path);
  [[maybe_unused]] const ssize_t count = ::write(result, numbers, sizeof numbers);
  for (;;) ::pause();
}

TEST(WorkerProcess, EndsWithTheProgramThatItWorksFor) {
  Gate gate;
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe(ends), 0);
  const tutti::Fd reader(ends[0]);
  tutti::Fd writer(ends[1]);
  const pid_t program = ::fork();
  if (program == 0) be_a_program_that_is_killed(writer.get(), gate.path());
  writer.reset();
  pid_t numbers[2] = {};
  ASSERT_EQ(::read(reader.get(), numbers, sizeof numbers), static_cast<ssize_t>(sizeof numbers));
  const Watched worker(numbers[0]);
  const Watched server(numbers[1]);
  gate.await_arrival();  // it is in the middle of a call
  ::kill(program, SIGKILL);
  EXPECT_EQ(::waitpid(program, nullptr, 0), program);
  EXPECT_TRUE(server.has_ended());
  EXPECT_TRUE(worker.has_ended());
}

// ---- the program started again ----

/// Runs this program with `--gtest_list_tests` and the variable that makes it a server, in the place of the calling process.
[[noreturn]] void become_program(pid_t starter, int result) {
  ::dup2(result, STDOUT_FILENO);
  ::setenv("TUTTI_PROCESS_SERVER", std::to_string(starter).c_str(), 1);
  ::execl("/proc/self/exe", "test", "--gtest_list_tests", nullptr);
  ::_exit(1);
}

std::string all_of(int descriptor) {
  std::string all;
  char block[4096];
  for (ssize_t count = 0; (count = ::read(descriptor, block, sizeof block)) > 0;) {
    all.append(block, static_cast<std::size_t>(count));
  }
  return all;
}

TEST(ProcessServer, IsNoProgramThatFindsItsVariableByChance) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe(ends), 0);
  const tutti::Fd reader(ends[0]);
  tutti::Fd writer(ends[1]);
  const pid_t starter = ::getpid();
  const pid_t program = ::fork();
  if (program == 0) {
    ::close(3);
    become_program(starter, writer.get());
  }
  writer.reset();
  EXPECT_NE(all_of(reader.get()).find("ProcessServer."), std::string::npos);
  EXPECT_EQ(::waitpid(program, nullptr, 0), program);
}

TEST(ProcessServer, DoesNotRunTheProgramAgainIfItsStarterIsGone) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe(ends), 0);
  const tutti::Fd reader(ends[0]);
  tutti::Fd writer(ends[1]);
  const pid_t starter = ::fork();
  if (starter == 0) {
    int sockets[2] = {-1, -1};
    ::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets);
    const pid_t self = ::getpid();
    if (::fork() != 0) ::_exit(0);
    ::close(sockets[0]);
    const int result = ::fcntl(writer.get(), F_DUPFD, 10);
    ::dup2(sockets[1], 3);
    if (sockets[1] != 3) ::close(sockets[1]);
    while (::getppid() == self) ::usleep(100);
    become_program(self, result);
  }
  writer.reset();
  EXPECT_EQ(::waitpid(starter, nullptr, 0), starter);
  EXPECT_EQ(all_of(reader.get()), "");
}

}  // namespace
