// SPDX-License-Identifier: MIT
#include <tutti/process/subprocess.hpp>

#include <csignal>
#include <exception>
#include <limits>
#include <string_view>
#include <utility>

#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/io/pipe.hpp>
#include <tutti/task/gather.hpp>

#include "process/start.hpp"

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
    [[nodiscard]] Stream& get(const char* name, const Child& whose) {
      if (!stream) throw RuntimeError(std::string(name) + " of " + whose.name() + ": was not created as a PIPE");
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
using State = Ref<ProcessState>;

/// All up to the running child and the streams to it; does not wait.
State start(EventLoop& loop, CommandLine line, const Options& options) {
  auto [child, pipes] = start_child(loop, std::move(line.program), std::move(line.arguments), options);
  auto& [input, output, errors] = pipes;
  const std::string& name = child->name();
  auto state = State::adopt(new ProcessState);
  state->child = child;
  try {
    if (input) {
      state->input.transport = lowlevel::make_write_pipe(loop, std::move(input), "input of " + name);
      state->input.stream = make_stream_writer(state->input.transport);
    }
    const auto read_from = [&](ProcessState::Pipe<StreamReader>& pipe, Fd& end, const char* what) {
      if (!end) return;
      pipe.transport = lowlevel::make_read_pipe(loop, std::move(end), what + name);
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

Coro<Process> create(CommandLine line, Options options) {
  State state = start(get_running_loop(), std::move(line), options);
  co_await settle_child(state->child);
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

/// Reads to the end and leaves all in the buffer, where the next call finds it if this one is cancelled. `state` keeps the
/// reader alive.
Coro<> read_ahead([[maybe_unused]] State state, std::optional<StreamReader>& reader) {
  if (reader) (void)co_await reader->peek(std::numeric_limits<std::size_t>::max());
}
Coro<std::string> take_all(std::optional<StreamReader>& reader) {
  if (!reader) co_return std::string();
  co_return co_await reader->read();
}

Coro<Outputs> communicate(State state, std::string input) {
  if (!input.empty() && !state->input.stream) {
    throw ValueError("communicate with " + state->child->name() + ": its input was not created as a PIPE");
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

StreamWriter& Process::input() const { return state_->input.get("input", *state_->child); }
StreamReader& Process::output() const { return state_->output.get("output", *state_->child); }
StreamReader& Process::errors() const { return state_->errors.get("errors", *state_->child); }
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
  auto line = detail::program_line(std::move(program), std::move(args), options);
  return detail::create(std::move(line), std::move(options));
}

Coro<subprocess::Process> create_subprocess_shell(std::string command, subprocess::Options options) {
  auto line = detail::shell_line(std::move(command), options);
  return detail::create(std::move(line), std::move(options));
}

}  // namespace tutti
