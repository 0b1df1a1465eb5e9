// SPDX-License-Identifier: MIT
#include <tutti/fs/names.hpp>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tutti/base/error.hpp>

#include "paths.hpp"

namespace tutti::files {
namespace {

using detail::call_with_path;
using detail::path_request;
using detail::RequestWait;
using detail::throw_path_error;

/// Everything before the last name; empty if there is only one. "a/b//" is in "a".
std::string parent_of(std::string_view path) {
  const auto last = path.find_last_not_of('/');
  if (last == std::string_view::npos) return "";
  const auto slash = path.rfind('/', last);
  if (slash == std::string_view::npos) return "";
  const auto end = path.find_last_not_of('/', slash);
  return std::string(end == std::string_view::npos ? path.substr(0, 1) : path.substr(0, end + 1));
}

Coro<> unlink_at(const char* operation, std::string path, std::uint32_t flags) {
  auto request = path_request(operation, std::move(path));
  request->prepare_unlinkat(AT_FDCWD, request->path.c_str(), flags);
  if (const int result = co_await RequestWait(request); result < 0) throw_path_error(-result, operation, request->path);
}

Coro<> rename_as(const char* operation, std::string from, std::string to) {
  detail::check_path(operation, to);
  auto request = path_request(operation, std::move(from));
  request->new_path = std::move(to);
  request->prepare_renameat(AT_FDCWD, request->path.c_str(), request->new_path.c_str());
  if (const int result = co_await RequestWait(request); result < 0) {
    throw_path_error(-result, operation, detail::both_paths(request->path, request->new_path));
  }
}

/// A call with a path to read and one to make.
Coro<> link_as(const char* operation, std::string from, std::string to, int (*call)(const char*, const char*)) {
  detail::check_path(operation, from);
  detail::check_path(operation, to);
  auto request = path_request(operation, std::move(from));
  request->new_path = std::move(to);
  request->function = [memory = request.get(), call] {
    return call(memory->path.c_str(), memory->new_path.c_str()) == 0 ? 0 : -errno;
  };
  if (const int result = co_await RequestWait(request); result < 0) {
    throw_path_error(-result, operation, detail::both_paths(request->path, request->new_path));
  }
}

Coro<> remove_empty_above(std::string path) {
  try {
    for (path = parent_of(path); !path.empty(); path = parent_of(path)) co_await rmdir(path);
  } catch (const OSError&) {
    // It is not empty, or not ours: that is where it ends.
  }
}

constexpr timespec to_timespec(FileTime time) noexcept {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
  return {static_cast<std::time_t>(seconds.count()), static_cast<long>((time.time_since_epoch() - seconds).count())};
}

}  // namespace

// ---- directories ----

Coro<> mkdir(std::string path, std::uint32_t permissions) {
  auto request = path_request("mkdir", std::move(path));
  request->prepare_mkdirat(AT_FDCWD, request->path.c_str(), permissions);
  if (const int result = co_await RequestWait(request); result < 0) throw_path_error(-result, "mkdir", request->path);
}

Coro<> makedirs(std::string path, MakeDirsOptions options) {
  std::exception_ptr error;
  try {
    co_return co_await mkdir(path, options.permissions);
  } catch (const FileNotFoundError&) {
    error = std::current_exception();
  } catch (const FileExistsError&) {
    if (!options.exist_ok) throw;
  }
  if (!error) {
    if (!co_await is_dir(path)) detail::throw_path_error(EEXIST, "mkdir", path);
    co_return;
  }
  const std::string above = parent_of(path);
  if (above.empty()) std::rethrow_exception(error);
  co_await makedirs(above, {.exist_ok = true});  // somebody else may make them at the same time
  co_await makedirs(std::move(path), options);
}

Coro<> rmdir(std::string path) { return unlink_at("rmdir", std::move(path), AT_REMOVEDIR); }

Coro<> removedirs(std::string path) {
  co_await rmdir(path);
  co_await remove_empty_above(std::move(path));
}

Coro<> rmtree(std::string path) {
  co_await call_with_path("rmtree", std::move(path), [](const char* name) {
    struct stat status{};
    if (::lstat(name, &status) != 0) return -1;
    std::error_code error(ENOTDIR, std::generic_category());
    if (S_ISDIR(status.st_mode)) std::filesystem::remove_all(name, error);
    errno = error.value();
    return error ? -1 : 0;
  });
}

// ---- files ----

Coro<> remove(std::string path) { return unlink_at("remove", std::move(path), 0); }
Coro<> unlink(std::string path) { return unlink_at("unlink", std::move(path), 0); }
Coro<> rename(std::string from, std::string to) { return rename_as("rename", std::move(from), std::move(to)); }
Coro<> replace(std::string from, std::string to) { return rename_as("replace", std::move(from), std::move(to)); }

Coro<> renames(std::string from, std::string to) {
  if (const std::string above = parent_of(to); !above.empty()) co_await makedirs(above, {.exist_ok = true});
  co_await rename(from, std::move(to));
  co_await remove_empty_above(std::move(from));
}

// ---- links ----

Coro<> symlink(std::string target, std::string path) {
  return link_as("symlink", std::move(target), std::move(path), &::symlink);
}
Coro<> link(std::string existing, std::string path) {
  return link_as("link", std::move(existing), std::move(path), &::link);
}

Coro<std::string> readlink(std::string path) {
  const auto target = std::make_shared<std::string>(PATH_MAX, '\0');  // the thread's too
  const int size = co_await call_with_path("readlink", std::move(path), [target](const char* name) {
    return static_cast<int>(::readlink(name, target->data(), target->size()));
  });
  co_return target->substr(0, static_cast<std::size_t>(size));
}

Coro<std::string> realpath(std::string path) {
  const auto found = std::make_shared<std::string>();
  co_await call_with_path("realpath", std::move(path), [found](const char* name) {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(name, nullptr), &std::free);
    if (real) *found = real.get();
    return real ? 0 : -1;
  });
  co_return *found;
}

// ---- what is known of them ----

Coro<> chmod(std::string path, std::uint32_t permissions) {
  co_await call_with_path("chmod", std::move(path),
                          [permissions](const char* name) { return ::chmod(name, permissions); });
}

Coro<> utime(std::string path) {
  co_await call_with_path("utime", std::move(path),
                          [](const char* name) { return ::utimensat(AT_FDCWD, name, nullptr, 0); });
}

Coro<> utime(std::string path, FileTime accessed, FileTime modified) {
  co_await call_with_path("utime", std::move(path), [accessed, modified](const char* name) {
    const timespec times[2] = {to_timespec(accessed), to_timespec(modified)};
    return ::utimensat(AT_FDCWD, name, times, 0);
  });
}

Coro<> truncate(std::string path, std::uint64_t size) {
  co_await call_with_path("truncate", std::move(path),
                          [size](const char* name) { return ::truncate(name, static_cast<off_t>(size)); });
}

}  // namespace tutti::files
