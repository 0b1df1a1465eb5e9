// SPDX-License-Identifier: MIT
#include <tutti/base/error.hpp>

#include <cerrno>
#include <cctype>
#include <cstdlib>
#include <cxxabi.h>
#include <memory>
#include <typeinfo>

namespace tutti {

// The destructors stand here so that each type has its vtable and type information in the library.
BaseException::~BaseException() = default;
CancelledError::~CancelledError() = default;
GeneratorExit::~GeneratorExit() = default;
KeyboardInterrupt::~KeyboardInterrupt() = default;
SystemExit::~SystemExit() = default;
RuntimeError::~RuntimeError() = default;
InvalidStateError::~InvalidStateError() = default;
ValueError::~ValueError() = default;
EOFError::~EOFError() = default;
IncompleteReadError::~IncompleteReadError() = default;
LimitOverrunError::~LimitOverrunError() = default;
OSError::~OSError() = default;
TimeoutError::~TimeoutError() = default;
FileNotFoundError::~FileNotFoundError() = default;
FileExistsError::~FileExistsError() = default;
IsADirectoryError::~IsADirectoryError() = default;
NotADirectoryError::~NotADirectoryError() = default;
PermissionError::~PermissionError() = default;
ProcessLookupError::~ProcessLookupError() = default;
AddressLookupError::~AddressLookupError() = default;
ConnectionError::~ConnectionError() = default;
BrokenPipeError::~BrokenPipeError() = default;
ConnectionAbortedError::~ConnectionAbortedError() = default;
ConnectionRefusedError::~ConnectionRefusedError() = default;
ConnectionResetError::~ConnectionResetError() = default;

namespace {

// The system says "Connection refused"; after a colon the sentence goes on in lower case.
std::string reason(int error_number) {
  std::string text = std::generic_category().message(error_number);
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

std::string expectation(std::size_t got, std::size_t expected) {
  return std::to_string(got) + " bytes read before the end of the stream" +
         (expected == 0 ? std::string(", the separator did not come") : ", " + std::to_string(expected) + " expected");
}

template <class Visitor>
auto with_os_error(int error_number, const std::string& context, Visitor visit) {
  switch (error_number) {
    case ETIMEDOUT: return visit(TimeoutError(context + ": " + reason(error_number)));
    case ENOENT: return visit(FileNotFoundError(error_number, context));
    case EEXIST: return visit(FileExistsError(error_number, context));
    case EISDIR: return visit(IsADirectoryError(error_number, context));
    case ENOTDIR: return visit(NotADirectoryError(error_number, context));
    case EACCES:
    case EPERM: return visit(PermissionError(error_number, context));
    case ESRCH: return visit(ProcessLookupError(error_number, context));
    case EPIPE:
    case ESHUTDOWN: return visit(BrokenPipeError(error_number, context));
    case ECONNABORTED: return visit(ConnectionAbortedError(error_number, context));
    case ECONNREFUSED: return visit(ConnectionRefusedError(error_number, context));
    case ECONNRESET: return visit(ConnectionResetError(error_number, context));
    default: return visit(OSError(error_number, context));
  }
}

std::string demangled(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status),
                                                         &std::free);
  std::string text = status == 0 && name ? name.get() : type.name();
  // What libstdc++'s std::throw_with_nested throws derives from the type that was meant.
  constexpr std::string_view nested = "std::_Nested_exception<";
  if (text.starts_with(nested) && text.ends_with('>'))
    text = text.substr(nested.size(), text.size() - nested.size() - 1);
  constexpr std::string_view own = "tutti::";
  return text.starts_with(own) ? text.substr(own.size()) : text;
}

}  // namespace

IncompleteReadError::IncompleteReadError(std::string partial, std::size_t expected)
    : EOFError(expectation(partial.size(), expected)), partial_(std::move(partial)), expected_(expected) {}

OSError::OSError(int error_number, const std::string& context)
    : std::system_error(error_number, std::generic_category()), what_(context + ": " + reason(error_number)) {}

OSError::OSError(std::error_code code, std::string message) : std::system_error(code), what_(std::move(message)) {}

TimeoutError::TimeoutError(std::string message)
    : OSError(std::make_error_code(std::errc::timed_out), std::move(message)) {}

void throw_os_error(int error_number, const std::string& context) {
  with_os_error(error_number, context, [](const auto& error) { throw error; });
  std::abort();
}

std::exception_ptr make_os_error(int error_number, const std::string& context) {
  return with_os_error(error_number, context, [](const auto& error) { return std::make_exception_ptr(error); });
}

bool is_cancelled(const std::exception_ptr& error) noexcept {
  if (!error) return false;
  // Throwing again to look costs a microsecond, and this type is nearly always exactly that.
  const std::type_info& type = *error.__cxa_exception_type();
  if (type == typeid(CancelledError)) return true;
  if (type == typeid(std::runtime_error) || type == typeid(RuntimeError) || type == typeid(OSError)) return false;
  return holds<CancelledError>(error);
}

bool leaves_loop(const std::exception_ptr& error) noexcept {
  if (!error) return false;
  const std::type_info& type = *error.__cxa_exception_type();
  if (type == typeid(CancelledError) || type == typeid(std::runtime_error)) return false;
  return holds<KeyboardInterrupt>(error) || holds<SystemExit>(error);
}

std::string describe(const std::exception_ptr& error) {
  if (!error) return "no exception";
  try {
    std::rethrow_exception(error);
  } catch (const BaseException& e) {
    return std::string(e.type_name()) + (e.message().empty() ? "" : ": " + e.message());
  } catch (const std::exception& e) {
    return demangled(typeid(e)) + ": " + e.what();
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return type != nullptr ? demangled(*type) : "unknown exception";
  }
}

}  // namespace tutti
