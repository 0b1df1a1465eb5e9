// SPDX-License-Identifier: MIT
// The owner of a descriptor.
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <tutti/base/fd.hpp>

namespace tutti::tests {
namespace {

int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }

TEST(Fd, OwnsNothingAtFirst) {
  const Fd none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.get(), -1);
}

TEST(Fd, ClosesWhatItOwns) {
  const int number = open_null();
  {
    const Fd fd(number);
    EXPECT_TRUE(fd);
    EXPECT_EQ(fd.get(), number);
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Fd, OwnsZeroToo) {
  EXPECT_TRUE([] {
    Fd zero(0);
    const bool owns = static_cast<bool>(zero);
    (void)zero.release();
    return owns;
  }());
}

TEST(Fd, Moves) {
  const int number = open_null();
  Fd from(number);
  Fd to(std::move(from));
  EXPECT_FALSE(from);
  EXPECT_EQ(to.get(), number);
  Fd other(open_null());
  const int closed = other.get();
  other = std::move(to);
  EXPECT_FALSE(is_open(closed));
  EXPECT_EQ(other.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(Fd, GivesItAway) {
  Fd fd(open_null());
  const int number = fd.release();
  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(number));
  ::close(number);
}

TEST(Fd, TakesAnother) {
  Fd fd(open_null());
  const int first = fd.get();
  fd.reset(::dup(first));
  EXPECT_FALSE(is_open(first));
  const int second = fd.get();
  EXPECT_TRUE(is_open(second));
  fd.reset();
  EXPECT_FALSE(is_open(second));
  EXPECT_FALSE(fd);
}

}  // namespace
}  // namespace tutti::tests
