// SPDX-License-Identifier: MIT
#include <tutti/process/subprocess_protocol.hpp>

#include <array>
#include <csignal>
#include <utility>

#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/io/pipe.hpp>

#include "loop/call.hpp"
#include "process/start.hpp"

namespace tutti {

SubprocessTransport::~SubprocessTransport() = default;
void SubprocessTransport::terminate() { send_signal(SIGTERM); }
void SubprocessTransport::kill() { send_signal(SIGKILL); }

SubprocessProtocol::~SubprocessProtocol() = default;
void SubprocessProtocol::connection_made(std::shared_ptr<SubprocessTransport>) {}
void SubprocessProtocol::connection_lost(std::exception_ptr) {}
void SubprocessProtocol::pipe_data_received(int, BytesView) {}
void SubprocessProtocol::pipe_connection_lost(int, std::exception_ptr) {}
void SubprocessProtocol::process_exited() {}
void SubprocessProtocol::pause_writing() {}
void SubprocessProtocol::resume_writing() {}

namespace detail {
namespace {

/// Held by its pipes until they are lost, by the child until it has ended, and by each call of its protocol that is to come.
class ChildTransport final : public SubprocessTransport, public std::enable_shared_from_this<ChildTransport> {
 public:
  ChildTransport(EventLoop& loop, Ref<Child> child, std::shared_ptr<SubprocessProtocol> protocol)
      : loop_(&loop), child_(std::move(child)), protocol_(std::move(protocol)) {}

  void connect(std::array<Fd, 3> pipes);

  [[nodiscard]] int get_pid() const noexcept override { return child_->pid(); }
  [[nodiscard]] std::optional<int> get_returncode() const noexcept override { return child_->returncode(); }
  [[nodiscard]] lowlevel::Transport* get_pipe_transport(int fd) const noexcept override {
    return fd >= 0 && fd < 3 ? pipes_[static_cast<std::size_t>(fd)].get() : nullptr;
  }
  void send_signal(int signum) override { child_->send_signal(signum); }
  void close() override;
  [[nodiscard]] bool is_closing() const noexcept override { return closing_; }
  void set_protocol(std::shared_ptr<SubprocessProtocol> protocol) override {
    if (!protocol) throw ValueError("set_protocol: there is no protocol");
    protocol_ = std::move(protocol);
  }
  [[nodiscard]] std::shared_ptr<SubprocessProtocol> get_protocol() const noexcept override { return protocol_; }

 private:
  class PipeEnd;

  /// Calls the protocol from the loop, in the order in which things happen.
  template <class F>
  void call(F function) {
    loop_->call_soon([self = shared_from_this(), function = std::move(function)]() mutable {
      if (const auto protocol = self->protocol_) function(*protocol);
    });
  }
  /// Calls it now, inside of a `write`.
  void call_within(void (SubprocessProtocol::*function)());
  void pipe_lost(int fd, std::exception_ptr error);
  void ended();
  void finish_if_quiet();

  EventLoop* loop_;
  Ref<Child> child_;
  std::shared_ptr<SubprocessProtocol> protocol_;
  std::array<Ref<lowlevel::Transport>, 3> pipes_;
  int open_ = 0;  // pipes that are not lost, and the child itself
  bool closing_ = false;
};

class ChildTransport::PipeEnd final : public lowlevel::Receiver {
 public:
  PipeEnd(std::shared_ptr<ChildTransport> owner, int fd) noexcept : owner_(std::move(owner)), fd_(fd) {}

  void data_received(ByteBuffer&& data) noexcept override {
    try {
      owner_->call([fd = fd_, bytes = std::move(data)](SubprocessProtocol& protocol) {
        protocol.pipe_data_received(fd, bytes.view());
      });
    } catch (...) {
      owner_->pipes_[static_cast<std::size_t>(fd_)]->abort();  // no memory: better an end than a hole
    }
  }
  bool eof_received() noexcept override { return false; }
  void connection_lost(std::exception_ptr error) noexcept override { owner_->pipe_lost(fd_, std::move(error)); }
  void pause_writing() noexcept override { owner_->call_within(&SubprocessProtocol::pause_writing); }
  void resume_writing() noexcept override { owner_->call_within(&SubprocessProtocol::resume_writing); }

 private:
  std::shared_ptr<ChildTransport> owner_;
  int fd_;
};

void ChildTransport::connect(std::array<Fd, 3> pipes) {
  open_ = 1;
  for (int fd = 0; fd < 3; ++fd) {
    const auto number = static_cast<std::size_t>(fd);
    if (!pipes[number]) continue;
    constexpr std::array<const char*, 3> kNames = {"input of ", "output of ", "errors of "};
    auto* const make = fd == STDIN_FILENO ? &lowlevel::make_write_pipe : &lowlevel::make_read_pipe;
    pipes_[number] = make(*loop_, std::move(pipes[number]), kNames[number] + child_->name());
    pipes_[number]->set_receiver(Ref<lowlevel::Receiver>::adopt(new PipeEnd(shared_from_this(), fd)));
    ++open_;
  }
  call([self = shared_from_this()](SubprocessProtocol& protocol) { protocol.connection_made(self); });
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (auto* const pipe = get_pipe_transport(fd)) pipe->resume_reading();
  }
  child_->end().add_done_callback([self = shared_from_this()] { self->ended(); });
}

void ChildTransport::call_within(void (SubprocessProtocol::*function)()) {
  const auto protocol = protocol_;
  if (!protocol) return;
  call_reporting(
      *loop_, [&] { (*protocol.*function)(); },
      [&] { return ExceptionContext{"exception in a protocol's flow control", nullptr, child_->name(), {}}; });
}

void ChildTransport::pipe_lost(int fd, std::exception_ptr error) {
  call([fd, error = std::move(error)](SubprocessProtocol& protocol) { protocol.pipe_connection_lost(fd, error); });
  finish_if_quiet();
}

void ChildTransport::ended() {
  call([](SubprocessProtocol& protocol) { protocol.process_exited(); });
  finish_if_quiet();
}

void ChildTransport::finish_if_quiet() {
  if (--open_ > 0) return;
  call([self = this](SubprocessProtocol& protocol) {
    self->protocol_ = nullptr;
    protocol.connection_lost(nullptr);
  });
}

void ChildTransport::close() {
  if (std::exchange(closing_, true)) return;
  for (const auto& pipe : pipes_) {
    if (pipe) pipe->close();
  }
  child_->kill();
}

MadeSubprocess start(std::shared_ptr<SubprocessProtocol> protocol, CommandLine line, subprocess::Options options) {
  EventLoop& loop = get_running_loop();
  StartedChild started = start_child(loop, std::move(line.program), std::move(line.arguments), options);
  const auto transport = std::make_shared<ChildTransport>(loop, started.child, std::move(protocol));
  try {
    transport->connect(std::move(started.pipes));
  } catch (...) {
    started.child->kill();
    throw;
  }
  std::exception_ptr cancelled;
  try {
    co_await settle_child(started.child);
  } catch (...) {
    cancelled = std::current_exception();
  }
  if (cancelled) {
    transport->close();
    std::rethrow_exception(cancelled);
  }
  co_return transport;
}

}  // namespace

MadeSubprocess start_subprocess(std::shared_ptr<SubprocessProtocol> protocol, std::string program,
                                std::vector<std::string> arguments, subprocess::Options options) {
  auto line = program_line(std::move(program), std::move(arguments), options);
  return start(std::move(protocol), std::move(line), std::move(options));
}

MadeSubprocess start_shell(std::shared_ptr<SubprocessProtocol> protocol, std::string command,
                           subprocess::Options options) {
  auto line = shell_line(std::move(command), options);
  return start(std::move(protocol), std::move(line), std::move(options));
}

}  // namespace detail
}  // namespace tutti
