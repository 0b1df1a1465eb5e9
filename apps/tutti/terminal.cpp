// SPDX-License-Identifier: MIT
// Standard output and standard error: what they are, and writing to them.
#include "terminal.hpp"

#include <cerrno>
#include <cstdlib>
#include <string>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace tutti::app {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes it
  return value == nullptr ? "" : value;
}

}  // namespace

Output::Output(int fd)
    : fd_(fd),
      terminal_(::isatty(fd) == 1),
      colour_(terminal_ && environment("NO_COLOR").empty() && environment("TERM") != "dumb") {}

void Output::write(std::string_view text) {
  while (!text.empty() && !broken_) {
    const ssize_t written = ::write(fd_, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd waiting{.fd = fd_, .events = POLLOUT, .revents = 0};  // somebody has made it non-blocking
      (void)::poll(&waiting, 1, -1);
    } else if (errno != EINTR) {
      broken_ = true;
    }
  }
}

std::size_t Output::width() const {
  winsize size{};
  if (!terminal_ || ::ioctl(fd_, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 100;
  return size.ws_col;
}

bool unicode_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string value = environment(name);
    if (value.empty()) continue;
    return value.find("UTF-8") != std::string::npos || value.find("utf8") != std::string::npos ||
           value.find("utf-8") != std::string::npos;
  }
  return false;
}

void raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace tutti::app
