// SPDX-License-Identifier: MIT
// A function and its arguments as bytes, to be called in another process of the same program.
//
// A function is told by its place in the program or library that holds it: the other process runs the same file, so it finds it there,
// wherever the two were loaded. No function needs to be registered, and none needs a name that others can see.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tutti/executors/serialize.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {
namespace detail {

void write_code_address(ByteWriter& out, const void* address);
/// Loads the library if that is not there yet. *Errors*: `SerializationError`, `OSError`.
[[nodiscard]] const void* read_code_address(ByteReader& in);

/// What an argument or result crosses as: a value of its own.
template <class T>
struct Carried {
  using type = T;
};
template <class C, class Traits>
struct Carried<std::basic_string_view<C, Traits>> {
  using type = std::basic_string<C, Traits>;
};
template <>
struct Carried<const char*> {
  using type = std::string;
};
template <class T>
using CarriedT = typename Carried<std::decay_t<T>>::type;

template <class T>
inline constexpr bool is_mutable_reference =
    std::is_lvalue_reference_v<T> && !std::is_const_v<std::remove_reference_t<T>>;

template <class R>
constexpr void check_result() {
  static_assert(!is_coro<R>, "a process function cannot be a coroutine: call tutti::run in it");
  if constexpr (!std::is_void_v<R>) {
    static_assert(Serializable<CarriedT<R>>,
                  "the result cannot cross to another process: see <tutti/executors/serialize.hpp>");
  }
}

/// How `F`, a function object, is called with arguments of these types: it gets a value of its own for each.
template <class F, class... Args>
struct CallTypes {
  static_assert((Serializable<CarriedT<Args>> && ...),
                "an argument cannot cross to another process: see <tutti/executors/serialize.hpp>");
  static_assert(std::is_invocable_v<F&, CarriedT<Args>...>, "the function cannot be called with values of these types");
  static constexpr bool kStateless = std::is_empty_v<F> && std::is_default_constructible_v<F>;
  static_assert(kStateless || (Serializable<F> && std::is_default_constructible_v<F>),
                "a lambda with captures cannot cross to another process: hand over what it needs as arguments");
  using Function = F;
  using Arguments = std::tuple<CarriedT<Args>...>;
  using Result = std::invoke_result_t<F&, CarriedT<Args>...>;

  static void write_function(ByteWriter& out, const F& function) {
    if constexpr (!kStateless) out.write(function);
  }
  static F read_function(ByteReader& in) {
    if constexpr (kStateless) {
      return F();
    } else {
      return in.read<F>();
    }
  }
  static CarriedT<Result> call(F& function, Arguments& arguments) {
    return std::apply([&](auto&... each) { return CarriedT<Result>(function(std::move(each)...)); }, arguments);
  }
};

/// The same of a function: its parameters say what crosses.
template <class R, class... P, class... Args>
struct CallTypes<R (*)(P...), Args...> {
  static_assert(sizeof...(P) == sizeof...(Args), "the function takes another number of arguments");
  static_assert((std::is_convertible_v<Args, CarriedT<P>> && ...), "an argument is of a wrong type");
  static_assert(!(is_mutable_reference<P> || ...),
                "the other process gets a copy: take the argument by value or by const reference");
  static_assert((Serializable<CarriedT<P>> && ...),
                "an argument cannot cross to another process: see <tutti/executors/serialize.hpp>");
  using Function = R (*)(P...);
  using Arguments = std::tuple<CarriedT<P>...>;
  using Result = R;

  static void write_function(ByteWriter& out, Function function) {
    write_code_address(out, reinterpret_cast<const void*>(function));
  }
  static Function read_function(ByteReader& in) {
    return reinterpret_cast<Function>(const_cast<void*>(read_code_address(in)));
  }
  static CarriedT<R> call(Function function, Arguments& arguments) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return CarriedT<R>(function(pass<P>(std::get<I>(arguments))...));
    }(std::index_sequence_for<P...>());
  }

 private:
  template <class Parameter, class T>
  static decltype(auto) pass(T& value) {
    if constexpr (std::is_same_v<std::decay_t<Parameter>, const char*>) {
      return value.c_str();
    } else if constexpr (std::is_same_v<std::decay_t<Parameter>, T>) {
      return std::move(value);
    } else {
      return std::decay_t<Parameter>(value);
    }
  }
};
template <class R, class... P, class... Args>
struct CallTypes<R (*)(P...) noexcept, Args...> : CallTypes<R (*)(P...), Args...> {};

template <class F, class... Args>
using CallTypesOf = CallTypes<std::decay_t<F>, std::decay_t<Args>...>;
template <class F, class... Args>
using ProcessResult = typename CallTypesOf<F, Args...>::Result;

/// What runs in the other process: reads what `write_call` wrote, calls, and writes the result.
using ProcessEntry = void (*)(ByteReader& in, ByteWriter& out);
template <class Types>
void run_call(ByteReader& in, ByteWriter& out) {
  auto function = Types::read_function(in);
  auto arguments = in.read<typename Types::Arguments>();
  in.expect_end();
  if constexpr (std::is_void_v<typename Types::Result>) {
    Types::call(function, arguments);
  } else {
    out.write(Types::call(function, arguments));
  }
}

template <class T, class A>
void write_argument(ByteWriter& out, const A& argument) {
  if constexpr (std::is_same_v<T, A>) {
    out.write(argument);
  } else {
    out.write(static_cast<T>(argument));
  }
}

template <class Types, class F>
void begin_call(ByteWriter& out, ProcessEntry entry, const F& function) {
  check_result<typename Types::Result>();
  write_code_address(out, reinterpret_cast<const void*>(entry));
  Types::write_function(out, function);
}

template <class Types, class F, class... Args>
std::string write_call(const F& function, const Args&... args) {
  ByteWriter out;
  begin_call<Types>(out, &run_call<Types>, function);
  if constexpr (sizeof...(Args) == 0) out.write(char{});  // as an empty tuple is read
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (write_argument<std::tuple_element_t<I, typename Types::Arguments>>(out, args), ...);
  }(std::index_sequence_for<Args...>());
  return std::move(out).bytes();
}

}  // namespace detail

/// A call that another process is to make, without a result: what a pool's `initializer` is. From a function, a lambda without captures or
/// a serializable function object, and arguments: `{.initializer = {connect, "database"}}`.
class ProcessCall {
 public:
  ProcessCall() = default;
  template <class F, class... Args>
    requires(!std::same_as<std::remove_cvref_t<F>, ProcessCall>)
  ProcessCall(F&& function, Args&&... args)  // NOLINT(google-explicit-constructor): a function is a call of it
      : bytes_(detail::write_call<detail::CallTypesOf<F, Args...>>(std::decay_t<F>(function), args...)) {}

  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace tutti
