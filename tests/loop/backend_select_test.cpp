// SPDX-License-Identifier: MIT
// Which back end is chosen, and by whom.
#include "backend_fixture.hpp"

#include <cstdlib>

namespace tutti::tests {
namespace {

TEST(BackendChoice, RefusesAnUnknownName) {
  EXPECT_THROW(static_cast<void>(lowlevel::make_backend("kqueue")), ValueError);
  EXPECT_THROW(static_cast<void>(lowlevel::make_backend("")), ValueError);
}

TEST(BackendChoice, FollowsTheEnvironment) {
  const char* before = std::getenv("TUTTI_BACKEND");
  const std::string saved = before != nullptr ? before : "";
  for (const char* name : {"epoll", "poll"}) {
    ::setenv("TUTTI_BACKEND", name, 1);
    EXPECT_EQ(lowlevel::make_default_backend()->name(), name);
  }
  ::setenv("TUTTI_BACKEND", "nonsense", 1);
  EXPECT_THROW(static_cast<void>(lowlevel::make_default_backend()), ValueError);
  for (const bool set : {true, false}) {
    set ? ::setenv("TUTTI_BACKEND", "", 1) : ::unsetenv("TUTTI_BACKEND");
    EXPECT_EQ(lowlevel::make_default_backend()->name(), lowlevel::uring_available() ? "uring" : "epoll");
  }
  if (before != nullptr) ::setenv("TUTTI_BACKEND", saved.c_str(), 1);
}

}  // namespace
}  // namespace tutti::tests
