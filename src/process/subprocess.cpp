// SPDX-License-Identifier: MIT
#include <tutti/process/subprocess.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <limits>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/io/pipe.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/sleep.hpp>

#include "child.hpp"
#include "spawn.hpp"

namespace tutti {
namespace detail {

/// A child and our ends of its pipes. The `Process` and the coroutines that communicate share it.
class ProcessState final : public lowlevel::Shared {
 public:
  template <class Stream>
  struct Pipe {
    Ref<lowlevel::Transport> transport;
    std::optional<Stream> stream;

    void close() const noexcept {
      if (transport) transport->close();
    }
    [[nodiscard]] Stream& get(const char* name) {
      if (!stream) throw RuntimeError(std::string("Process: the child's ") + name + " was not created as a PIPE");
      return *stream;
    }
  };

  Ref<Child> child;
  Pipe<StreamWriter> input;
  Pipe<StreamReader> output;
  Pipe<StreamReader> errors;

 private:
  ~ProcessState() override { input.close(); }  // in good order, before its writer aborts it
};

namespace {

using subprocess::Options;
using subprocess::Outputs;
using subprocess::Process;
using subprocess::Stdio;
using State = Ref<ProcessState>;

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

/// All up to the running child and the streams to it; does not wait.
State start(EventLoop& loop, std::string program, std::vector<std::string> arguments, const Options& options) {
  SpawnPlan plan = make_spawn_plan(std::move(program), std::move(arguments), options);
  Fd input = connect_stream(plan, STDIN_FILENO, options.input);
  Fd output = connect_stream(plan, STDOUT_FILENO, options.output);
  Fd errors = connect_stream(plan, STDERR_FILENO, options.errors);
  auto state = State::adopt(new ProcessState);
  state->child = Child::adopt(loop, spawn(plan), plan.name);
  try {
    if (input) {
      state->input.transport = lowlevel::make_write_pipe(loop, std::move(input), "input of " + plan.name);
      state->input.stream = make_stream_writer(state->input.transport);
    }
    const auto read_from = [&](ProcessState::Pipe<StreamReader>& pipe, Fd& end, const char* what) {
      if (!end) return;
      pipe.transport = lowlevel::make_read_pipe(loop, std::move(end), what + plan.name);
      pipe.stream = make_stream_reader(pipe.transport, {.limit = options.limit});
    };
    read_from(state->output, output, "output of ");
    read_from(state->errors, errors, "errors of ");
  } catch (...) {
    state->child->kill();
    throw;
  }
  return state;
}

Coro<Process> create(std::string program, std::vector<std::string> arguments, Options options) {
  State state = start(get_running_loop(), std::move(program), std::move(arguments), options);
  std::exception_ptr cancelled;
  try {
    co_await sleep(Duration::zero());
  } catch (...) {
    cancelled = std::current_exception();
  }
  if (cancelled) {
    state->child->kill();
    (void)co_await Child::wait(state->child);
    std::rethrow_exception(cancelled);
  }
  co_return Process(std::move(state));
}

Coro<> feed(State state, std::string input) {
  if (!state->input.stream) co_return;
  try {
    state->input.stream->write(input);
    co_await state->input.stream->drain();
  } catch (const BrokenPipeError&) {
  } catch (const ConnectionResetError&) {
  }
  state->input.close();
}

/// Reads to the end and leaves all in the buffer, where the next call finds it if this one is cancelled.
Coro<> read_ahead(State state, std::optional<StreamReader>& reader) {
  if (reader) (void)co_await reader->peek(std::numeric_limits<std::size_t>::max());
}
Coro<std::string> take_all(std::optional<StreamReader>& reader) {
  if (!reader) co_return std::string();
  co_return co_await reader->read();
}

Coro<Outputs> communicate(State state, std::string input) {
  if (!input.empty() && !state->input.stream) {
    throw ValueError("communicate: the child's input was not created as a PIPE");
  }
  co_await gather(feed(state, std::move(input)), read_ahead(state, state->output.stream),
                  read_ahead(state, state->errors.stream));
  (void)co_await Child::wait(state->child);
  std::string output = co_await take_all(state->output.stream);
  std::string errors = co_await take_all(state->errors.stream);
  co_return Outputs{std::move(output), std::move(errors)};
}

}  // namespace
}  // namespace detail

namespace subprocess {

Environment current_environment() {
  Environment all;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const std::size_t equals = text.find('=', 1);
    if (equals != std::string_view::npos) all.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

Process::Process(detail::Ref<detail::ProcessState> state) noexcept : state_(std::move(state)) {}
Process::Process(Process&& other) noexcept = default;
Process& Process::operator=(Process&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Process::~Process() = default;

StreamWriter& Process::input() const { return state_->input.get("input"); }
StreamReader& Process::output() const { return state_->output.get("output"); }
StreamReader& Process::errors() const { return state_->errors.get("errors"); }
int Process::pid() const noexcept { return state_->child->pid(); }
std::optional<int> Process::returncode() const noexcept { return state_->child->returncode(); }

Coro<int> Process::wait() const { return detail::Child::wait(state_->child); }
Coro<Outputs> Process::communicate(std::string input) const { return detail::communicate(state_, std::move(input)); }

void Process::send_signal(int signum) const { state_->child->send_signal(signum); }
void Process::terminate() const { send_signal(SIGTERM); }
void Process::kill() const { send_signal(SIGKILL); }
void Process::close() const {
  state_->input.close();
  state_->output.close();
  state_->errors.close();
  state_->child->kill();
}

}  // namespace subprocess

Coro<subprocess::Process> create_subprocess_exec(std::string program, std::vector<std::string> args,
                                                 subprocess::Options options) {
  args.insert(args.begin(), program);
  if (!options.executable.empty()) program = options.executable;
  return detail::create(std::move(program), std::move(args), std::move(options));
}

Coro<subprocess::Process> create_subprocess_shell(std::string command, subprocess::Options options) {
  std::string shell = options.executable.empty() ? "/bin/sh" : options.executable;
  std::vector<std::string> arguments{shell, "-c", std::move(command)};
  return detail::create(std::move(shell), std::move(arguments), std::move(options));
}

}  // namespace tutti
