// SPDX-License-Identifier: MIT
// The move-only function: small and large callables, and who owns what when.
#include <array>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <tutti/base/function.hpp>

namespace tutti::tests {
namespace {

int twice(int value) { return 2 * value; }

TEST(MoveOnlyFunction, IsEmptyAtFirst) {
  const MoveOnlyFunction<void()> empty{};
  EXPECT_FALSE(empty);
  const MoveOnlyFunction<void()> null(nullptr);
  EXPECT_FALSE(null);
}

TEST(MoveOnlyFunction, CallsWhateverCanBeCalled) {
  MoveOnlyFunction<int(int)> function = &twice;
  EXPECT_TRUE(function);
  EXPECT_EQ(function(4), 8);
  function = [offset = 3](int value) { return value + offset; };
  EXPECT_EQ(function(4), 7);
}

TEST(MoveOnlyFunction, KeepsTheStateOfAMutableCallable) {
  MoveOnlyFunction<int()> counter = [count = 0]() mutable { return ++count; };
  EXPECT_EQ(counter(), 1);
  EXPECT_EQ(counter(), 2);
  MoveOnlyFunction<int()> moved = std::move(counter);
  EXPECT_EQ(moved(), 3);
}

TEST(MoveOnlyFunction, HoldsWhatOnlyMoves) {
  MoveOnlyFunction<int()> function = [owner = std::make_unique<int>(5)] { return *owner; };
  MoveOnlyFunction<int()> moved = std::move(function);
  EXPECT_FALSE(function);
  EXPECT_EQ(moved(), 5);
}

TEST(MoveOnlyFunction, PassesArgumentsThatOnlyMove) {
  MoveOnlyFunction<std::string(std::unique_ptr<std::string>)> function = [](std::unique_ptr<std::string> text) {
    return *text + "!";
  };
  EXPECT_EQ(function(std::make_unique<std::string>("hello")), "hello!");
}

TEST(MoveOnlyFunction, ThrowsTheResultAwayIfItIsVoid) {
  MoveOnlyFunction<void(int)> function = &twice;
  function(1);
}

// Counts its living copies; `Size` decides whether it stands inside the function or on the heap.
template <std::size_t Size>
struct Witness {
  explicit Witness(int& counter) : alive(&counter) { ++*alive; }
  Witness(Witness&& other) noexcept : alive(other.alive) { ++*alive; }
  Witness& operator=(Witness&&) = delete;
  ~Witness() { --*alive; }
  void operator()() const {}
  int* alive;
  std::array<char, Size> ballast{};
};

using Small = Witness<1>;
using Large = Witness<500>;

template <class Callable>
void destroys_the_callable_once() {
  int alive = 0;
  {
    MoveOnlyFunction<void()> function{Callable(alive)};
    EXPECT_EQ(alive, 1);
    MoveOnlyFunction<void()> moved = std::move(function);
    EXPECT_EQ(alive, 1);
    moved();
  }
  EXPECT_EQ(alive, 0);
}

TEST(MoveOnlyFunction, DestroysTheCallableOnce) {
  destroys_the_callable_once<Small>();
  destroys_the_callable_once<Large>();
}

template <class Callable>
void destroys_what_it_held() {
  int first = 0, second = 0;
  MoveOnlyFunction<void()> function{Callable(first)};
  function = MoveOnlyFunction<void()>{Callable(second)};
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
  function = nullptr;
  EXPECT_EQ(second, 0);
  EXPECT_FALSE(function);
}

TEST(MoveOnlyFunction, DestroysWhatItHeldWhenItIsAssigned) {
  destroys_what_it_held<Small>();
  destroys_what_it_held<Large>();
}

template <class Callable>
void survives_being_assigned_to_itself() {
  int alive = 0;
  MoveOnlyFunction<void()> function{Callable(alive)};
  auto& same = function;
  function = std::move(same);
  EXPECT_EQ(alive, 1);
  EXPECT_TRUE(function);
}

TEST(MoveOnlyFunction, SurvivesBeingAssignedToItself) {
  survives_being_assigned_to_itself<Small>();
  survives_being_assigned_to_itself<Large>();
}

}  // namespace
}  // namespace tutti::tests
