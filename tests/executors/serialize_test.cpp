// SPDX-License-Identifier: MIT
// Values that cross to another process, and bytes that are not what they should be.
#include <tutti/executors/serialize.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace tests {

struct Point {
  int x;
  double y;
  friend bool operator==(const Point&, const Point&) = default;
};

struct Tree {
  std::string name;
  std::vector<Tree> children;
  static constexpr auto serialized_fields = std::tuple(&Tree::name, &Tree::children);
  friend bool operator==(const Tree&, const Tree&) = default;
};

/// Has no default, and keeps its number to itself.
class Money {
 public:
  explicit Money(long cents) : cents_(cents) {}
  [[nodiscard]] long cents() const { return cents_; }
  friend bool operator==(const Money&, const Money&) = default;

 private:
  long cents_;
};

}  // namespace tests

template <>
struct tutti::Serializer<tests::Money> {
  static void write(ByteWriter& out, const tests::Money& money) { out.write(money.cents()); }
  static tests::Money read(ByteReader& in) { return tests::Money(in.read<long>()); }
};

namespace {

using tests::Money;
using tests::Point;
using tests::Tree;
using tutti::ByteReader;
using tutti::ByteWriter;
using tutti::SerializationError;

template <class T>
std::string bytes_of(const T& value) {
  ByteWriter out;
  out.write(value);
  return std::move(out).bytes();
}

template <class T>
T copy_of(const T& value) {
  const std::string bytes = bytes_of(value);
  ByteReader in(bytes);
  T copy = in.read<T>();
  in.expect_end();
  return copy;
}

template <class T>
void expect_same(const T& value) {
  EXPECT_EQ(copy_of(value), value);
}

TEST(Serialize, KeepsNumbersEnumsAndText) {
  expect_same(0);
  expect_same(std::numeric_limits<long>::min());
  expect_same(1.5);
  expect_same(true);
  expect_same('c');
  enum class Colour : std::uint8_t { red = 1, blue = 200 };
  expect_same(Colour::blue);
  expect_same(std::string());
  expect_same(std::string("a\0b", 3));
  expect_same(std::u32string(U"täxt"));
  expect_same(std::chrono::milliseconds(7));
  expect_same(Point{3, 0.25});
}

TEST(Serialize, KeepsPairsTuplesArraysOptionalsAndVariants) {
  expect_same(std::pair<std::string, int>("a", 1));
  expect_same(std::tuple<>());
  expect_same(std::tuple<int, std::string, Point>(1, "two", Point{3, 4}));
  expect_same(std::array<int, 4>{1, 2, 3, 4});
  expect_same(std::array<std::string, 2>{"a", "b"});
  expect_same(std::array<int, 0>{});
  expect_same(std::optional<std::string>());
  expect_same(std::optional<std::string>("here"));
  using Either = std::variant<std::monostate, int, std::string>;
  expect_same(Either());
  expect_same(Either(7));
  expect_same(Either("seven"));
}

TEST(Serialize, KeepsContainers) {
  expect_same(std::vector<int>{1, 2, 3});
  expect_same(std::vector<int>());
  expect_same(std::vector<bool>{true, false, true});
  expect_same(std::vector<std::string>{"a", "", "c"});
  expect_same(std::vector<std::vector<Point>>{{{1, 2}}, {}});
  expect_same(std::vector<std::tuple<>>(3));
  expect_same(std::deque<int>{1, 2});
  expect_same(std::list<std::string>{"x", "y"});
  expect_same(std::set<int>{3, 1, 2});
  expect_same(std::multiset<int>{1, 1});
  expect_same(std::unordered_set<std::string>{"a", "b"});
  expect_same(std::map<std::string, std::vector<int>>{{"one", {1}}, {"none", {}}});
  expect_same(std::multimap<int, int>{{1, 2}, {1, 3}});
  expect_same(std::unordered_map<int, std::string>{{1, "a"}, {2, "b"}});
}

TEST(Serialize, KeepsTypesOfOnesOwn) {
  expect_same(Tree{"root", {{"left", {}}, {"right", {{"leaf", {}}}}}});
  expect_same(Money(1234));
  expect_same(std::vector<Money>{Money(1), Money(2)});
  expect_same(std::optional<Money>(Money(3)));
}

template <class T>
void expect_no_prefix_is_read(const T& value) {
  const std::string bytes = bytes_of(value);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteReader in(std::string_view(bytes).substr(0, size));
    EXPECT_THROW((void)in.read<T>(), SerializationError) << size << " of " << bytes.size();
  }
}

TEST(Deserialize, RefusesTooFewBytes) {
  expect_no_prefix_is_read(7);
  expect_no_prefix_is_read(std::string("text"));
  expect_no_prefix_is_read(std::vector<int>{1, 2});
  expect_no_prefix_is_read(std::map<std::string, int>{{"a", 1}});
  expect_no_prefix_is_read(Tree{"root", {{"left", {}}}});
  expect_no_prefix_is_read(std::variant<int, std::string>("text"));
  expect_no_prefix_is_read(std::optional<Point>(Point{1, 2}));
  expect_no_prefix_is_read(std::tuple<>());
}

TEST(Deserialize, RefusesAContainerThatIsLargerThanWhatThereIs) {
  ByteWriter out;
  out.write_size(std::numeric_limits<std::uint64_t>::max());
  out.write(1);
  EXPECT_THROW((void)ByteReader(out.bytes()).read<std::vector<int>>(), SerializationError);
  EXPECT_THROW((void)ByteReader(out.bytes()).read<std::string>(), SerializationError);
  EXPECT_THROW((void)ByteReader(out.bytes()).read<std::vector<std::string>>(), SerializationError);
  EXPECT_THROW((void)ByteReader(out.bytes()).read<std::set<int>>(), SerializationError);
}

TEST(Deserialize, RefusesWhatCannotBe) {
  EXPECT_THROW((void)ByteReader("\2").read<bool>(), SerializationError);
  EXPECT_THROW((void)ByteReader("\2").read<std::optional<int>>(), SerializationError);
  const std::string no_alternative = bytes_of(std::uint32_t{2});
  EXPECT_THROW((void)(ByteReader(no_alternative).read<std::variant<int, char>>()), SerializationError);
}

TEST(Deserialize, TellsWhatIsLeft) {
  const std::string bytes = bytes_of(std::pair<int, int>(1, 2));
  ByteReader in(bytes);
  EXPECT_EQ(in.read<int>(), 1);
  EXPECT_EQ(in.left(), sizeof(int));
  EXPECT_THROW(in.expect_end(), SerializationError);
  EXPECT_EQ(in.read<int>(), 2);
  in.expect_end();
}

TEST(Serializable, IsWhatOwnsItsContents) {
  static_assert(tutti::Serializable<int>);
  static_assert(tutti::Serializable<std::vector<std::string>>);
  static_assert(tutti::Serializable<Money>);
  static_assert(!tutti::Serializable<int*>);
  static_assert(!tutti::Serializable<std::string_view>);
  static_assert(!tutti::Serializable<std::span<const int>>);
  static_assert(!tutti::Serializable<const int>);
  static_assert(!tutti::Serializable<std::unique_ptr<int>>);
  const std::variant<int, std::string> none = [] {
    struct Thrower {
      operator int() const { throw 1; }  // NOLINT(google-explicit-constructor)
    };
    std::variant<int, std::string> value("text");
    try {
      value.emplace<int>(Thrower());
    } catch (int) {
    }
    return value;
  }();
  if (none.valueless_by_exception()) {
    EXPECT_THROW(bytes_of(none), SerializationError);
  }
}

}  // namespace
