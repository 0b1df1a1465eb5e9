// SPDX-License-Identifier: MIT
#include "paths.hpp"

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

void throw_path_error(int number, const char* operation, const std::string& path) {
  throw_os_error(number, std::string(operation) + " " + path);
}

}  // namespace tutti::detail
