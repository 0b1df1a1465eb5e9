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

/// The partial data of the IncompleteReadError that `read` throws.
Coro<std::string> partial_of(Coro<std::string> read) {
  try {
    co_await std::move(read);
  } catch (const tutti::IncompleteReadError& error) {
    co_return error.partial();
  }
  co_return "no error";
}

Coro<std::size_t> consumed_of(Coro<std::string> read) {
  try {
    co_await std::move(read);
  } catch (const tutti::LimitOverrunError& error) {
    co_return error.consumed();
  }
  co_return std::size_t{9999};
}

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

// ---- readline ----

TUTTI_TEST(StreamReader, ReadsALineThatComesInPieces) {  // test_readline
  StreamReader reader;
  reader.feed_data("chunk1 ");
  auto task = tutti::create_task(reader.readline());
  co_await tutti::sleep(0s);
  reader.feed_data("chunk2 ");
  reader.feed_data("chunk3 ");
  reader.feed_data("\n chunk4");
  EXPECT_EQ(co_await task, "chunk1 chunk2 chunk3 \n");
  EXPECT_EQ(reader.buffered(), " chunk4");
}

TUTTI_TEST(StreamReader, DropsALineThatIsTooLong) {  // test_readline_limit_with_existing_data, test_readline_limit
  {
    StreamReader reader({.limit = 3});
    reader.feed_data("li");
    reader.feed_data("ne1\nline2\n");
    EXPECT_THROW(co_await reader.readline(), tutti::ValueError);
    EXPECT_EQ(reader.buffered(), "line2\n");  // the line was found: only it is dropped
  }
  {
    StreamReader reader({.limit = 3});
    reader.feed_data("li");
    reader.feed_data("ne1");
    reader.feed_data("li");
    std::string text;
    try {
      (void)co_await reader.readline();
    } catch (const tutti::ValueError& error) {
      text = error.what();
    }
    EXPECT_EQ(
        text,
        "readline: separator is not found, and chunk exceeds the limit of 3 bytes (`limit` of the call or the stream)");
    EXPECT_EQ(reader.buffered(), "");  // its end was not found: all of it
    reader.feed_data("x\n");
    EXPECT_EQ(co_await reader.readline(), "x\n");
  }
}

TUTTI_TEST(StreamReader, TakesALimitForOneCall) {
  StreamReader reader({.limit = 3});
  reader.feed_data("line1\nline2;tail\nx\n");
  EXPECT_EQ(co_await reader.readline(100), "line1\n");
  EXPECT_EQ(co_await reader.readuntil(";", 5), "line2;");
  EXPECT_THROW(co_await reader.readuntil("\n", 3), tutti::LimitOverrunError);
  EXPECT_EQ(co_await reader.readuntil({";", "\n"}, 4), "tail\n");
  EXPECT_THROW(co_await reader.readline(0), tutti::ValueError);
}

TUTTI_TEST(StreamReader, GivesTheLastLineWithoutItsEnd) {  // test_readline_line_byte_eof, test_readline_empty_eof
  StreamReader reader;
  reader.feed_data("some data");
  reader.feed_eof();
  EXPECT_EQ(co_await reader.readline(), "some data");
  EXPECT_EQ(co_await reader.readline(), "");
}

TUTTI_TEST(StreamReader, IteratesOverLines) {
  StreamReader reader;
  reader.feed_data("one\n\ntwo");
  reader.feed_eof();
  std::vector<std::string> lines;
  while (auto line = co_await reader.next()) lines.push_back(*line);
  EXPECT_EQ(lines, (std::vector<std::string>{"one\n", "\n", "two"}));
}

// ---- readuntil ----

TUTTI_TEST(StreamReader, RefusesAnEmptySeparator) {  // test_readuntil_empty_separator
  StreamReader reader;
  EXPECT_THROW(co_await reader.readuntil(""), tutti::ValueError);
  EXPECT_THROW(co_await reader.readuntil(std::vector<std::string>{}), tutti::ValueError);
  EXPECT_THROW(StreamReader({.limit = 0}), tutti::ValueError);
}

TUTTI_TEST(StreamReader, FindsASeparatorInPieces) {  // test_readuntil_multi_chunks
  StreamReader reader;
  reader.feed_data("lineAAA");
  EXPECT_EQ(co_await reader.readuntil("AAA"), "lineAAA");
  reader.feed_data("lineAAAxxx");
  EXPECT_EQ(co_await reader.readuntil("AAA"), "lineAAA");
  EXPECT_EQ(reader.buffered(), "xxx");
  (void)co_await reader.read(3);
  auto task = tutti::create_task(reader.readuntil("aaa"));
  for (const char* piece : {"Q", "Wa", "a", "aXYa"}) {
    co_await tutti::sleep(0s);
    reader.feed_data(piece);
  }
  EXPECT_EQ(co_await task, "QWaaa");
  EXPECT_EQ(reader.buffered(), "XYa");
}

TUTTI_TEST(StreamReader, ThrowsWhatThereWasWhenTheEndComesFirst) {  // test_readuntil_eof
  StreamReader reader;
  reader.feed_data("some dataAA");
  reader.feed_eof();
  EXPECT_EQ(co_await partial_of(reader.readuntil("AAA")), "some dataAA");
  EXPECT_EQ(reader.buffered(), "");
}

TUTTI_TEST(StreamReader, LeavesTheDataWhenTheSeparatorIsTooFar) {  // test_readuntil_limit_found_sep
  StreamReader reader({.limit = 3});
  reader.feed_data("some dataAA");
  EXPECT_EQ(co_await consumed_of(reader.readuntil("AAA")), 9U);
  EXPECT_EQ(reader.buffered(), "some dataAA");
  reader.feed_data("A");
  EXPECT_EQ(co_await consumed_of(reader.readuntil("AAA")), 9U);
  EXPECT_EQ(reader.buffered(), "some dataAAA");
}

TUTTI_TEST(StreamReader, TakesTheSeparatorThatMakesTheShortestPiece) {  // test_readuntil_multi_separator
  StreamReader reader;
  reader.feed_data("line 1\nline 2\r");
  EXPECT_EQ(co_await reader.readuntil({"\r", "\n"}), "line 1\n");
  EXPECT_EQ(co_await reader.readuntil({"\r", "\n"}), "line 2\r");
  reader.feed_data("one\r\ntwo");
  EXPECT_EQ(co_await reader.readuntil({"\n", "\r\n"}), "one\r\n");
  EXPECT_EQ(reader.buffered(), "two");
}

TUTTI_TEST(StreamReader, TakesTheShorterOfTwoSeparatorsThatEndTogether) {  // test_readuntil_multi_separator_limit
  StreamReader reader({.limit = 3});
  reader.feed_data("some dataA");
  const std::vector<std::string> separators{"ome dataA", "A"};
  EXPECT_EQ(co_await consumed_of(reader.readuntil(separators)), 9U);
  EXPECT_EQ(reader.buffered(), "some dataA");
}

TUTTI_TEST(StreamReader,
           MayFindALongSeparatorThatBeginsBeforeAShortOne) {  // test_readuntil_multi_separator_negative_offset
  StreamReader reader;
  reader.feed_data("data");
  auto task = tutti::create_task(reader.readuntil({"A", "long sep"}));
  co_await tutti::sleep(0s);
  reader.feed_data("Z");
  co_await tutti::sleep(0s);
  reader.feed_data("A");
  EXPECT_EQ(co_await task, "dataZA");
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
