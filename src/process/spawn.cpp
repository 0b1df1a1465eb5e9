// SPDX-License-Identifier: MIT
//
// Facts about starting a program:
//   - fork(2) copies the page tables, which takes the longer the more memory we have. vfork(2) copies nothing: the child
//     runs in our memory, on our stack, and this thread stands still until the child has called execve or _exit.
//   - Of several threads only the one that forks is in the child. Whatever lock another one held stays locked: between
//     fork and exec only async-signal-safe calls are allowed, and so no memory.
//   - A signal handler that ran in a vfork child would run in our memory.
//   - execve(2) closes what is marked close-on-exec, and gives caught signals their default back. Ignored signals stay
//     ignored, blocked ones blocked.
//   - With shared memory a child that changes its user could be traced by that user's other programs, and our memory be
//     seen: then it must be fork.
//
// What follows for us:
//   - All signals are blocked around the fork, and the child gives those that we catch their default before it unblocks
//     them.
//   - All that the child needs lies ready before.
//   - What fails in the child is told through a pipe that execve closes: no news is good news.
#include "spawn.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/io/pipe.hpp>

namespace tutti::detail {
namespace {

constexpr int kFirstOther = STDERR_FILENO + 1;

// ---- before ----

void refuse_null_characters(std::string_view text, const char* what) {
  if (text.find('\0') != std::string_view::npos) {
    throw ValueError(std::string("create_subprocess: ") + what + " has a null character in it");
  }
}

std::vector<std::string> make_variables(const subprocess::Options& options) {
  subprocess::Environment environment = options.env ? *options.env : subprocess::current_environment();
  for (const auto& [name, value] : options.extra_env) environment.insert_or_assign(name, value);
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) {
    if (name.empty() || name.find('=') != std::string::npos) {
      throw ValueError("create_subprocess: illegal environment variable name '" + name + "'");
    }
    std::string& variable = variables.emplace_back(name);
    variable.append("=").append(value);
    refuse_null_characters(variable, "an environment variable");
  }
  return variables;
}

std::vector<std::string> find_paths(const std::string& program, const std::vector<std::string>& variables) {
  if (program.find('/') != std::string::npos || program.empty()) return {program};
  std::string_view rest = "/bin:/usr/bin";
  for (const std::string_view variable : variables) {
    if (variable.starts_with("PATH=")) rest = variable.substr(5);
  }
  std::vector<std::string> paths;
  for (;;) {
    const std::size_t colon = rest.find(':');
    const std::string_view directory = rest.substr(0, colon);
    paths.push_back(directory.empty() ? program : std::string(directory) + "/" + program);
    if (colon == std::string_view::npos) return paths;
    rest.remove_prefix(colon + 1);
  }
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> all;
  all.reserve(strings.size() + 1);
  for (const std::string& text : strings) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

// ---- in the child ----

enum class Step : unsigned char { descriptors, directory, session, group, user, program };

struct Failure {
  Step step;
  int error;
};

struct ChildArguments {
  const SpawnPlan& plan;
  char* const* arguments;
  char* const* variables;
  int report;
  const sigset_t& mask;
};

[[noreturn]] void fail(const ChildArguments& child, Step step, int error) noexcept {
  const Failure failure{step, error};
  [[maybe_unused]] const auto written = ::write(child.report, &failure, sizeof failure);
  ::_exit(255);
}

void reset_signals(bool restore) noexcept {
  for (int signum = 1; signum < NSIG; ++signum) {
    struct sigaction present{};
    if (::sigaction(signum, nullptr, &present) != 0) continue;
    const bool is_handler =
        (present.sa_flags & SA_SIGINFO) != 0 || (present.sa_handler != SIG_DFL && present.sa_handler != SIG_IGN);
    if (is_handler || (restore && (signum == SIGPIPE || signum == SIGXFSZ))) std::signal(signum, SIG_DFL);
  }
}

/// Closes all from `first` to `last`.
void close_descriptors(unsigned first, unsigned last) noexcept {
  if (first > last || ::close_range(first, last, 0) == 0) return;
  // Linux before 5.9, or a sandbox that forbids what it does not know.
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  for (unsigned fd = first; fd <= last && fd < limit.rlim_cur; ++fd) ::close(static_cast<int>(fd));
}

/// Closes all but the standard ones, those that are passed on, and the report, which the program's start closes.
void close_others(const SpawnPlan& plan, int report) noexcept {
  unsigned first = kFirstOther;
  bool reported = false;
  const auto keep = [&first](int fd) {
    if (fd < static_cast<int>(first)) return;
    if (fd > static_cast<int>(first)) close_descriptors(first, static_cast<unsigned>(fd) - 1);
    first = static_cast<unsigned>(fd) + 1;
  };
  for (const int fd : plan.pass_fds) {
    if (!reported && report < fd) {
      keep(report);
      reported = true;
    }
    keep(fd);
  }
  if (!reported) keep(report);
  close_descriptors(first, ~0U);
}

int change_user(const subprocess::Options& options) noexcept {
  // The system calls themselves: those of the C library wait for the other threads, which are not here.
  if (options.extra_groups &&
      ::syscall(SYS_setgroups, options.extra_groups->size(), options.extra_groups->data()) != 0) {
    return errno;
  }
  if (options.group && ::syscall(SYS_setregid, *options.group, *options.group) != 0) return errno;
  if (options.user && ::syscall(SYS_setreuid, *options.user, *options.user) != 0) return errno;
  return 0;
}

int execute(const ChildArguments& child) noexcept {
  int error = 0;
  for (const std::string& path : child.plan.paths) {
    ::execve(path.c_str(), child.arguments, child.variables);
    if (errno != ENOENT && errno != ENOTDIR && error == 0) error = errno;
  }
  return error != 0 ? error : errno;
}

[[noreturn]] void run_child(const ChildArguments& child) noexcept {
  const SpawnPlan& plan = child.plan;
  const subprocess::Options& options = *plan.options;
  reset_signals(options.restore_signals);
  for (int number = 0; number < kFirstOther; ++number) {
    const Fd& source = plan.standard[static_cast<std::size_t>(number)];
    if (source && ::dup2(source.get(), number) < 0) fail(child, Step::descriptors, errno);
  }
  for (const int fd : plan.pass_fds) {
    if (::fcntl(fd, F_SETFD, 0) != 0) fail(child, Step::descriptors, errno);
  }
  if (options.cwd && ::chdir(options.cwd->c_str()) != 0) fail(child, Step::directory, errno);
  if (options.umask) ::umask(static_cast<mode_t>(*options.umask));
  if (options.start_new_session && ::setsid() < 0) fail(child, Step::session, errno);
  if (options.process_group && ::setpgid(0, *options.process_group) != 0) fail(child, Step::group, errno);
  if (const int error = change_user(options); error != 0) fail(child, Step::user, error);
  close_others(plan, child.report);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, options.restore_signals ? &none : &child.mask, nullptr);
  fail(child, Step::program, execute(child));
}

/// A function of its own: what a vfork child leaves on the stack lies below its frame.
[[gnu::noinline]] pid_t fork_child(const ChildArguments& child) noexcept {
  const subprocess::Options& options = *child.plan.options;
  const bool changes_user = options.user || options.group || options.extra_groups;
  // NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork,bugprone-unsafe-functions): see the facts above
  const pid_t pid = changes_user ? ::fork() : ::vfork();
  if (pid == 0) run_child(child);
  return pid;
}

// ---- after ----

[[noreturn]] void throw_failure(const SpawnPlan& plan, const Failure& failure) {
  std::string context = "execute " + plan.name;
  switch (failure.step) {
    case Step::descriptors: context += ": descriptors"; break;
    case Step::directory: context += " in " + plan.options->cwd.value_or(""); break;
    case Step::session: context += " in a new session"; break;
    case Step::group: context += " in process group " + std::to_string(plan.options->process_group.value_or(0)); break;
    case Step::user: context += " as another user"; break;
    case Step::program: break;
  }
  throw_os_error(failure.error, context);
}

/// What the child has to say before its program starts; nothing if that has started.
std::optional<Failure> read_failure(const Fd& report) noexcept {
  Failure failure{};
  ssize_t count = -1;
  do {
    count = ::read(report.get(), &failure, sizeof failure);
  } while (count < 0 && errno == EINTR);
  if (count != sizeof failure) return std::nullopt;
  return failure;
}

}  // namespace

Fd above_standard(Fd file, const std::string& context) {
  if (file.get() >= kFirstOther) return file;
  Fd copy(::fcntl(file.get(), F_DUPFD_CLOEXEC, kFirstOther));
  if (!copy) throw_os_error(errno, context);
  return copy;
}

SpawnPlan make_spawn_plan(std::string program, std::vector<std::string> arguments, const subprocess::Options& options) {
  SpawnPlan plan;
  plan.options = &options;
  refuse_null_characters(program, "the program's name");
  for (const std::string& argument : arguments) refuse_null_characters(argument, "an argument");
  if (options.cwd) refuse_null_characters(*options.cwd, "the directory's name");
  plan.variables = make_variables(options);
  plan.paths = find_paths(program, plan.variables);
  plan.name = std::move(program);
  plan.arguments = std::move(arguments);
  plan.pass_fds = options.pass_fds;
  std::sort(plan.pass_fds.begin(), plan.pass_fds.end());
  for (const int fd : plan.pass_fds) {
    if (::fcntl(fd, F_GETFD) < 0) throw_os_error(errno, "pass descriptor " + std::to_string(fd) + " to " + plan.name);
  }
  return plan;
}

int spawn(const SpawnPlan& plan) {
  const std::vector<char*> arguments = pointers(plan.arguments);
  const std::vector<char*> variables = pointers(plan.variables);
  PipeEnds report = make_pipe();
  report.reader = above_standard(std::move(report.reader), "pipe");
  report.writer = above_standard(std::move(report.writer), "pipe");

  sigset_t all;
  sigset_t mask;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &mask);
  const pid_t pid = fork_child({plan, arguments.data(), variables.data(), report.writer.get(), mask});
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  if (pid < 0) throw_os_error(error, "fork for " + plan.name);

  report.writer.reset();
  if (const auto failure = read_failure(report.reader)) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    throw_failure(plan, *failure);
  }
  return pid;
}

}  // namespace tutti::detail
