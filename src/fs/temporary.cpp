// SPDX-License-Identifier: MIT
#include <tutti/fs/temporary.hpp>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include <fcntl.h>
#include <unistd.h>

#include <tutti/base/error.hpp>

#include "file_state.hpp"
#include "paths.hpp"

namespace tutti {
namespace detail {

TemporaryPath::~TemporaryPath() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

namespace {

std::string pattern_of(const files::TemporaryOptions& options) {
  const std::string& directory = options.directory.empty() ? files::gettempdir() : options.directory;
  return directory + "/" + options.prefix + "XXXXXX" + options.suffix;
}

/// What a thread makes, and what goes again if nobody takes it.
struct Made {
  TemporaryPath path;
  Fd file;
};

/// A new file, open, under a name that nobody has.
Coro<std::shared_ptr<Made>> make_file(files::TemporaryOptions options) {
  const auto made = std::make_shared<Made>();
  const int after = static_cast<int>(options.suffix.size());
  std::string pattern = pattern_of(options);
  co_await call_with_path("open", std::move(pattern), [made, after](const char* name) {
    std::string path = name;
    made->file.reset(::mkostemps(path.data(), after, O_CLOEXEC));
    if (!made->file) return -1;
    made->path = TemporaryPath(std::move(path));
    return 0;
  });
  co_return made;
}

Coro<> close_and_remove(Coro<> closing, TemporaryPath path) {
  co_await std::move(closing);
  if (path.get().empty()) co_return;
  co_await call_with_path("unlink", path.release(),
                          [](const char* name) { return ::unlink(name) == 0 || errno == ENOENT ? 0 : -1; });
}

/// The path goes with the function, wherever that ends.
Coro<> remove_tree(TemporaryPath path) {
  if (path.get().empty()) co_return;
  std::string name = path.get();
  co_await call_with_path("rmtree", std::move(name), [path = std::move(path)](const char*) mutable {
    std::error_code error;
    std::filesystem::remove_all(path.release(), error);
    errno = error.value();
    return error ? -1 : 0;
  });
}

}  // namespace
}  // namespace detail

namespace files {

std::string gettempdir() {
  const char* directory = std::getenv("TMPDIR");
  return directory != nullptr && *directory != '\0' ? directory : "/tmp";
}

Coro<File> temporary_file(TemporaryOptions options) {
  const detail::FileMode mode = detail::FileMode::parse("w+", "open a temporary file");
  const std::string directory = options.directory.empty() ? gettempdir() : options.directory;
  auto request = detail::path_request("open", directory);
  request->prepare_openat(AT_FDCWD, request->path.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  const int result = co_await detail::RequestWait(request);
  if (result >= 0) {
    co_return detail::FileAccess::make(std::move(request->owned), "<temporary file in " + directory + ">", mode, {});
  }
  // Not all file systems can: then it has a name for a moment.
  if (result != -EOPNOTSUPP && result != -EISDIR && result != -EINVAL) {
    detail::throw_path_error(-result, "open", directory);
  }
  const auto made = co_await detail::make_file(std::move(options));
  const detail::TemporaryPath path = std::move(made->path);
  co_return detail::FileAccess::make(std::move(made->file), path.get(), mode, {});
}

Coro<NamedTemporaryFile> named_temporary_file(TemporaryOptions options) {
  const auto made = co_await detail::make_file(std::move(options));
  std::string name = made->path.get();
  File file = detail::FileAccess::make(std::move(made->file), std::move(name),
                                       detail::FileMode::parse("w+", "open a temporary file"), {});
  co_return NamedTemporaryFile(std::move(file), std::move(made->path));
}

Coro<> NamedTemporaryFile::close() { return detail::close_and_remove(File::close(), std::move(path_)); }
Coro<> NamedTemporaryFile::exit(std::exception_ptr) { return close(); }
Coro<NamedTemporaryFile&> NamedTemporaryFile::enter() { co_return *this; }

Coro<TemporaryDirectory> temporary_directory(TemporaryOptions options) {
  const auto made = std::make_shared<detail::TemporaryPath>();
  if (!options.suffix.empty()) throw ValueError("temporary_directory: a suffix is for files");
  co_await detail::call_with_path("mkdtemp", detail::pattern_of(options), [made](const char* name) {
    std::string path = name;
    if (::mkdtemp(path.data()) == nullptr) return -1;
    *made = detail::TemporaryPath(std::move(path));
    return 0;
  });
  co_return TemporaryDirectory(std::move(*made));
}

Coro<> TemporaryDirectory::cleanup() { return detail::remove_tree(std::move(path_)); }
Coro<> TemporaryDirectory::exit(std::exception_ptr) { return cleanup(); }
Coro<TemporaryDirectory&> TemporaryDirectory::enter() { co_return *this; }

}  // namespace files
}  // namespace tutti
