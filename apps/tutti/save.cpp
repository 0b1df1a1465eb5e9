// SPDX-License-Identifier: MIT
// Bodies on their way to a disk.
#include "save.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/base/fd.hpp>
#include <tutti/task/executor.hpp>

namespace tutti::app {

namespace {

constexpr std::size_t kBatch = std::size_t{256} * 1024;

void write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_os_error(errno, "write " + path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

/// Used by one thread at a time.
class SavedFile::File {
 public:
  explicit File(std::string path) : path_(std::move(path)), partial_(path_ + ".part" + std::to_string(::getpid())) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_) ::unlink(partial_.c_str());
  }

  void append(std::string_view bytes) {
    if (!fd_) {
      ::unlink(partial_.c_str());
      fd_ = Fd(::open(partial_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
      if (!fd_) throw_os_error(errno, "open " + path_);
    }
    write_all(fd_.get(), bytes, path_);
  }
  void commit() {
    if (::rename(partial_.c_str(), path_.c_str()) != 0) throw_os_error(errno, "rename " + partial_ + " to " + path_);
    fd_ = Fd();
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  std::string partial_;
  Fd fd_;
};

SavedFile::SavedFile(const std::string& directory, const std::string& name)
    : file_(std::make_shared<File>((std::filesystem::path(directory) / name).string())) {}
SavedFile::~SavedFile() = default;

const std::string& SavedFile::path() const noexcept { return file_->path(); }

Coro<> SavedFile::write(std::string bytes) {
  buffer_ += bytes;
  if (buffer_.size() < kBatch) co_return;
  co_await run_in_executor([file = file_, batch = std::exchange(buffer_, {})] { file->append(batch); });
}

Coro<> SavedFile::commit() {
  co_await run_in_executor([file = file_, rest = std::exchange(buffer_, {})] {
    file->append(rest);
    file->commit();
  });
}

void make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error && !std::filesystem::is_directory(path, error) && !error)
    error = std::make_error_code(std::errc::not_a_directory);
  if (error) throw_os_error(error.value(), "make directory " + path);
}

void write_file(const std::string& path, const std::string& content) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!fd) throw_os_error(errno, "open " + path);
  write_all(fd.get(), content, path);
}

}  // namespace tutti::app
