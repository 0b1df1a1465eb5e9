// SPDX-License-Identifier: MIT
#include "file_state.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <tutti/io/pipe.hpp>
#include <tutti/task/sleep.hpp>

#include "status.hpp"

namespace tutti::detail {

FileBase::~FileBase() = default;

namespace {

// Neither a thread nor io_uring, which copies what is cached inside our own system call, should be busy with one call
// for longer than some 100 us.
constexpr std::size_t kMostAtOnce = std::size_t{1024} * 1024;

// What O_DIRECT wants of memory: the kernel asks for the device's blocks, and none are larger.
constexpr std::size_t kDirectAlignment = 4096;

// Gives the request `count` bytes of memory; all of its beginning is for the alignment.
MutableBytes aligned_memory(FileRequest& request, std::size_t count) {
  request.memory.resize(count + kDirectAlignment);
  void* begin = request.memory.data();
  std::size_t room = request.memory.size();
  return {static_cast<char*>(std::align(kDirectAlignment, count, begin, room)), count};
}

void leave_turn(FileRequest& request) noexcept { FileState::of(request.file).leave(); }

}  // namespace

FileState& FileState::of(const Ref<FileBase>& file) {
  if (!file) throw ValueError("the file was moved from");
  return static_cast<FileState&>(*file);
}

FileState::FileState(EventLoop& loop, Fd descriptor, std::string name, FileMode mode, files::OpenOptions options)
    : LoopMember(loop),
      loop_(&loop),
      budget_(&loop.service<ReadBudget>()),
      descriptor_(std::make_shared<Fd>(std::move(descriptor))),
      name_(std::move(name)),
      mode_(mode),
      options_(options) {
  struct stat status{};
  if (::fstat(fileno(), &status) != 0) fail(errno, "open");
  if (S_ISDIR(status.st_mode)) fail(EISDIR, "open");
  on_disk_ = may_try_ = S_ISREG(status.st_mode) || S_ISBLK(status.st_mode);
  // With O_DIRECT nothing is at hand, and RWF_NOWAIT waits for the disk all the same.
  direct_ = (::fcntl(fileno(), F_GETFL) & O_DIRECT) != 0;
  if (direct_) may_try_ = false;
  seekable_ = ::lseek(fileno(), 0, mode.appending ? SEEK_END : SEEK_CUR) >= 0;
  if (S_ISFIFO(status.st_mode) && mode.writable) lowlevel::ignore_sigpipe();
}

void FileState::fail(int number, const char* operation) const {
  throw_os_error(number, std::string(operation) + " " + name_);
}

void FileState::check_open(const char* operation) const {
  if (closing_) throw ValueError(std::string(operation) + " " + name_ + ": the file is closed");
}

void FileState::check(const char* operation, Need need) const {
  const auto text = [&](const char* what) { return std::string(operation) + " " + name_ + ": the file " + what; };
  check_open(operation);
  if (find_running_loop() != loop_) throw RuntimeError(text("belongs to a different event loop"));
  const std::error_code wrong(EBADF, std::generic_category());
  if (need == Need::reading && !mode_.readable) {
    throw files::UnsupportedOperation(wrong, text("was not opened for reading"));
  }
  if (need == Need::writing && !mode_.writable) {
    throw files::UnsupportedOperation(wrong, text("was not opened for writing"));
  }
}

// ---- turns ----

Coro<FileState::Turn> FileState::take_turn(const char* operation, Need need, bool shared) {
  check(operation, need);
  if (is_free(shared)) {
    enter(shared);
    co_return Turn(*this);
  }
  const Future<> granted(*loop_);
  waiting_.push_back({granted, shared});
  try {
    co_await granted;
  } catch (...) {
    if (granted.done() && !granted.cancelled()) {
      leave();  // it came in the same tick
    } else {
      waiting_.remove_if([&](const Waiting& entry) { return entry.granted == granted; });
      grant();
    }
    throw;
  }
  co_return Turn(*this);
}

void FileState::leave() noexcept {
  if (--holders_ != 0) return;
  exclusive_ = false;
  if (loop_ == nullptr) return finish_now();
  grant();
}

void FileState::grant() noexcept {
  while (!waiting_.empty()) {
    const Waiting& first = waiting_.front();
    if (holders_ != 0 && (exclusive_ || !first.shared)) return;
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    if (next.granted && next.granted->done()) continue;  // cancelled, and its task has not run yet
    enter(next.shared);
    if (!next.granted) return write_rest();
    next.granted->set_result();
  }
}

// ---- requests ----

std::shared_ptr<FileRequest> FileState::make_request() {
  auto request = std::make_shared<FileRequest>();
  request->descriptor = descriptor_;
  request->file = Ref<FileBase>(this);
  request->on_end = &leave_turn;
  return request;
}

RequestWait FileState::perform(std::shared_ptr<FileRequest> request) {
  ++holders_;
  return RequestWait(std::move(request), on_disk_);
}

Coro<> FileState::in_thread(const char* operation, MoveOnlyFunction<int()> function) {
  auto request = make_request();
  request->function = std::move(function);
  if (const int result = co_await perform(std::move(request)); result < 0) fail(-result, operation);
}

Coro<> FileState::sync(bool data_only) {
  auto request = make_request();
  request->prepare_fsync(fileno(), data_only);
  if (const int result = co_await perform(std::move(request)); result < 0) fail(-result, "fsync");
}

Coro<files::Stat> FileState::stat() {
  auto request = make_request();
  request->prepare_statx(fileno(), request->path.c_str(), AT_EMPTY_PATH, kStatMask, &request->status);
  if (const int result = co_await perform(request); result < 0) fail(-result, "stat");
  co_return to_stat(request->status);
}

// ---- reading ----

std::optional<std::size_t> FileState::read_if_at_hand(MutableBytes memory, std::int64_t offset) {
  if (!may_try_ || budget_->left() == 0) return std::nullopt;
  const iovec piece{memory.data(), std::min(memory.size(), budget_->left())};
  const ssize_t count = ::preadv2(fileno(), &piece, 1, offset, RWF_NOWAIT);
  if (count >= 0) {
    budget_->spend(static_cast<std::size_t>(count));
    return static_cast<std::size_t>(count);
  }
  // What else is wrong the real call finds again.
  if (errno != EAGAIN && errno != EINTR) may_try_ = false;
  return std::nullopt;
}

Coro<> FileState::wait_for_budget() {
  if (!may_try_ || budget_->left() != 0) co_return;
  const auto first = co_await budget_->line().scoped();
  while (may_try_ && budget_->left() == 0) co_await sleep(Duration::zero());
}

std::size_t FileState::read_size(std::size_t count) const noexcept {
  return std::max(std::min(count, kMostAtOnce), options_.buffer_size);
}

std::optional<std::size_t> FileState::fill_now(std::size_t count, bool exactly) {
  if (!may_try_ || budget_->left() == 0) return std::nullopt;
  const auto got = read_if_at_hand(in_.room(exactly ? std::min(count, kMostAtOnce) : read_size(count)), -1);
  if (got) in_.commit(*got);
  return got;
}

Coro<std::size_t> FileState::fill(std::size_t count, bool exactly) {
  co_await wait_for_budget();
  if (const auto got = fill_now(count, exactly)) co_return *got;
  const MutableBytes room = in_.room(exactly ? std::min(count, kMostAtOnce) : read_size(count));
  auto request = make_request();
  request->memory = in_.lend();
  request->prepare_read(fileno(), MutableBytes(request->memory).subspan(in_.end()).first(room.size()));
  request->on_end = &read_ended;
  const int result = co_await perform(std::move(request));
  if (result < 0) fail(-result, "read");
  co_return static_cast<std::size_t>(result);
}

void FileState::read_ended(FileRequest& request) noexcept {
  FileState& file = of(request.file);
  file.in_.give_back(std::move(request.memory));
  if (request.result > 0) file.in_.commit(static_cast<std::size_t>(request.result));
  file.leave();
}

std::optional<std::size_t> FileState::expected_rest() const noexcept {
  struct stat status{};
  // Files of /proc say that they are empty.
  if (::fstat(fileno(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) return std::nullopt;
  const off_t position = ::lseek(fileno(), 0, SEEK_CUR);
  if (position < 0) return std::nullopt;
  return position < status.st_size ? static_cast<std::size_t>(status.st_size - position) : 0;
}

std::optional<std::size_t> FileState::read_at_now(MutableBytes memory, std::uint64_t offset) {
  return read_if_at_hand(memory, static_cast<std::int64_t>(offset));
}

Coro<std::size_t> FileState::read_at(MutableBytes memory, std::uint64_t offset) {
  co_await wait_for_budget();
  if (const auto got = read_at_now(memory, offset)) co_return *got;
  auto request = make_request();
  const std::size_t count = std::min(memory.size(), kMostAtOnce);
  if (!direct_) request->memory.resize(count);
  const MutableBytes room = direct_ ? aligned_memory(*request, count) : MutableBytes(request->memory);
  request->prepare_read(fileno(), room, static_cast<std::int64_t>(offset));
  const int result = co_await perform(request);
  if (result < 0) fail(-result, "pread");
  std::copy_n(room.begin(), result, memory.begin());
  co_return static_cast<std::size_t>(result);
}

// ---- writing ----

void FileState::prepare_to_write() {
  rewind();
  // The kernel appends wherever the position is; so that `tell` says where that was.
  if (mode_.appending && unwritten() == 0 && seekable_ && ::lseek(fileno(), 0, SEEK_END) < 0) fail(errno, "seek");
}

bool FileState::write_now(std::string& data) {
  if (data.size() > options_.buffer_size - std::min(options_.buffer_size, unwritten())) return false;
  prepare_to_write();
  out_.append(data);
  return true;
}

Coro<> FileState::write(std::string data) {
  prepare_to_write();
  const std::size_t size = data.size();
  if (unwritten() == 0 && size > options_.buffer_size) {
    out_ = std::move(data);
  } else {
    out_.append(data);
  }
  if (unwritten() <= options_.buffer_size) co_return;
  std::exception_ptr error;
  try {
    co_await flush();
  } catch (const OSError&) {
    error = std::current_exception();
  }
  if (!error) co_return;
  if (unwritten() >= size) out_.resize(out_.size() - size);
  std::rethrow_exception(error);
}

Coro<> FileState::flush() {
  while (unwritten() > 0) {
    const int result = co_await perform(writing_request());
    if (result <= 0) fail(result == 0 ? EIO : -result, "write");
  }
}

std::shared_ptr<FileRequest> FileState::writing_request() {
  auto request = make_request();
  request->memory = std::exchange(out_, {});
  request->begin = std::exchange(out_begin_, 0);
  request->prepare_write(fileno(), BytesView(request->memory).substr(request->begin, kMostAtOnce));
  request->on_end = [](FileRequest& ended) noexcept {
    FileState& file = of(ended.file);
    file.take_back(ended);
    file.leave();
  };
  return request;
}

void FileState::take_back(FileRequest& request) noexcept {
  out_ = std::move(request.memory);
  out_begin_ = request.begin + static_cast<std::size_t>(std::max(request.result, 0));
  if (out_begin_ != out_.size()) return;
  out_begin_ = 0;
  out_.clear();
  if (out_.capacity() > 2 * options_.buffer_size) out_ = std::string();
}

Coro<> FileState::write_at(std::string data, std::uint64_t offset) {
  for (std::size_t done = 0; done < data.size();) {
    auto request = make_request();
    request->memory = std::move(data);
    const BytesView rest = BytesView(request->memory).substr(done, kMostAtOnce);
    request->prepare_write(fileno(), rest, static_cast<std::int64_t>(offset + done));
    const int result = co_await perform(request);
    if (result <= 0) fail(result == 0 ? EIO : -result, "pwrite");
    data = std::move(request->memory);
    done += static_cast<std::size_t>(result);
  }
}

// ---- position ----

void FileState::rewind() {
  if (in_.empty() || !seekable_) return;
  if (::lseek(fileno(), -static_cast<off_t>(in_.size()), SEEK_CUR) < 0) fail(errno, "seek");
  in_.clear();
}

// lseek(2) looks at what the kernel knows of the file, and does not wait for the disk.
std::uint64_t FileState::seek(std::int64_t offset, files::Whence from) {
  const char* const operation = offset == 0 && from == files::Whence::current ? "tell" : "seek";
  const auto move = [&](std::int64_t to, int whence) {
    const off_t position = ::lseek(fileno(), to, whence);
    if (position < 0) fail(errno, operation);
    return position;
  };
  if (!seekable_) {
    throw files::UnsupportedOperation(std::error_code(ESPIPE, std::generic_category()),
                                      std::string(operation) + " " + name_ + ": the file has no positions");
  }
  if (from == files::Whence::end) {
    const off_t position = move(offset, SEEK_END);
    in_.clear();
    return static_cast<std::uint64_t>(position);
  }
  const off_t ahead = move(0, SEEK_CUR);
  const off_t present = ahead - static_cast<off_t>(in_.size()) + static_cast<off_t>(unwritten());
  if (from == files::Whence::current && __builtin_add_overflow(present, offset, &offset)) fail(EOVERFLOW, operation);
  if (offset == present) return static_cast<std::uint64_t>(present);
  if (offset > present && offset <= ahead) {
    in_.consume(static_cast<std::size_t>(offset - present));
  } else {
    move(offset, SEEK_SET);
    in_.clear();
  }
  return static_cast<std::uint64_t>(offset);
}

}  // namespace tutti::detail
