// SPDX-License-Identifier: MIT
// The tree of errors: which type stands for what, what it derives from, what it says.
#include <cerrno>
#include <exception>
#include <string>
#include <type_traits>

#include <gtest/gtest.h>

#include <tutti/base/error.hpp>

namespace tutti::tests {
namespace {

// exceptions.py: what is a BaseException in Python is not a std::exception here
static_assert(!std::is_base_of_v<std::exception, CancelledError>);
static_assert(!std::is_base_of_v<std::exception, KeyboardInterrupt>);
static_assert(!std::is_base_of_v<std::exception, SystemExit>);
static_assert(!std::is_base_of_v<std::exception, GeneratorExit>);
static_assert(std::is_base_of_v<BaseException, CancelledError>);
static_assert(std::is_base_of_v<RuntimeError, InvalidStateError>);
static_assert(std::is_base_of_v<std::runtime_error, RuntimeError>);
static_assert(std::is_base_of_v<std::invalid_argument, ValueError>);
static_assert(std::is_base_of_v<EOFError, IncompleteReadError>);
static_assert(std::is_base_of_v<std::system_error, OSError>);
static_assert(std::is_base_of_v<OSError, TimeoutError>);
static_assert(std::is_base_of_v<ConnectionError, ConnectionRefusedError>);
static_assert(std::is_base_of_v<OSError, AddressLookupError>);

TEST(Errors, LetACancellationPassAHandlerOfStandardExceptions) {
  bool passed = false;
  try {
    try {
      throw CancelledError("stop");
    } catch (const std::exception&) {
    }
  } catch (const BaseException& error) {
    passed = true;
    EXPECT_EQ(error.type_name(), "CancelledError");
    EXPECT_EQ(error.message(), "stop");
    EXPECT_STREQ(error.what(), "stop");
  }
  EXPECT_TRUE(passed);
}

TEST(Errors, NameThemselves) {
  EXPECT_EQ(GeneratorExit().type_name(), "GeneratorExit");
  EXPECT_EQ(KeyboardInterrupt().type_name(), "KeyboardInterrupt");
  EXPECT_EQ(SystemExit(4).type_name(), "SystemExit");
  EXPECT_EQ(SystemExit(4).code(), 4);
}

template <class Expected>
void expect_type(int error_number) {
  EXPECT_TRUE(holds<Expected>(make_os_error(error_number, "open x"))) << error_number;
  EXPECT_THROW(throw_os_error(error_number, "open x"), Expected) << error_number;
}

TEST(OSErrors, HaveTheTypeOfTheirNumber) {
  expect_type<TimeoutError>(ETIMEDOUT);
  expect_type<FileNotFoundError>(ENOENT);
  expect_type<FileExistsError>(EEXIST);
  expect_type<PermissionError>(EACCES);
  expect_type<PermissionError>(EPERM);
  expect_type<ProcessLookupError>(ESRCH);
  expect_type<BrokenPipeError>(EPIPE);
  expect_type<BrokenPipeError>(ESHUTDOWN);
  expect_type<ConnectionAbortedError>(ECONNABORTED);
  expect_type<ConnectionRefusedError>(ECONNREFUSED);
  expect_type<ConnectionResetError>(ECONNRESET);
  expect_type<OSError>(EIO);
}

TEST(OSErrors, SayOperationObjectAndReason) {
  try {
    throw_os_error(ECONNREFUSED, "connect 127.0.0.1:81");
  } catch (const OSError& error) {
    EXPECT_STREQ(error.what(), "connect 127.0.0.1:81: connection refused");
    EXPECT_EQ(error.error_number(), ECONNREFUSED);
    EXPECT_EQ(error.code(), std::errc::connection_refused);
  }
}

TEST(OSErrors, TakeAWholeTextToo) {
  const TimeoutError error("fetch: no answer within 3 s");
  EXPECT_STREQ(error.what(), "fetch: no answer within 3 s");
  EXPECT_EQ(error.code(), std::errc::timed_out);
}

TEST(IncompleteRead, KeepsWhatCame) {
  const IncompleteReadError error("abc", 10);
  EXPECT_EQ(error.partial(), "abc");
  EXPECT_EQ(error.expected(), 10U);
  EXPECT_STREQ(error.what(), "3 bytes read before the end of the stream, 10 expected");
  EXPECT_STREQ(IncompleteReadError("abc", 0).what(),
               "3 bytes read before the end of the stream, the separator did not come");
}

TEST(LimitOverrun, KnowsHowMuchIsSure) { EXPECT_EQ(LimitOverrunError("too long", 7).consumed(), 7U); }

struct Odd {};

TEST(Describe, GivesTypeAndMessage) {
  EXPECT_EQ(describe(nullptr), "no exception");
  EXPECT_EQ(describe(std::make_exception_ptr(ValueError("bad"))), "ValueError: bad");
  EXPECT_EQ(describe(std::make_exception_ptr(std::runtime_error("bad"))), "std::runtime_error: bad");
  EXPECT_EQ(describe(std::make_exception_ptr(CancelledError())), "CancelledError");
  EXPECT_EQ(describe(std::make_exception_ptr(CancelledError("m"))), "CancelledError: m");
  EXPECT_EQ(describe(std::make_exception_ptr(5)), "int");
  try {
    std::throw_with_nested(TimeoutError("late"));
  } catch (...) {
    EXPECT_EQ(describe(std::current_exception()), "TimeoutError: late");
  }
  EXPECT_NE(describe(std::make_exception_ptr(Odd())).find("Odd"), std::string::npos);
}

class DerivedCancelled : public CancelledError {};

TEST(KindsOfErrors, AreTold) {
  EXPECT_TRUE(is_cancelled(std::make_exception_ptr(CancelledError())));
  EXPECT_TRUE(is_cancelled(std::make_exception_ptr(DerivedCancelled())));
  EXPECT_FALSE(is_cancelled(std::make_exception_ptr(ValueError("x"))));
  EXPECT_FALSE(is_cancelled(nullptr));
  EXPECT_TRUE(leaves_loop(std::make_exception_ptr(KeyboardInterrupt())));
  EXPECT_TRUE(leaves_loop(std::make_exception_ptr(SystemExit(1))));
  EXPECT_FALSE(leaves_loop(std::make_exception_ptr(CancelledError())));
  EXPECT_FALSE(leaves_loop(nullptr));
  EXPECT_TRUE(holds<OSError>(std::make_exception_ptr(TimeoutError())));
  EXPECT_FALSE(holds<ValueError>(std::make_exception_ptr(TimeoutError())));
  EXPECT_FALSE(holds<ValueError>(nullptr));
}

}  // namespace
}  // namespace tutti::tests
