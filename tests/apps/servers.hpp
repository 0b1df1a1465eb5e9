// SPDX-License-Identifier: MIT
// Servers for the tests: other people's, and one that sends whatever a test wants.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "command.hpp"

namespace apps_test {

/// A listening socket on a free port of 127.0.0.1.
class Listener {
 public:
  Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  void close();

 private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
};

/// A connection of a `RawServer`.
class RawConnection {
 public:
  explicit RawConnection(int fd) : fd_(fd) {}
  /// The head of the next request; empty if the client has gone.
  std::string read_head() const;
  void send(const std::string& bytes) const;
  /// Waits until the client closes.
  void wait_for_end() const;
  /// The end will be a reset.
  void reset() const;

 private:
  int fd_;
};

/// Answers each connection by a function, in threads.
class RawServer {
 public:
  explicit RawServer(std::function<void(const RawConnection&)> answer);
  ~RawServer();
  [[nodiscard]] std::string url(const std::string& path = "/") const;
  [[nodiscard]] int connections() const { return count_; }

 private:
  Listener listener_;
  std::function<void(const RawConnection&)> answer_;
  std::atomic<int> count_{0};
  std::thread thread_;
};

/// Answers each request with `respond(path)`, a whole response, and keeps connections open.
std::unique_ptr<RawServer> make_page_server(std::function<std::string(const std::string& path)> respond);
/// A response with status and body.
std::string response(int status, const std::string& body);

/// A port where nobody listens.
std::uint16_t refused_port();

/// A server program, and the URL of its root; no process: it is not installed.
struct ForeignServer {
  std::unique_ptr<Process> process;
  std::string url;
};
ForeignServer start_python_server(const ScratchDirectory& root);
ForeignServer start_nginx(const ScratchDirectory& root, const ScratchDirectory& state);

}  // namespace apps_test
