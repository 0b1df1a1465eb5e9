// SPDX-License-Identifier: MIT
#include "program.hpp"

#include <array>
#include <csignal>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test_support {

Program::Program(std::vector<std::string> arguments, const std::string& input) {
  std::array<int, 2> out{};
  std::array<int, 2> in{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(in.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  ::posix_spawn_file_actions_adddup2(&actions, out[1], 2);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const int error = ::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  (void)!::write(in[1], input.data(), input.size());  // it fits into the pipe
  for (const int end : {in[0], in[1], out[1]}) ::close(end);
  output_ = ::fdopen(out[0], "r");
  if (error != 0) pid_ = 0;
}

Program::~Program() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    wait();
  }
  (void)std::fclose(output_);
}

std::string Program::line() {
  std::string text;
  for (int c = std::fgetc(output_); c != EOF && c != '\n'; c = std::fgetc(output_)) text += static_cast<char>(c);
  return text;
}

std::string Program::rest() {
  std::string text;
  for (int c = std::fgetc(output_); c != EOF; c = std::fgetc(output_)) text += static_cast<char>(c);
  return text;
}

int Program::wait() {
  int status = -1;
  if (const pid_t pid = std::exchange(pid_, 0); pid > 0) ::waitpid(pid, &status, 0);
  return status;
}

}  // namespace test_support
