// SPDX-License-Identifier: MIT
// One request to the kernel, from submission to completion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <tutti/base/bytes.hpp>
#include <tutti/loop/ready.hpp>

namespace tutti::lowlevel {

class IoBackend;

/// What an operation asks for. The names are those of the system calls whose results they give.
enum class Opcode : std::uint8_t {
  nop,      ///< completes with 0
  recv,     ///< recv(2) into `buffer`, `length`; works on sockets
  send,     ///< send(2) with MSG_NOSIGNAL from `buffer`, `length`; may be partial
  read,     ///< read(2), at `offset` if it is not negative (then pread(2))
  write,    ///< write(2), at `offset` if it is not negative
  recvmsg,  ///< recvmsg(2); `buffer` is the msghdr
  sendmsg,  ///< sendmsg(2) with MSG_NOSIGNAL; `buffer` is the msghdr; may be partial
  accept,   ///< accept4(2), SOCK_CLOEXEC | SOCK_NONBLOCK; `buffer`/`address_length` take the peer's address, or null
  connect,  ///< connect(2); `buffer` is the sockaddr, `length` its size
  poll,     ///< one-shot poll(2) for the events in `flags`; the result is the mask that came

  // Names and files. A back end without `native_files` makes these calls at once and waits for the disk.
  openat,    ///< openat(2) of the path `buffer` with O_… in `flags` and the permissions `length`
  close,     ///< close(2)
  fsync,     ///< fsync(2); fdatasync(2) if `flags` is not 0
  statx,     ///< statx(2) of the path `buffer` with AT_… in `flags` and the mask `length`; `second` takes the answer
  mkdirat,   ///< mkdirat(2) of the path `buffer` with the permissions `length`
  unlinkat,  ///< unlinkat(2) of the path `buffer` with AT_… in `flags`
  renameat,  ///< renameat(2) of the path `buffer` to the path `second`, both relative to `fd`
};

/// A request, its arguments and its result. It lives where its awaiter lives (a coroutine's frame, or a
/// connection), and **must stay alive and unmoved, with its buffers, from `submit` until its completion was
/// delivered**, cancelled or not: until then the kernel owns the buffers.
///
/// The completion is an entry of the ready queue: the back end sets `result` and hands the operation to the loop,
/// which calls `run()`.
class Operation : public Suspension {
 public:
  Opcode opcode = Opcode::nop;
  int fd = -1;
  std::uint32_t flags = 0;  ///< MSG_… of recv and send (MSG_DONTWAIT: -EAGAIN and no wait), POLL… of poll
  void* buffer = nullptr;
  std::size_t length = 0;    ///< bytes of `buffer`
  std::int64_t offset = -1;  ///< position in a file; negative: the descriptor's own
  union {
    std::uint32_t* address_length = nullptr;  ///< accept: in, room at `buffer`; out, size of the address
    void* second;                             ///< statx: the struct statx; renameat: the new path
  };

  /// recv: the last one on this TCP connection took all that was there, so that there is probably nothing yet. A back end
  /// may then wait before it tries.
  bool drained = false;

  /// As the system call: a count, a descriptor or 0; a negative errno on failure; -ECANCELED when cancelled.
  std::int32_t result = 0;

  /// Whether it was submitted and not yet delivered.
  [[nodiscard]] bool in_flight() const noexcept { return backend_ != nullptr; }

  /// Asks for an early end. The completion arrives all the same, with -ECANCELED or with the result that was
  /// faster. No effect, and false, if it is not in flight.
  bool cancel(std::string_view message) override;

  void prepare_recv(int descriptor, MutableBytes into) noexcept {
    set(Opcode::recv, descriptor, into.data(), into.size());
  }
  void prepare_send(int descriptor, BytesView from) noexcept {
    set(Opcode::send, descriptor, const_cast<char*>(from.data()), from.size());
  }
  void prepare_read(int descriptor, MutableBytes into, std::int64_t at = -1) noexcept {
    set(Opcode::read, descriptor, into.data(), into.size(), at);
  }
  void prepare_write(int descriptor, BytesView from, std::int64_t at = -1) noexcept {
    set(Opcode::write, descriptor, const_cast<char*>(from.data()), from.size(), at);
  }
  /// `address` (sockaddr_storage) and `room` may be null, else they must live until the completion.
  void prepare_accept(int descriptor, void* address = nullptr, std::uint32_t* room = nullptr) noexcept {
    set(Opcode::accept, descriptor, address, 0);
    address_length = room;
  }
  void prepare_connect(int descriptor, const void* address, std::size_t size) noexcept {
    set(Opcode::connect, descriptor, const_cast<void*>(address), size);
  }
  /// The null-terminated paths of these must live until the completion. `directory` may be AT_FDCWD.
  void prepare_openat(int directory, const char* path, std::uint32_t open_flags, std::uint32_t permissions) noexcept {
    set(Opcode::openat, directory, const_cast<char*>(path), permissions);
    flags = open_flags;
  }
  void prepare_statx(int directory, const char* path, std::uint32_t at_flags, std::uint32_t mask, void* out) noexcept {
    set(Opcode::statx, directory, const_cast<char*>(path), mask);
    flags = at_flags;
    second = out;
  }
  void prepare_mkdirat(int directory, const char* path, std::uint32_t permissions) noexcept {
    set(Opcode::mkdirat, directory, const_cast<char*>(path), permissions);
  }
  void prepare_unlinkat(int directory, const char* path, std::uint32_t at_flags) noexcept {
    set(Opcode::unlinkat, directory, const_cast<char*>(path), 0);
    flags = at_flags;
  }
  void prepare_renameat(int directory, const char* path, const char* new_path) noexcept {
    set(Opcode::renameat, directory, const_cast<char*>(path), 0);
    second = const_cast<char*>(new_path);
  }
  void prepare_close(int descriptor) noexcept { set(Opcode::close, descriptor, nullptr, 0); }
  void prepare_fsync(int descriptor, bool data_only = false) noexcept {
    set(Opcode::fsync, descriptor, nullptr, 0);
    flags = data_only ? 1 : 0;
  }
  void prepare_poll(int descriptor, std::uint32_t events) noexcept {
    set(Opcode::poll, descriptor, nullptr, 0);
    flags = events;
  }

 protected:
  Operation() noexcept = default;
  ~Operation() = default;

 private:
  friend class IoBackend;
  void set(Opcode code, int descriptor, void* memory, std::size_t size, std::int64_t at = -1) noexcept {
    opcode = code;
    fd = descriptor;
    flags = 0;
    buffer = memory;
    length = size;
    offset = at;
    address_length = nullptr;
    drained = false;
    result = 0;
  }

  IoBackend* backend_ = nullptr;

 public:
  /// For the back end alone, while the operation is in flight: its links and its notes.
  struct {
    Operation* next = nullptr;
    Operation* previous = nullptr;
    std::uint32_t state = 0;
    Operation* link = nullptr;  ///< for a queue of the back end's own
  } backend;
};

}  // namespace tutti::lowlevel
