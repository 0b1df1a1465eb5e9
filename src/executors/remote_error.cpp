// SPDX-License-Identifier: MIT
#include "executors/remote_error.hpp"

#include <array>
#include <future>
#include <iterator>
#include <new>
#include <stdexcept>
#include <system_error>
#include <typeinfo>

#include <tutti/base/error.hpp>
#include <tutti/base/exception_group.hpp>
#include <tutti/executors/process_pool.hpp>
#include <tutti/sync/errors.hpp>
#include <tutti/task/thread_pool.hpp>

namespace tutti::detail {
namespace {

/// A type of exceptions that crosses as what it is. Its number is its place in the table, which is the same in each process.
struct Kind {
  const std::type_info& type;
  void (*write)(ByteWriter& out, const void* error);
  std::exception_ptr (*read)(ByteReader& in);
};

// ---- made of a message ----

template <class Error>
std::string message_of(const Error& error) {
  if constexpr (std::is_base_of_v<BaseException, Error>) {
    return error.message();
  } else {
    return error.what();
  }
}

template <class Error>
constexpr Kind with_message() {
  return {typeid(Error),
          [](ByteWriter& out, const void* error) { out.write(message_of(*static_cast<const Error*>(error))); },
          [](ByteReader& in) { return std::make_exception_ptr(Error(in.read<std::string>())); }};
}

// ---- without one ----

template <class Error>
constexpr Kind without_message() {
  return {typeid(Error), [](ByteWriter&, const void*) {}, [](ByteReader&) { return std::make_exception_ptr(Error()); }};
}

// ---- with an error code: of the two categories that mean the same everywhere ----

void write_code(ByteWriter& out, const std::error_code& code) {
  out.write(code.category() == std::generic_category());
  out.write(code.value());
}
std::error_code read_code(ByteReader& in) {
  const bool generic = in.read<bool>();
  const int value = in.read<int>();
  return {value, generic ? std::generic_category() : std::system_category()};
}

template <class Error>
constexpr Kind os_error() {
  return {typeid(Error),
          [](ByteWriter& out, const void* object) {
            const auto& error = *static_cast<const Error*>(object);
            write_code(out, error.code());
            out.write(std::string(error.what()));
          },
          [](ByteReader& in) {
            const std::error_code code = read_code(in);
            return std::make_exception_ptr(Error(code, in.read<std::string>()));
          }};
}

void write_system_error(ByteWriter& out, const void* object) {
  const auto& error = *static_cast<const std::system_error*>(object);
  write_code(out, error.code());
  // what() is "text: message of the code"; the text alone makes the same one again.
  std::string text = error.what();
  const std::string reason = ": " + error.code().message();
  if (text.size() >= reason.size() && text.compare(text.size() - reason.size(), reason.size(), reason) == 0) {
    text.resize(text.size() - reason.size());
  }
  out.write(text);
}
std::exception_ptr read_system_error(ByteReader& in) {
  const std::error_code code = read_code(in);
  return std::make_exception_ptr(std::system_error(code, in.read<std::string>()));
}

// ---- with parts of their own ----

void write_incomplete_read(ByteWriter& out, const void* object) {
  const auto& error = *static_cast<const IncompleteReadError*>(object);
  out.write(error.partial());
  out.write(error.expected());
}
std::exception_ptr read_incomplete_read(ByteReader& in) {
  auto partial = in.read<std::string>();
  return std::make_exception_ptr(IncompleteReadError(std::move(partial), in.read<std::size_t>()));
}

void write_limit_overrun(ByteWriter& out, const void* object) {
  const auto& error = *static_cast<const LimitOverrunError*>(object);
  out.write(std::string(error.what()));
  out.write(error.consumed());
}
std::exception_ptr read_limit_overrun(ByteReader& in) {
  const auto message = in.read<std::string>();
  return std::make_exception_ptr(LimitOverrunError(message, in.read<std::size_t>()));
}

void write_system_exit(ByteWriter& out, const void* error) { out.write(static_cast<const SystemExit*>(error)->code()); }
std::exception_ptr read_system_exit(ByteReader& in) { return std::make_exception_ptr(SystemExit(in.read<int>())); }

template <class Group>
constexpr Kind group() {
  return {typeid(Group),
          [](ByteWriter& out, const void* object) {
            const ExceptionGroupContents& contents = *static_cast<const Group*>(object);
            out.write(contents.message());
            out.write_size(contents.exceptions().size());
            for (const std::exception_ptr& error : contents.exceptions()) write_exception(out, error);
          },
          [](ByteReader& in) {
            auto message = in.read<std::string>();
            std::vector<std::exception_ptr> errors(in.read_size());
            for (std::exception_ptr& error : errors) error = read_exception(in);
            return std::make_exception_ptr(Group(std::move(message), std::move(errors)));
          }};
}

constexpr Kind kKinds[] = {
    with_message<RuntimeError>(),
    with_message<InvalidStateError>(),
    with_message<ValueError>(),
    with_message<SerializationError>(),
    with_message<EOFError>(),
    {typeid(IncompleteReadError), &write_incomplete_read, &read_incomplete_read},
    {typeid(LimitOverrunError), &write_limit_overrun, &read_limit_overrun},
    with_message<BrokenBarrierError>(),
    without_message<QueueEmpty>(),
    without_message<QueueFull>(),
    without_message<QueueShutDown>(),
    with_message<WouldBlock>(),
    with_message<ClosedResourceError>(),
    with_message<BrokenResourceError>(),
    with_message<EndOfChannel>(),
    with_message<BrokenExecutor>(),
    with_message<BrokenThreadPool>(),
    with_message<BrokenProcessPool>(),
    os_error<OSError>(),
    with_message<TimeoutError>(),
    os_error<FileNotFoundError>(),
    os_error<ProcessLookupError>(),
    os_error<FileExistsError>(),
    os_error<IsADirectoryError>(),
    os_error<NotADirectoryError>(),
    os_error<PermissionError>(),
    os_error<AddressLookupError>(),
    os_error<ConnectionError>(),
    os_error<BrokenPipeError>(),
    os_error<ConnectionAbortedError>(),
    os_error<ConnectionRefusedError>(),
    os_error<ConnectionResetError>(),
    with_message<BaseException>(),
    with_message<CancelledError>(),
    with_message<GeneratorExit>(),
    with_message<KeyboardInterrupt>(),
    {typeid(SystemExit), &write_system_exit, &read_system_exit},
    group<ExceptionGroup>(),
    group<BaseExceptionGroup>(),
    {typeid(std::system_error), &write_system_error, &read_system_error},
    with_message<std::runtime_error>(),
    with_message<std::range_error>(),
    with_message<std::overflow_error>(),
    with_message<std::underflow_error>(),
    with_message<std::logic_error>(),
    with_message<std::invalid_argument>(),
    with_message<std::domain_error>(),
    with_message<std::length_error>(),
    with_message<std::out_of_range>(),
    without_message<std::bad_alloc>(),
    without_message<std::bad_cast>(),
    without_message<std::bad_typeid>(),
    without_message<std::bad_optional_access>(),
    without_message<std::bad_variant_access>(),
    without_message<std::bad_function_call>(),
    without_message<std::exception>(),
};
constexpr std::uint32_t kRuntimeError = 0;

/// `object` is the complete exception, of the type `type`.
bool write_known(ByteWriter& out, const std::type_info& type, const void* object) {
  for (std::uint32_t number = 0; number < std::size(kKinds); ++number) {
    if (kKinds[number].type != type) continue;
    out.write(number);
    kKinds[number].write(out, object);
    return true;
  }
  return false;
}

}  // namespace

void write_exception(ByteWriter& out, const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    if (write_known(out, typeid(known), dynamic_cast<const void*>(&known))) return;
  } catch (const BaseException& known) {
    if (write_known(out, typeid(known), dynamic_cast<const void*>(&known))) return;
  } catch (...) {  // no exception type at all
  }
  out.write(kRuntimeError);
  out.write(describe(error));
}

std::exception_ptr read_exception(ByteReader& in) {
  const auto number = in.read<std::uint32_t>();
  if (number >= std::size(kKinds)) ByteReader::fail("an exception of no known kind");
  return kKinds[number].read(in);
}

}  // namespace tutti::detail
