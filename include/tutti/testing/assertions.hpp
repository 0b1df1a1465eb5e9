// SPDX-License-Identifier: MIT
// Fatal assertions for coroutines: GoogleTest's ASSERT_… leave by `return`, which a coroutine may not say.
//
// CO_ASSERT_… record the failure and leave the coroutine by `co_return`. So they stand in a coroutine that returns nothing; in one
// that it awaits they leave only that one, as ASSERT_… leave only their function. All of them, and all EXPECT_…, may contain `co_await`.
#pragma once

#include <gtest/gtest.h>

#define TUTTI_CO_FAILURE_(message) co_return GTEST_MESSAGE_(message, ::testing::TestPartResult::kFatalFailure)

#define CO_ASSERT_TRUE(condition) GTEST_TEST_BOOLEAN_(condition, #condition, false, true, TUTTI_CO_FAILURE_)
#define CO_ASSERT_FALSE(condition) GTEST_TEST_BOOLEAN_(!(condition), #condition, true, false, TUTTI_CO_FAILURE_)

#define CO_ASSERT_EQ(left, right) CO_ASSERT_PRED_FORMAT2(::testing::internal::EqHelper::Compare, left, right)
#define CO_ASSERT_NE(left, right) CO_ASSERT_PRED_FORMAT2(::testing::internal::CmpHelperNE, left, right)
#define CO_ASSERT_LT(left, right) CO_ASSERT_PRED_FORMAT2(::testing::internal::CmpHelperLT, left, right)
#define CO_ASSERT_LE(left, right) CO_ASSERT_PRED_FORMAT2(::testing::internal::CmpHelperLE, left, right)
#define CO_ASSERT_GT(left, right) CO_ASSERT_PRED_FORMAT2(::testing::internal::CmpHelperGT, left, right)
#define CO_ASSERT_GE(left, right) CO_ASSERT_PRED_FORMAT2(::testing::internal::CmpHelperGE, left, right)
#define CO_ASSERT_STREQ(left, right) CO_ASSERT_PRED_FORMAT2(::testing::internal::CmpHelperSTREQ, left, right)
#define CO_ASSERT_STRNE(left, right) CO_ASSERT_PRED_FORMAT2(::testing::internal::CmpHelperSTRNE, left, right)
#define CO_ASSERT_PRED_FORMAT2(format, left, right) GTEST_PRED_FORMAT2_(format, left, right, TUTTI_CO_FAILURE_)

#define CO_ASSERT_THROW(statement, exception) GTEST_TEST_THROW_(statement, exception, TUTTI_CO_FAILURE_)
#define CO_ASSERT_ANY_THROW(statement) GTEST_TEST_ANY_THROW_(statement, TUTTI_CO_FAILURE_)
#define CO_ASSERT_NO_THROW(statement) GTEST_TEST_NO_THROW_(statement, TUTTI_CO_FAILURE_)

/// `CO_FAIL() << why;`
#define CO_FAIL() TUTTI_CO_FAILURE_("Failed")
/// `CO_SKIP() << why;`
#define CO_SKIP() co_return GTEST_MESSAGE_("", ::testing::TestPartResult::kSkip)
