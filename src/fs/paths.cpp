// SPDX-License-Identifier: MIT
#include "paths.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include <tutti/base/error.hpp>
#include <tutti/loop/event_loop.hpp>

namespace tutti::detail {

void check_path(const char* operation, const std::string& path) {
  if (path.find('\0') != std::string::npos) throw ValueError(std::string(operation) + ": a path with a null byte");
}

std::shared_ptr<FileRequest> path_request(const char* operation, std::string path) {
  check_path(operation, path);
  auto request = std::make_shared<FileRequest>();
  request->path = std::move(path);
  return request;
}

Coro<int> call_in_thread(const char* operation, std::string object, MoveOnlyFunction<int()> function) {
  auto request = std::make_shared<FileRequest>();
  request->function = [function = std::move(function)]() mutable {
    const int result = function();
    return result < 0 ? -errno : result;
  };
  const int result = co_await RequestWait(std::move(request));
  if (result < 0) throw_path_error(-result, operation, object);
  co_return result;
}

Coro<int> call_with_path(const char* operation, std::string path, MoveOnlyFunction<int(const char*)> function) {
  check_path(operation, path);
  return call_in_thread(operation, path,
                        [path, function = std::move(function)]() mutable { return function(path.c_str()); });
}

namespace {

// io_uring tries to open as if with O_NONBLOCK, and a FIFO does not wait for its other end then: who reads would find its
// end, who writes gets ENXIO.
bool has_not_waited(int result, int flags) noexcept {
  if (result == -ENXIO) return true;
  struct stat status{};
  return result >= 0 && (flags & (O_ACCMODE | O_NONBLOCK)) != O_RDWR && ::fstat(result, &status) == 0 &&
         S_ISFIFO(status.st_mode);
}

}  // namespace

Coro<Fd> open_path(std::string path, int flags, std::uint32_t permissions) {
  auto request = path_request("open", std::move(path));
  request->prepare_openat(AT_FDCWD, request->path.c_str(), static_cast<std::uint32_t>(flags), permissions);
  const bool natively = get_running_loop().backend().native_files();
  int result = co_await RequestWait(request);
  if (natively && has_not_waited(result, flags)) {
    const auto first = std::move(request);
    request = path_request("open", first->path);
    request->function = [memory = request.get(), flags, permissions] {
      memory->owned.reset(::open(memory->path.c_str(), flags, permissions));
      return memory->owned ? 0 : -errno;
    };
    result = co_await RequestWait(request);
  }
  if (result < 0) throw_path_error(-result, "open", request->path);
  co_return std::move(request->owned);
}

std::string shown(const std::string& path) { return path.empty() ? "''" : path; }
std::string both_paths(const std::string& from, const std::string& to) { return shown(from) + " -> " + shown(to); }

void throw_path_error(int number, const char* operation, const std::string& path) {
  throw_os_error(number, std::string(operation) + " " + shown(path));
}

}  // namespace tutti::detail
