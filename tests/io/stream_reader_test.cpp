// SPDX-License-Identifier: MIT
// The reader alone, fed by hand. Each test names the test of CPython's that it mirrors (test_streams.StreamTests).
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/io/streams.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

namespace {

using namespace std::chrono_literals;
using tutti::Coro;
using tutti::StreamReader;

/// Counts how often it is paused and resumed; carries nothing.
class QuietTransport final : public tutti::lowlevel::Transport {
 public:
  bool paused = false;

  void set_receiver(tutti::detail::Ref<tutti::lowlevel::Receiver>) noexcept override {}
  [[nodiscard]] tutti::detail::Ref<tutti::lowlevel::Receiver> receiver() const noexcept override { return {}; }
  [[nodiscard]] tutti::EventLoop& loop() const noexcept override { return *tutti::find_running_loop(); }
  void pause_reading() noexcept override { paused = true; }
  void resume_reading() noexcept override { paused = false; }
  [[nodiscard]] bool is_reading() const noexcept override { return !paused; }
  void write(tutti::BytesView) override {}
  void writelines(std::span<const tutti::BytesView>) override {}
  void write_eof() override {}
  [[nodiscard]] bool can_write_eof() const noexcept override { return false; }
  [[nodiscard]] std::size_t write_buffer_size() const noexcept override { return 0; }
  void set_write_buffer_limits(std::size_t, std::size_t) override {}
  [[nodiscard]] tutti::lowlevel::WriteBufferLimits get_write_buffer_limits() const noexcept override { return {}; }
  void close() noexcept override {}
  void abort() noexcept override {}
  [[nodiscard]] bool is_closing() const noexcept override { return false; }
  [[nodiscard]] tutti::Address peername() const override { return {}; }
  [[nodiscard]] tutti::Address sockname() const override { return {}; }
  [[nodiscard]] int fd() const noexcept override { return -1; }
};

// ---- read ----

TUTTI_TEST(StreamReader, GivesNothingForZeroBytes) {  // test_read_zero
  StreamReader reader;
  reader.feed_data("line1\n");
  EXPECT_EQ(co_await reader.read(0), "");
  EXPECT_EQ(reader.buffered(), "line1\n");
}

TUTTI_TEST(StreamReader, WaitsForTheFirstByte) {  // test_read
  StreamReader reader;
  auto task = tutti::create_task(reader.read(30));
  co_await tutti::sleep(0s);
  reader.feed_data("line1\n");
  EXPECT_EQ(co_await task, "line1\n");
  EXPECT_EQ(reader.buffered(), "");
}

TUTTI_TEST(StreamReader, GivesAtMostWhatWasAskedFor) {  // test_read_line_breaks
  StreamReader reader;
  reader.feed_data("line1");
  reader.feed_data("line2");
  EXPECT_EQ(co_await reader.read(5), "line1");
  EXPECT_EQ(reader.buffered(), "line2");
}

TUTTI_TEST(StreamReader, GivesNothingAtTheEnd) {  // test_read_eof
  StreamReader reader;
  auto task = tutti::create_task(reader.read(1024));
  co_await tutti::sleep(0s);
  reader.feed_eof();
  EXPECT_EQ(co_await task, "");
  EXPECT_TRUE(reader.at_eof());
}

TUTTI_TEST(StreamReader, ReadsToTheEnd) {  // test_read_until_eof
  StreamReader reader;
  auto task = tutti::create_task(reader.read());
  co_await tutti::sleep(0s);
  reader.feed_data("chunk1\n");
  reader.feed_data("chunk2");
  reader.feed_eof();
  EXPECT_EQ(co_await task, "chunk1\nchunk2");
  EXPECT_TRUE(reader.at_eof());
}

TUTTI_TEST(StreamReader, ThrowsTheExceptionItWasGiven) {  // test_read_exception
  StreamReader reader;
  reader.feed_data("line\n");
  EXPECT_EQ(co_await reader.read(2), "li");
  reader.set_exception(std::make_exception_ptr(tutti::ValueError("broken")));
  EXPECT_THROW(co_await reader.read(2), tutti::ValueError);
  EXPECT_THROW(co_await reader.readline(), tutti::ValueError);
  EXPECT_THROW(co_await reader.readexactly(1), tutti::ValueError);
  EXPECT_TRUE(tutti::holds<tutti::ValueError>(reader.exception()));
}

TUTTI_TEST(StreamReader, WakesTheWaiterWithAnException) {  // test_exception_waiter
  StreamReader reader;
  auto task = tutti::create_task(reader.readline());
  co_await tutti::sleep(0s);
  reader.set_exception(std::make_exception_ptr(tutti::ValueError("broken")));
  EXPECT_THROW(co_await task, tutti::ValueError);
}

TUTTI_TEST(StreamReader, ReadsIntoMemory) {
  StreamReader reader;
  char memory[4] = {};
  auto task = tutti::create_task(reader.read_into(memory));
  co_await tutti::sleep(0s);
  reader.feed_data("abcdef");
  EXPECT_EQ(co_await task, 4U);
  EXPECT_EQ(std::string_view(memory, 4), "abcd");
  EXPECT_EQ(co_await reader.read_into(memory), 2U);
  reader.feed_eof();
  EXPECT_EQ(co_await reader.read_into(memory), 0U);
}

TUTTI_TEST(StreamReader, LetsAParserLookAhead) {
  StreamReader reader;
  auto task = tutti::create_task(reader.peek(4));
  co_await tutti::sleep(0s);
  reader.feed_data("ab");
  co_await tutti::sleep(0s);
  reader.feed_data("cde");
  EXPECT_EQ(co_await task, "abcde");
  reader.consume(3);
  EXPECT_EQ(co_await reader.peek(), "de");
  reader.consume(99);
  reader.feed_eof();
  EXPECT_EQ(co_await reader.peek(), "");
}

// ---- one reader at a time ----

TUTTI_TEST(StreamReader, RefusesASecondWaiter) {
  StreamReader reader;
  auto first = tutti::create_task(reader.readline());
  co_await tutti::sleep(0s);
  EXPECT_THROW(co_await reader.read(1), tutti::RuntimeError);
  reader.feed_data("line\n");
  EXPECT_EQ(co_await first, "line\n");
}

// ---- cancellation ----

TUTTI_TEST(StreamReader, LosesNoByteToACancellation) {  // test_exception_cancel
  StreamReader reader;
  const auto reads = [&] {
    std::vector<Coro<std::string>> all;
    all.push_back(reader.read(10));
    all.push_back(reader.read());
    all.push_back(reader.readexactly(100));
    all.push_back(reader.readuntil("never"));
    all.push_back(reader.readline());
    return all;
  };
  for (Coro<std::string>& read : reads()) {  // while it waits
    auto task = tutti::create_task(std::move(read));
    co_await tutti::sleep(0s);
    task.cancel();
    EXPECT_THROW(co_await task, tutti::CancelledError);
  }
  std::string expected;
  for (Coro<std::string>& read : reads()) {  // in the same iteration as the data
    auto task = tutti::create_task(std::move(read));
    co_await tutti::sleep(0s);
    reader.feed_data("data ");
    task.cancel();
    EXPECT_THROW(co_await task, tutti::CancelledError);
    expected += "data ";
    EXPECT_EQ(reader.buffered(), expected);
    EXPECT_EQ(co_await reader.read(99), expected);
    expected.clear();
  }
  for (Coro<std::string>& read : reads()) {  // before its first step
    auto task = tutti::create_task(std::move(read));
    task.cancel();
    EXPECT_THROW(co_await task, tutti::CancelledError);
  }
  reader.feed_data("all there");
  EXPECT_EQ(co_await reader.read(99), "all there");
}

TUTTI_TEST(StreamReader, LosesNoByteWhenAPeekOrTheNextOfALoopIsCancelled) {
  StreamReader reader;
  std::string memory(8, '.');
  const std::function<Coro<>()> reads[] = {[&]() -> Coro<> { (void)co_await reader.next(); },
                                           [&]() -> Coro<> { (void)co_await reader.peek(2); },
                                           [&]() -> Coro<> { (void)co_await reader.read_into(memory); }};
  for (const auto& read : reads) {
    for (const bool late : {false, true}) {
      auto task = tutti::create_task(read());
      co_await tutti::sleep(0s);
      if (late) reader.feed_data("line\n");  // it is there, and its task has not run yet
      task.cancel();
      EXPECT_THROW(co_await task, tutti::CancelledError);
      if (!late) reader.feed_data("line\n");
      EXPECT_EQ(co_await reader.readline(), "line\n");
    }
  }
  EXPECT_EQ(memory, "........");
}

TUTTI_TEST(StreamReader, CanBeReadAgainAfterACancellation) {
  StreamReader reader;
  auto first = tutti::create_task(reader.readline());
  co_await tutti::sleep(0s);
  reader.feed_data("half ");
  co_await tutti::sleep(0s);
  first.cancel();
  EXPECT_THROW(co_await first, tutti::CancelledError);
  auto second = tutti::create_task(reader.readline());
  co_await tutti::sleep(0s);
  reader.feed_data("and half\n");
  EXPECT_EQ(co_await second, "half and half\n");
}

// ---- readexactly ----

TUTTI_TEST(StreamReader, ReadsMoreThanItsLimitWhenItIsTold) {  // test_readexactly_limit
  StreamReader reader({.limit = 3});
  reader.feed_data("chunk");
  EXPECT_EQ(co_await reader.readexactly(0), "");
  EXPECT_EQ(co_await reader.readexactly(5), "chunk");
  auto task = tutti::create_task(reader.readexactly(12));
  for (int i = 0; i < 3; ++i) {
    co_await tutti::sleep(0s);
    reader.feed_data("12345");
  }
  EXPECT_EQ(co_await task, "123451234512");
  EXPECT_EQ(reader.buffered(), "345");
}

TUTTI_TEST(StreamReader, TellsWhatIsMissingAtTheEnd) {  // test_readexactly_eof
  StreamReader reader;
  auto task = tutti::create_task(reader.readexactly(8));
  co_await tutti::sleep(0s);
  reader.feed_data("half");
  reader.feed_eof();
  try {
    co_await task;
    ADD_FAILURE() << "nothing was thrown";
  } catch (const tutti::IncompleteReadError& error) {
    EXPECT_EQ(error.partial(), "half");
    EXPECT_EQ(error.expected(), 8U);
  }
  EXPECT_EQ(reader.buffered(), "");
}

// ---- flow control ----

TUTTI_TEST(StreamReader, PausesItsTransportAboveTwiceTheLimit) {
  auto transport = tutti::detail::Ref<QuietTransport>::adopt(new QuietTransport);
  StreamReader reader({.limit = 4});
  reader.set_transport(tutti::detail::Ref<tutti::lowlevel::Transport>(transport.get()));
  EXPECT_THROW(reader.set_transport(nullptr), tutti::RuntimeError);
  reader.feed_data("12345678");
  EXPECT_FALSE(transport->paused);
  reader.feed_data("9");
  EXPECT_TRUE(transport->paused);
  EXPECT_EQ(co_await reader.read(4), "1234");
  EXPECT_TRUE(transport->paused);
  EXPECT_EQ(co_await reader.read(1), "5");
  EXPECT_FALSE(transport->paused);
  reader.feed_data("0123456789");
  EXPECT_TRUE(transport->paused);
  auto task = tutti::create_task(reader.readexactly(20));  // who waits resumes it, or it would wait for ever
  co_await tutti::sleep(0s);
  EXPECT_FALSE(transport->paused);
  reader.feed_data("123456");
  EXPECT_EQ(co_await task, "67890123456789123456");
}

TUTTI_TEST(StreamReader, RefusesDataAfterTheEnd) {
  StreamReader reader;
  reader.feed_eof();
  EXPECT_THROW(reader.feed_data("late"), tutti::RuntimeError);
  co_return;
}

TUTTI_TEST(StreamReader, MayMoveWhileAReadIsUnderWay) {
  StreamReader first;
  auto task = tutti::create_task(first.readline());
  co_await tutti::sleep(0s);
  StreamReader second = std::move(first);
  second.feed_data("line\n");
  EXPECT_EQ(co_await task, "line\n");
}

}  // namespace
