// SPDX-License-Identifier: MIT
// Context variables and contexts, and how callbacks carry them.
#include <optional>
#include <string>

#include "loop/loop_fixture.hpp"

namespace tutti::tests {
namespace {

// test_context (stdlib): a variable without a value, with a default, with a fallback
TEST(ContextVar, HasAValueADefaultOrNothing) {
  ContextVar<int> plain("plain");
  EXPECT_EQ(plain.name(), "plain");
  EXPECT_THROW((void)plain.get(), RuntimeError);
  EXPECT_EQ(plain.get(3), 3);
  const ContextVar<int> with_default("with_default", 4);
  EXPECT_EQ(with_default.get(), 4);
  EXPECT_EQ(with_default.get(5), 5);
  Context().run([&] {
    plain.set(6);
    EXPECT_EQ(plain.get(), 6);
    EXPECT_EQ(plain.get(7), 6);
  });
}

TEST(ContextVar, IsResetByAToken) {
  ContextVar<std::string> variable("variable", "default");
  Context().run([&] {
    auto first = variable.set("one");
    EXPECT_FALSE(first.old_value().has_value());
    auto second = variable.set("two");
    EXPECT_EQ(second.old_value(), "one");
    variable.reset(second);
    EXPECT_EQ(variable.get(), "one");
    variable.reset(first);
    EXPECT_EQ(variable.get(), "default");
    EXPECT_THROW(variable.reset(first), RuntimeError);
  });
}

TEST(Context, KeepsWhatIsSetInsideOfIt) {
  ContextVar<int> variable("variable", 0);
  Context context;
  EXPECT_EQ(context.run([&] {
    variable.set(1);
    return 10;
  }),
            10);
  EXPECT_EQ(variable.get(), 0);
  context.run([&] { EXPECT_EQ(variable.get(), 1); });
}

TEST(Context, IsCopiedWithItsValues) {
  ContextVar<int> one("one", 0), two("two", 0);
  Context original;
  original.run([&] { one.set(1); });
  Context copy = original.copy();
  copy.run([&] {
    EXPECT_EQ(one.get(), 1);
    one.set(2);
    two.set(3);
  });
  original.run([&] {
    EXPECT_EQ(one.get(), 1);
    EXPECT_EQ(two.get(), 0);
  });
}

TEST(Context, IsSharedByItsHandles) {
  ContextVar<int> variable("variable", 0);
  Context context;
  Context same = context;
  same.run([&] { variable.set(1); });
  context.run([&] { EXPECT_EQ(variable.get(), 1); });
}

TEST(Context, HoldsManyVariables) {
  std::vector<std::unique_ptr<ContextVar<int>>> all;
  for (int i = 0; i < 100; ++i) all.push_back(std::make_unique<ContextVar<int>>("v" + std::to_string(i)));
  Context context;
  context.run([&] {
    for (int i = 0; i < 100; ++i) all[static_cast<std::size_t>(i * 37 % 100)]->set(i);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i * 37 % 100)]->get(), i);
  });
}

TEST(CopyContext, IsIndependentOfThePresentOne) {
  static ContextVar<int> variable("variable", 0);
  Context().run([] {
    variable.set(1);
    Context copied = copy_context();
    variable.set(2);
    copied.run([] { EXPECT_EQ(variable.get(), 1); });
  });
}

class ContextOfCallbacks : public OnEachBackend {};
INSTANTIATE_TEST_SUITE_P(Each, ContextOfCallbacks, ::testing::Values("uring", "epoll", "poll"),
                         [](const auto& tested) { return std::string(tested.param); });

// test_context: call_soon captures a copy of the present context
TEST_P(ContextOfCallbacks, IsACopyOfTheOneInWhichTheyWereScheduled) {
  static ContextVar<int> variable("variable", 0);
  int soon = -1, later = -1;
  Context().run([&] {
    variable.set(1);
    loop().call_soon([&] {
      soon = variable.get();
      variable.set(99);
    });
    loop().call_later(-1s, [&] { later = variable.get(); });
    variable.set(2);
  });
  run_briefly();
  EXPECT_EQ(soon, 1);
  EXPECT_EQ(later, 1);
  EXPECT_EQ(variable.get(), 0);
}

TEST_P(ContextOfCallbacks, MayBeGiven) {
  static ContextVar<int> variable("variable", 0);
  Context context;
  loop().call_soon([] { variable.set(5); }, context);
  run_briefly();
  EXPECT_EQ(variable.get(), 0);
  context.run([] { EXPECT_EQ(variable.get(), 5); });
}

TEST_P(ContextOfCallbacks, MayBeGivenForLaterAndFromOtherThreads) {
  static ContextVar<int> variable("variable", 0);
  Context context;
  loop().call_later(-1s, [] { variable.set(variable.get() + 1); }, context);
  loop().call_at(loop().time(), [] { variable.set(variable.get() + 10); }, context);
  loop().call_soon_threadsafe([] { variable.set(variable.get() + 100); }, context);
  run_briefly();
  EXPECT_EQ(variable.get(), 0);
  context.run([] { EXPECT_EQ(variable.get(), 111); });
}

}  // namespace
}  // namespace tutti::tests
