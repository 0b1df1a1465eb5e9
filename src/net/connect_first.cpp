// SPDX-License-Identifier: MIT
#include "connect_first.hpp"

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include <tutti/base/error.hpp>
#include <tutti/base/exception_group.hpp>
#include <tutti/task/staggered.hpp>

#include "socket.hpp"

namespace tutti::detail {
namespace {

/// Connects one socket. *Errors*: `OSError`.
Coro<Ref<Connection>> connect_one(const Address& address, const ConnectOptions& options) {
  const std::string context = "connect " + address.to_string();
  Fd socket = make_socket(address, context);
  if (options.local_address) bind_socket(socket, *options.local_address, "bind " + options.local_address->to_string());
  EventLoop& loop = get_running_loop();
  struct Forget {  // a socket that failed, before it closes
    EventLoop& owner;
    const Fd& socket;
    ~Forget() {
      if (socket) owner.backend().forget(socket.get());
    }
  } const forget{loop, socket};
  OperationAwaiter operation;
  operation.prepare_connect(socket.get(), address.data(), address.size());
  const int result = co_await operation;
  if (result != 0) throw_os_error(-result, context);
  disable_nagle(socket, address);
  co_return Ref<Connection>::adopt(new Connection(loop, std::move(socket), address, nullptr));
}

Coro<Ref<Connection>> connect_in_turn(const std::vector<Address>& addresses, const ConnectOptions& options,
                                      std::vector<std::exception_ptr>& errors) {
  for (const Address& address : addresses) {
    try {
      co_return co_await connect_one(address, options);
    } catch (const OSError&) {
      errors.push_back(std::current_exception());
    }
  }
  co_return nullptr;
}

Coro<Ref<Connection>> connect_staggered(const std::vector<Address>& addresses, const ConnectOptions& options,
                                        std::vector<std::exception_ptr>& errors) {
  const auto contender = [&options](const Address& address) {
    return [&options, &address] { return connect_one(address, options); };
  };
  std::vector<decltype(contender(addresses.front()))> contenders;
  contenders.reserve(addresses.size());
  for (const Address& address : addresses) contenders.push_back(contender(address));
  auto outcome = co_await staggered_race(std::move(contenders), options.happy_eyeballs_delay);
  errors = std::move(outcome.exceptions);
  co_return outcome.result ? std::move(*outcome.result) : nullptr;
}

struct Failure {
  int number = 0;
  std::string text;

  explicit Failure(const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const OSError& failure) {
      number = failure.error_number();
      text = failure.what();
    }
  }
};

/// "connect localhost:81 (127.0.0.1:81, [::1]:81): connection refused"
[[noreturn]] void throw_failures(const std::string& name, const std::vector<Address>& addresses,
                                 const std::vector<std::exception_ptr>& errors) {
  std::vector<Failure> failures;
  failures.reserve(errors.size());
  for (const std::exception_ptr& error : errors) failures.emplace_back(error);
  const auto refused = [&](const Failure& failure) {
    return failure.number == failures.front().number && failure.text.starts_with("connect ");
  };
  if (failures.size() == addresses.size() && std::all_of(failures.begin(), failures.end(), refused)) {
    std::string tried;
    for (const Address& address : addresses) tried += (tried.empty() ? "" : ", ") + address.to_string();
    throw_os_error(failures.front().number, "connect " + (tried == name ? name : name + " (" + tried + ")"));
  }
  if (errors.size() == 1) std::rethrow_exception(errors.front());
  std::string text;
  for (const Failure& failure : failures) text += (text.empty() ? "connect " + name + ": " : "; ") + failure.text;
  throw OSError(std::error_code(failures.back().number, std::generic_category()), text);
}

}  // namespace

std::vector<Address> interleave_families(std::vector<Address> addresses, std::size_t first) {
  std::vector<Address> favoured;
  std::vector<Address> others;
  for (const Address& address : addresses) {
    (address.family() == addresses.front().family() ? favoured : others).push_back(address);
  }
  addresses.clear();
  std::size_t f = 0;
  std::size_t o = 0;
  while (f < favoured.size() || o < others.size()) {
    if (f < favoured.size()) addresses.push_back(favoured[f++]);
    if (f >= std::min(first, favoured.size()) && o < others.size()) addresses.push_back(others[o++]);
  }
  return addresses;
}

Coro<Ref<Connection>> connect_first(std::vector<Address> addresses, std::string name, ConnectOptions options) {
  const bool staggered = options.happy_eyeballs_delay.has_value();
  const std::size_t first = options.interleave.value_or(staggered ? 1 : 0);
  if (first != 0) addresses = interleave_families(std::move(addresses), first);
  std::vector<std::exception_ptr> errors;
  Ref<Connection> connection;
  if (staggered && addresses.size() > 1) {
    connection = co_await connect_staggered(addresses, options, errors);
  } else {
    connection = co_await connect_in_turn(addresses, options, errors);
  }
  if (connection) co_return std::move(connection);
  // Whoever cancels an attempt from outside, and not us, has not cancelled us: CPython's TimeoutError.
  std::erase_if(errors, [](const std::exception_ptr& error) { return holds<CancelledError>(error); });
  if (errors.empty()) throw TimeoutError("connect " + name + ": every attempt was cancelled");
  if (options.all_errors) throw ExceptionGroup("connect " + name, std::move(errors));
  throw_failures(name, addresses, errors);
}

}  // namespace tutti::detail
