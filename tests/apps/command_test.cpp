// SPDX-License-Identifier: MIT
// How the tests run the command `tutti`, and its command line.
#include "command.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace apps_test {

namespace {

/// Appends what comes; false at the end.
bool read_some(int fd, std::string& to) {
  char buffer[4096];
  const ssize_t count = ::read(fd, buffer, sizeof buffer);
  if (count < 0 && errno == EINTR) return true;
  if (count <= 0) return false;
  to.append(buffer, static_cast<std::size_t>(count));
  return true;
}

void close_fd(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

}  // namespace

Process::Process(std::vector<std::string> arguments, Options options) {
  int out[2], err[2], in[2];
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0 || ::pipe2(in, O_CLOEXEC) != 0) {
    throw std::runtime_error("pipe2 failed");
  }
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::dup2(err[1], 2);
    if (options.inherited == 3) ::fcntl(3, F_SETFD, 0);
    if (options.inherited > 3) ::dup2(options.inherited, 3);
    for (std::string& entry : options.environment) ::putenv(entry.data());
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  ::close(err[1]);
  out_ = out[0];
  err_ = err[0];
  // Short inputs only: what a pipe holds.
  if (::write(in[1], options.input.data(), options.input.size()) != static_cast<ssize_t>(options.input.size())) {
    throw std::runtime_error("write to standard input failed");
  }
  ::close(in[1]);
}

Process::~Process() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);  // nginx ends its workers then
    ::waitpid(pid_, nullptr, 0);
  }
  close_fd(out_);
  close_fd(err_);
}

std::string Process::read_line_with(const std::string& text) {
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = result_.out.find('\n', begin);
    if (end == std::string::npos) {
      if (!read_some(out_, result_.out)) return "";
      continue;
    }
    const std::string line = result_.out.substr(begin, end - begin);
    if (line.find(text) != std::string::npos) return line;
    begin = end + 1;
  }
}

void Process::close_output() { close_fd(out_); }

void Process::send_signal(int signal) const { ::kill(pid_, signal); }

RunResult Process::wait() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (out_ >= 0 || err_ >= 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting[2] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
    if (left.count() <= 0 || ::poll(waiting, 2, static_cast<int>(left.count())) == 0) {
      throw std::runtime_error("the program did not end; it said: " + result_.out + result_.err);
    }
    if (waiting[0].revents != 0 && !read_some(out_, result_.out)) close_fd(out_);
    if (waiting[1].revents != 0 && !read_some(err_, result_.err)) close_fd(err_);
  }
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  if (WIFEXITED(status)) result_.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result_.signal = WTERMSIG(status);
  return std::move(result_);
}

std::vector<std::string> with_command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), TUTTI_COMMAND);
  return arguments;
}

RunResult tutti_command(std::vector<std::string> arguments, Process::Options options) {
  return Process(with_command(std::move(arguments)), std::move(options)).wait();
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace apps_test

using apps_test::tutti_command;

TEST(CommandLine, WithoutACommandIsWrongUsage) {
  const auto result = tutti_command({});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("subcommand is required"), std::string::npos) << result.err;
}

TEST(CommandLine, HelpsAndTellsItsVersion) {
  EXPECT_NE(tutti_command({"--help"}).out.find("fetch"), std::string::npos);
  const auto help = tutti_command({"fetch", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* option : {"--concurrency", "--timeout", "--retries", "--json", "--output", "--sequential",
                             "--timeline", "--timeline-svg", "--input", "--quiet", "Exit code"}) {
    EXPECT_NE(help.out.find(option), std::string::npos) << option;
  }
  EXPECT_EQ(tutti_command({"--version"}).out.substr(0, 6), "tutti ");
}

TEST(CommandLine, WrongOptionsAreWrongUsage) {
  using Arguments = std::vector<std::string>;
  for (const Arguments& options : {Arguments{"--nonsense"},
                                   {"--concurrency", "0"},
                                   {"--timeout", "0"},
                                   {"--timeout", "x"},
                                   {"--retries", "-1"},
                                   {"-H", "no colon"},
                                   {"-H", "Bad Name: x"},
                                   {"-H", "X: a\r\nb"},
                                   {"-X", "G T"},
                                   {"-X", "CONNECT"},
                                   {"--json", "--json-lines"},
                                   {"--sequential", "-c", "5"},
                                   {"--input", "/nonexistent/urls"},
                                   {"--output", "/dev/null/x"}}) {
    Arguments arguments{"fetch", "http://127.0.0.1:1/"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto result = tutti_command(arguments);
    EXPECT_EQ(result.exit_code, 2) << options[0] << ": " << result.out << result.err;
    EXPECT_EQ(result.out, "") << options[0];
    EXPECT_NE(result.err, "") << options[0];
  }
}

TEST(CommandLine, NoUrlIsWrongUsage) {
  EXPECT_EQ(tutti_command({"fetch"}).exit_code, 2);
  const auto empty = tutti_command({"fetch", "-"}, {.input = "# only a comment\n"});
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_NE(empty.err.find("no URL is given"), std::string::npos) << empty.err;
}
