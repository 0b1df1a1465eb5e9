// SPDX-License-Identifier: MIT
// The errors of Tutti, with Python's names.
//
//   BaseException                       not a std::exception: `catch (const std::exception&)` lets it pass
//   ├── CancelledError                  a task was cancelled
//   ├── GeneratorExit                   an async generator is being closed
//   ├── KeyboardInterrupt               Ctrl-C
//   └── SystemExit
//   std::exception
//   ├── std::runtime_error
//   │   ├── RuntimeError                an operation in a wrong state
//   │   │   ├── InvalidStateError       a future that is not, or already, done
//   │   │   ├── BrokenBarrierError      (sync/errors.hpp) a barrier that was aborted or reset
//   │   │   ├── BusyResourceError       (sync/errors.hpp) two tasks at once where one is allowed
//   │   │   ├── NotImplementedError     (net/transports.hpp) what this kind of transport cannot do
//   │   │   ├── SendfileNotAvailableError            (net/sock.hpp)
//   │   │   └── BrokenExecutor          (task/executor.hpp)
//   │   │       └── BrokenThreadPool, BrokenProcessPool
//   │   ├── QueueEmpty, QueueFull, QueueShutDown     (sync/errors.hpp)
//   │   └── WouldBlock, ClosedResourceError, BrokenResourceError, EndOfChannel     (sync/errors.hpp) memory channels
//   ├── std::invalid_argument
//   │   └── ValueError                  an argument with a wrong value
//   ├── CalledProcessError              (process/subprocess.hpp) a program failed
//   ├── EOFError
//   │   └── IncompleteReadError         the stream ended inside the expected data
//   ├── LimitOverrunError               the separator did not come within the limit
//   └── std::system_error
//       └── OSError                     a system call failed; `code()` is its errno
//           ├── TimeoutError            (ETIMEDOUT, and each timeout of the library)
//           ├── FileNotFoundError       (ENOENT)
//           ├── FileExistsError         (EEXIST)
//           ├── IsADirectoryError       (EISDIR)
//           ├── NotADirectoryError      (ENOTDIR)
//           ├── PermissionError         (EACCES, EPERM)
//           ├── ProcessLookupError      (ESRCH)
//           ├── AddressLookupError      a host name does not resolve (socket.gaierror)
//           ├── UnsupportedOperation    (fs/file.hpp) a file was opened in another mode
//           ├── SSLError                (io/ssl.hpp) TLS failed
//           │   ├── SSLCertVerificationError   the peer is not who it should be
//           │   └── SSLEOFError                the connection ended without a word
//           └── ConnectionError
//               ├── BrokenPipeError           (EPIPE, ESHUTDOWN)
//               ├── ConnectionAbortedError    (ECONNABORTED)
//               ├── ConnectionRefusedError    (ECONNREFUSED)
//               └── ConnectionResetError      (ECONNRESET)
#pragma once

#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace tutti {

/// What is not an error of the program but a request to leave it: Python's `BaseException`.
class BaseException {
 public:
  explicit BaseException(std::string message = {}) : message_(std::move(message)) {}
  BaseException(const BaseException&) = default;
  BaseException& operator=(const BaseException&) = default;
  virtual ~BaseException();

  /// The name of the type, as in Python.
  [[nodiscard]] virtual std::string_view type_name() const noexcept { return "BaseException"; }
  /// The message given when it was made; empty if none was.
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] const char* what() const noexcept { return message_.c_str(); }

 private:
  std::string message_;
};

/// Thrown at the innermost await of a task that was cancelled; `message()` is what `cancel()` was given.
class CancelledError : public BaseException {
 public:
  using BaseException::BaseException;
  ~CancelledError() override;
  [[nodiscard]] std::string_view type_name() const noexcept override { return "CancelledError"; }
};

/// Thrown at the `co_yield` of an async generator that is closed before its end.
class GeneratorExit : public BaseException {
 public:
  using BaseException::BaseException;
  ~GeneratorExit() override;
  [[nodiscard]] std::string_view type_name() const noexcept override { return "GeneratorExit"; }
};

/// Ctrl-C; leaves `run()` at once when it leaves a task.
class KeyboardInterrupt : public BaseException {
 public:
  using BaseException::BaseException;
  ~KeyboardInterrupt() override;
  [[nodiscard]] std::string_view type_name() const noexcept override { return "KeyboardInterrupt"; }
};

/// Asks the program to end with `code()`; leaves `run()` at once when it leaves a task.
class SystemExit : public BaseException {
 public:
  explicit SystemExit(int code = 0) : BaseException(std::to_string(code)), code_(code) {}
  ~SystemExit() override;
  [[nodiscard]] std::string_view type_name() const noexcept override { return "SystemExit"; }
  [[nodiscard]] int code() const noexcept { return code_; }

 private:
  int code_;
};

/// An operation that the object's present state does not allow.
class RuntimeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~RuntimeError() override;
};

/// A future's result was set twice, or asked for before it was there.
class InvalidStateError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
  ~InvalidStateError() override;
};

/// An argument that has a right type and a wrong value.
class ValueError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
  ~ValueError() override;
};

/// The input ended where more was expected.
class EOFError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~EOFError() override;
};

/// The stream ended before the expected bytes came; nothing that was read is lost.
class IncompleteReadError : public EOFError {
 public:
  /// `expected` is 0 when it was not a number of bytes but a separator that did not come.
  IncompleteReadError(std::string partial, std::size_t expected);
  ~IncompleteReadError() override;
  /// What came before the end.
  [[nodiscard]] const std::string& partial() const noexcept { return partial_; }
  [[nodiscard]] std::size_t expected() const noexcept { return expected_; }

 private:
  std::string partial_;
  std::size_t expected_;
};

/// The separator was not found within the reader's limit; the data stays in the reader's buffer.
class LimitOverrunError : public std::runtime_error {
 public:
  LimitOverrunError(const std::string& message, std::size_t consumed)
      : std::runtime_error(message), consumed_(consumed) {}
  ~LimitOverrunError() override;
  /// How many bytes of the buffer are sure not to hold the separator.
  [[nodiscard]] std::size_t consumed() const noexcept { return consumed_; }

 private:
  std::size_t consumed_;
};

/// A system call failed. `what()` is "operation object: reason", for example
/// `connect 127.0.0.1:81: connection refused`.
class OSError : public std::system_error {
 public:
  /// `context` says operation and object; the reason comes from the code.
  OSError(int error_number, const std::string& context);
  /// `message` is the whole text of `what()`.
  OSError(std::error_code code, std::string message);
  ~OSError() override;
  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }
  [[nodiscard]] int error_number() const noexcept { return code().value(); }

 private:
  std::string what_;
};

/// Something took longer than it was allowed to.
class TimeoutError : public OSError {
 public:
  /// `message` is the whole text of `what()`.
  explicit TimeoutError(std::string message = "timed out");
  ~TimeoutError() override;
};

#define TUTTI_OS_ERROR(Name, Base) \
  class Name : public Base {       \
   public:                         \
    using Base::Base;              \
    ~Name() override;              \
  }
TUTTI_OS_ERROR(FileNotFoundError, OSError);
TUTTI_OS_ERROR(FileExistsError, OSError);
TUTTI_OS_ERROR(IsADirectoryError, OSError);
TUTTI_OS_ERROR(NotADirectoryError, OSError);
TUTTI_OS_ERROR(PermissionError, OSError);
TUTTI_OS_ERROR(ProcessLookupError, OSError);
TUTTI_OS_ERROR(AddressLookupError, OSError);
TUTTI_OS_ERROR(ConnectionError, OSError);
TUTTI_OS_ERROR(BrokenPipeError, ConnectionError);
TUTTI_OS_ERROR(ConnectionAbortedError, ConnectionError);
TUTTI_OS_ERROR(ConnectionRefusedError, ConnectionError);
TUTTI_OS_ERROR(ConnectionResetError, ConnectionError);
#undef TUTTI_OS_ERROR

/// Throws the type of the tree that stands for `error_number`, with "`context`: reason" as its text.
[[noreturn]] void throw_os_error(int error_number, const std::string& context);

/// The same as a value, to be thrown later.
[[nodiscard]] std::exception_ptr make_os_error(int error_number, const std::string& context);

/// "TypeName: message" of any exception, for reports.
[[nodiscard]] std::string describe(const std::exception_ptr& error);

/// Whether `error` holds a `CancelledError`; cheap where it does.
[[nodiscard]] bool is_cancelled(const std::exception_ptr& error) noexcept;

/// Whether `error` asks the program to end: `KeyboardInterrupt` or `SystemExit`.
[[nodiscard]] bool leaves_loop(const std::exception_ptr& error) noexcept;

/// Whether `error` holds an `Error`.
template <class Error>
[[nodiscard]] bool holds(const std::exception_ptr& error) {
  if (!error) return false;
  try {
    std::rethrow_exception(error);
  } catch (const Error&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace tutti
