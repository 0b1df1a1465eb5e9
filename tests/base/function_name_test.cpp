// SPDX-License-Identifier: MIT
// Names of functions, as clang and GCC give them.
#include "base/function_name.hpp"

#include <gtest/gtest.h>

namespace tutti::detail {
namespace {

TEST(FunctionName, IsLeftAsItIs) {
  EXPECT_EQ(readable_function_name("Coro<int> fetch(std::string)"), "Coro<int> fetch(std::string)");
  EXPECT_EQ(readable_function_name("auto main()::(anonymous class)::operator()() const"),
            "auto main()::(anonymous class)::operator()() const");
  EXPECT_EQ(readable_function_name(""), "");
}

TEST(FunctionName, IsFoundInTheFrameOfAGccCoroutine) {
  EXPECT_EQ(readable_function_name("void fetch(fetch()::_Z5fetchv.Frame*)"), "fetch()");
  EXPECT_EQ(readable_function_name("void {anonymous}::S::m({anonymous}::S::m<int>(int, int) const::_ZNK1SiE.Frame*)"),
            "{anonymous}::S::m<int>(int, int) const");
  EXPECT_EQ(readable_function_name("void main()::<lambda()>::<lambda(char)>::operator()(main()::<lambda()>::"
                                   "<lambda(char)>::_ZZZ4mainENKUlvE_clEvENKUlcE_clEc.Frame*)"),
            "main()::<lambda()>::<lambda(char)>");
}

TEST(FunctionName, IsNotLookedForWhereThereIsNone) {
  EXPECT_EQ(readable_function_name("x)::_Z.Frame*)"), "x)::_Z.Frame*)");
  EXPECT_EQ(readable_function_name(".Frame*)"), ".Frame*)");
}

}  // namespace
}  // namespace tutti::detail
