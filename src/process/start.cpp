// SPDX-License-Identifier: MIT
#include "process/start.hpp"

#include <array>
#include <cerrno>
#include <exception>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/io/pipe.hpp>
#include <tutti/task/scope_node.hpp>
#include <tutti/task/sleep.hpp>

#include "process/spawn.hpp"

namespace tutti::detail {
namespace {

using subprocess::Options;
using subprocess::Stdio;

constexpr std::array<const char*, 3> kStreamNames = {"input", "output", "errors"};

/// Our end of the pipe if it is one; the child's goes into the plan.
Fd connect_stream(SpawnPlan& plan, std::size_t number, const Stdio& stdio) {
  const std::string context = std::string(kStreamNames[number]) + " of " + plan.name;
  Fd& childs = plan.standard[number];
  switch (stdio.kind()) {
    case Stdio::Kind::inherited: break;
    case Stdio::Kind::pipe: {
      PipeEnds pipe = make_pipe();
      const bool child_reads = number == STDIN_FILENO;
      childs = above_standard(std::move(child_reads ? pipe.reader : pipe.writer), context);
      return above_standard(std::move(child_reads ? pipe.writer : pipe.reader), context);
    }
    case Stdio::Kind::output:
      if (number != STDERR_FILENO) throw ValueError("create_subprocess: STDOUT can only be used for errors");
      childs.reset(::fcntl(plan.standard[STDOUT_FILENO] ? plan.standard[STDOUT_FILENO].get() : STDOUT_FILENO,
                           F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
      if (!childs) throw_os_error(errno, context);
      break;
    case Stdio::Kind::null_device: childs = above_standard(Fd(::open("/dev/null", O_RDWR | O_CLOEXEC)), context); break;
    case Stdio::Kind::descriptor:
      childs.reset(::fcntl(stdio.descriptor(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
      if (!childs) throw_os_error(errno, context);
      break;
  }
  return {};
}

}  // namespace

StartedChild start_child(EventLoop& loop, std::string program, std::vector<std::string> arguments,
                         const Options& options) {
  SpawnPlan plan = make_spawn_plan(std::move(program), std::move(arguments), options);
  StartedChild started;
  started.pipes[STDIN_FILENO] = connect_stream(plan, STDIN_FILENO, options.input);
  started.pipes[STDOUT_FILENO] = connect_stream(plan, STDOUT_FILENO, options.output);
  started.pipes[STDERR_FILENO] = connect_stream(plan, STDERR_FILENO, options.errors);
  started.child = Child::adopt(loop, spawn(plan), plan.name);
  return started;
}

CommandLine program_line(std::string program, std::vector<std::string> args, const Options& options) {
  args.insert(args.begin(), program);
  if (!options.executable.empty()) program = options.executable;
  return {std::move(program), std::move(args)};
}

CommandLine shell_line(std::string command, const Options& options) {
  std::string shell = options.executable.empty() ? "/bin/sh" : options.executable;
  return {shell, {shell, "-c", std::move(command)}};
}

Coro<> settle_child(Ref<Child> child) {
  std::exception_ptr cancelled;
  try {
    co_await sleep(Duration::zero());
  } catch (...) {
    cancelled = std::current_exception();
  }
  if (!cancelled) co_return;
  child->kill();
  const ScopeShield shield;  // a cancelled scope would cut this wait short
  (void)co_await Child::wait(child);
  std::rethrow_exception(cancelled);
}

}  // namespace tutti::detail
