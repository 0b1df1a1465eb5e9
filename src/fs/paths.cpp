// SPDX-License-Identifier: MIT
#include "paths.hpp"

#include <cerrno>

#include <tutti/base/error.hpp>

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

std::string both_paths(const std::string& from, const std::string& to) { return from + " -> " + to; }

void throw_path_error(int number, const char* operation, const std::string& path) {
  throw_os_error(number, std::string(operation) + " " + path);
}

}  // namespace tutti::detail
