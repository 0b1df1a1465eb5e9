// SPDX-License-Identifier: MIT
// Values as bytes, to cross from one process to another of the same program.
//
// Out of the box: numbers, bool, enums, std::string, std::chrono, pair, tuple, array, optional, variant, the standard containers that know
// their size, nested as one likes, and each trivially copyable type, byte by byte: it must hold nothing that means something in one
// process only, such as a pointer. A class of one's own lists its members:
//
//   struct Page {
//     std::string url;
//     std::vector<int> links;
//     static constexpr auto serialized_fields = std::tuple(&Page::url, &Page::links);
//   };
//
// or, where it cannot be changed or has secrets, `tutti::Serializer` is specialised for it.
//
// The form is that of the machine and the compiler: no format to be stored, or to be sent to other programs.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <tutti/base/chrono.hpp>
#include <tutti/base/bytes.hpp>
#include <tutti/base/error.hpp>

namespace tutti {

/// Bytes that are not what `ByteReader` expects. *Source*: pickle.UnpicklingError.
class SerializationError : public ValueError {
 public:
  using ValueError::ValueError;
  ~SerializationError() override;
};

class ByteReader;
class ByteWriter;

/// How a type of one's own is written, as one byte at least, and read:
///
///   template <>
///   struct tutti::Serializer<Money> {
///     static void write(ByteWriter& out, const Money& money) { out.write(money.cents()); }
///     static Money read(ByteReader& in) { return Money(in.read<long>()); }
///   };
template <class T>
struct Serializer {};

namespace detail {

template <class T>
concept HasSerializer = requires(ByteWriter& out, ByteReader& in, const T& value) {
  Serializer<T>::write(out, value);
  { Serializer<T>::read(in) } -> std::convertible_to<T>;
};
template <class T>
concept HasFields = requires { std::tuple_size<std::remove_cvref_t<decltype(T::serialized_fields)>>::value; };
template <class T>
concept TupleLike = requires { std::tuple_size<T>::value; };
/// Vectors, lists, sets, maps.
template <class T>
concept Container = requires(T& all, const T& some, typename T::value_type item) {
  { some.size() } -> std::convertible_to<std::size_t>;
  some.begin();
  all.insert(all.end(), std::move(item));
};
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_variant = false;
template <class... Ts>
inline constexpr bool is_variant<std::variant<Ts...>> = true;
/// Refers to memory that it does not own.
template <class T>
inline constexpr bool is_borrowed =
    std::is_pointer_v<T> || std::is_member_pointer_v<T> || std::is_reference_v<T> || std::is_null_pointer_v<T>;
template <class C, class Traits>
inline constexpr bool is_borrowed<std::basic_string_view<C, Traits>> = true;
template <class T, std::size_t N>
inline constexpr bool is_borrowed<std::span<T, N>> = true;

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t N>
inline constexpr bool is_std_array<std::array<T, N>> = true;

/// Written byte by byte.
template <class T>
concept Plain = std::is_trivially_copyable_v<T> && !is_borrowed<T> && !std::is_array_v<T> && !HasSerializer<T> &&
                !HasFields<T> && !TupleLike<T> && !is_optional<T> && !is_variant<T> && !Container<T>;
/// A vector or string whose elements are one block of bytes.
template <class T>
concept Block = requires(T& all, std::size_t size) {
  all.resize(size);
  { all.data() } -> std::same_as<typename T::value_type*>;
} && Plain<typename T::value_type> && std::is_default_constructible_v<typename T::value_type>;

/// What an element of a container is read as: a map's key is not const then.
template <class T>
struct Element {
  using type = T;
};
template <class K, class V>
struct Element<std::pair<const K, V>> {
  using type = std::pair<K, V>;
};

}  // namespace detail

/// A type that `ByteWriter::write` and `ByteReader::read` take.
template <class T>
concept Serializable = std::same_as<T, std::remove_cvref_t<T>> && !detail::is_borrowed<T> &&
                       (detail::HasSerializer<T> || detail::HasFields<T> || detail::TupleLike<T> ||
                        detail::Container<T> || detail::is_optional<T> || detail::is_variant<T> || detail::Plain<T>);

/// Appends values to a string of bytes.
class ByteWriter {
 public:
  template <Serializable T>
  void write(const T& value);
  void write_bytes(const void* data, std::size_t size) { bytes_.append(static_cast<const char*>(data), size); }
  void write_size(std::size_t size) {
    const std::uint64_t fixed = size;
    write_bytes(&fixed, sizeof fixed);
  }

  [[nodiscard]] const std::string& bytes() const& noexcept { return bytes_; }
  [[nodiscard]] std::string bytes() && noexcept { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Takes values from bytes, which must stay alive. *Errors* of all functions: `SerializationError` if there are too few bytes, or they
/// cannot be what is asked for.
class ByteReader {
 public:
  explicit ByteReader(BytesView bytes) noexcept : left_(bytes) {}

  template <Serializable T>
  [[nodiscard]] T read();
  [[nodiscard]] BytesView read_bytes(std::size_t size) {
    if (size > left_.size()) [[unlikely]]
      fail_truncated(size);
    const BytesView bytes = left_.substr(0, size);
    left_.remove_prefix(size);
    return bytes;
  }
  /// A number of things, each of which takes at least `least` bytes.
  [[nodiscard]] std::size_t read_size(std::size_t least = 1) {
    std::uint64_t size = 0;
    std::memcpy(&size, read_bytes(sizeof size).data(), sizeof size);
    if (size > left_.size() / least) [[unlikely]]
      fail_truncated(size);
    return static_cast<std::size_t>(size);
  }
  [[nodiscard]] std::size_t left() const noexcept { return left_.size(); }
  /// *Errors*: also if anything is left.
  void expect_end() const;
  [[noreturn]] static void fail(const std::string& what);

 private:
  [[noreturn]] void fail_truncated(std::uint64_t wanted) const;
  BytesView left_;
};

namespace detail {

template <class T>
T read_plain(ByteReader& in) {
  if constexpr (std::same_as<T, bool>) {
    const char byte = in.read_bytes(1).front();
    if (byte != 0 && byte != 1) ByteReader::fail("a bool that is neither true nor false");
    return byte == 1;
  } else {
    std::array<char, sizeof(T)> bytes{};
    in.read_bytes(sizeof(T)).copy(bytes.data(), sizeof(T));
    return std::bit_cast<T>(bytes);
  }
}

template <class T, std::size_t... I>
void write_tuple(ByteWriter& out, const T& all, std::index_sequence<I...>) {
  if constexpr (sizeof...(I) == 0) out.write(char{});  // each value takes a byte at least
  (out.template write<std::remove_const_t<std::tuple_element_t<I, T>>>(std::get<I>(all)), ...);
}

template <class T, std::size_t... I>
T read_tuple(ByteReader& in, std::index_sequence<I...>) {
  if constexpr (sizeof...(I) == 0) (void)in.read<char>();
  return T{in.template read<std::tuple_element_t<I, T>>()...};
}

template <class T>
void write_container(ByteWriter& out, const T& all) {
  out.write_size(all.size());
  if constexpr (Block<T>) {
    out.write_bytes(all.data(), all.size() * sizeof(typename T::value_type));
  } else {
    using Value = typename T::value_type;
    for (const auto& item : all) {
      if constexpr (std::same_as<Value, typename Element<Value>::type>) {
        out.template write<Value>(item);
      } else {
        write_tuple(out, item, std::make_index_sequence<2>());
      }
    }
  }
}

template <class T>
T read_container(ByteReader& in) {
  using Value = typename T::value_type;
  T all;
  if constexpr (Block<T>) {
    const std::size_t count = in.read_size(sizeof(Value));
    all.resize(count);
    const BytesView bytes = in.read_bytes(count * sizeof(Value));
    if (count != 0) std::memcpy(static_cast<void*>(all.data()), std::to_address(bytes.begin()), bytes.size());
  } else {
    const std::size_t count = in.read_size();
    if constexpr (requires { all.reserve(count); }) all.reserve(count);
    for (std::size_t i = 0; i < count; ++i) all.insert(all.end(), in.template read<typename Element<Value>::type>());
  }
  return all;
}

template <class T>
concept PlainArray = is_std_array<T> && Plain<typename T::value_type> && (std::tuple_size_v<T> > 0);

template <class T>
void write_fields(ByteWriter& out, const T& object) {
  out.write(char{});
  std::apply([&](auto... field) { (out.write(object.*field), ...); }, T::serialized_fields);
}

template <class T>
T read_fields(ByteReader& in) {
  (void)in.read<char>();
  T object{};
  std::apply(
      [&](auto... field) { ((object.*field = in.template read<std::remove_cvref_t<decltype(object.*field)>>()), ...); },
      T::serialized_fields);
  return object;
}

template <class T, std::size_t I = 0>
T read_alternative(ByteReader& in, std::size_t index) {
  if constexpr (I < std::variant_size_v<T>) {
    if (index == I) return T(std::in_place_index<I>, in.template read<std::variant_alternative_t<I, T>>());
    return read_alternative<T, I + 1>(in, index);
  } else {
    ByteReader::fail("a variant without such an alternative");
  }
}

}  // namespace detail

template <Serializable T>
void ByteWriter::write(const T& value) {
  if constexpr (detail::HasSerializer<T>) {
    Serializer<T>::write(*this, value);
  } else if constexpr (detail::HasFields<T>) {
    detail::write_fields(*this, value);
  } else if constexpr (detail::PlainArray<T>) {
    write_bytes(value.data(), sizeof value);
  } else if constexpr (detail::TupleLike<T>) {
    detail::write_tuple(*this, value, std::make_index_sequence<std::tuple_size_v<T>>());
  } else if constexpr (detail::is_optional<T>) {
    write(value.has_value());
    if (value) write(*value);
  } else if constexpr (detail::is_variant<T>) {
    if (value.valueless_by_exception()) throw SerializationError("a variant without a value cannot be written");
    write(static_cast<std::uint32_t>(value.index()));
    std::visit([this](const auto& alternative) { this->write(alternative); }, value);
  } else if constexpr (detail::Container<T>) {
    detail::write_container(*this, value);
  } else {
    write_bytes(&value, sizeof value);
  }
}

template <Serializable T>
T ByteReader::read() {
  if constexpr (detail::HasSerializer<T>) {
    return Serializer<T>::read(*this);
  } else if constexpr (detail::HasFields<T>) {
    return detail::read_fields<T>(*this);
  } else if constexpr (detail::TupleLike<T> && !detail::PlainArray<T>) {
    return detail::read_tuple<T>(*this, std::make_index_sequence<std::tuple_size_v<T>>());
  } else if constexpr (detail::is_optional<T>) {
    return read<bool>() ? T(read<typename T::value_type>()) : T();
  } else if constexpr (detail::is_variant<T>) {
    return detail::read_alternative<T>(*this, read<std::uint32_t>());
  } else if constexpr (detail::Container<T>) {
    return detail::read_container<T>(*this);
  } else {
    return detail::read_plain<T>(*this);
  }
}

}  // namespace tutti
