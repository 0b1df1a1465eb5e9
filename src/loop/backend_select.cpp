// SPDX-License-Identifier: MIT
// The only file that chooses a back end.
#include <tutti/loop/io_backend.hpp>

#include <cstdlib>
#include <string>

#include <tutti/base/error.hpp>

namespace tutti::lowlevel {

std::unique_ptr<IoBackend> make_backend(std::string_view name) {
  if (name == "uring") return make_uring_backend();
  if (name == "epoll") return make_epoll_backend();
  if (name == "poll") return make_poll_backend();
  throw ValueError("unknown I/O back end \"" + std::string(name) + "\": expected uring, epoll or poll");
}

std::unique_ptr<IoBackend> make_default_backend() {
  const char* wanted = std::getenv("TUTTI_BACKEND");
  if (wanted != nullptr && *wanted != '\0') return make_backend(wanted);
  return uring_available() ? make_uring_backend() : make_epoll_backend();
}

}  // namespace tutti::lowlevel
