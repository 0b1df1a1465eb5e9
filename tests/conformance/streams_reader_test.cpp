// SPDX-License-Identifier: MIT
// CPython's test_streams, first part: the reader alone, fed by hand.
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <tutti/io/streams.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;

const string data = "line1\nline2\nline3\n";

CONFORMANCE(test_streams, StreamTests, test_feed_empty_data) {
  StreamReader stream;
  stream.feed_data("");
  EXPECT_EQ(stream.buffered(), "");
  co_return;
}

CONFORMANCE(test_streams, StreamTests, test_feed_nonempty_data) {
  StreamReader stream;
  stream.feed_data(data);
  EXPECT_EQ(stream.buffered(), data);
  co_return;
}

CONFORMANCE(test_streams, StreamTests, test_read_zero) {
  StreamReader stream;
  stream.feed_data(data);
  EXPECT_EQ(co_await stream.read(0), "");
  EXPECT_EQ(stream.buffered(), data);
}

CONFORMANCE(test_streams, StreamTests, test_read) {
  StreamReader stream;
  const auto read = create_task(stream.read(30));
  get_running_loop().call_soon([&] { stream.feed_data(data); });
  EXPECT_EQ(co_await read, data);
  EXPECT_EQ(stream.buffered(), "");
}

CONFORMANCE(test_streams, StreamTests, test_read_line_breaks) {
  StreamReader stream;
  stream.feed_data("line1");
  stream.feed_data("line2");
  EXPECT_EQ(co_await stream.read(5), "line1");
  EXPECT_EQ(stream.buffered(), "line2");
}

CONFORMANCE(test_streams, StreamTests, test_read_eof) {
  StreamReader stream;
  const auto read = create_task(stream.read(1024));
  get_running_loop().call_soon([&] { stream.feed_eof(); });
  EXPECT_EQ(co_await read, "");
  EXPECT_EQ(stream.buffered(), "");
}

CONFORMANCE(test_streams, StreamTests, test_read_until_eof) {
  StreamReader stream;
  const auto read = create_task(stream.read());
  get_running_loop().call_soon([&] {
    stream.feed_data("chunk1\n");
    stream.feed_data("chunk2");
    stream.feed_eof();
  });
  EXPECT_EQ(co_await read, "chunk1\nchunk2");
  EXPECT_EQ(stream.buffered(), "");
}

CONFORMANCE(test_streams, StreamTests, test_read_exception) {
  StreamReader stream;
  stream.feed_data("line\n");
  EXPECT_EQ(co_await stream.read(2), "li");
  stream.set_exception(std::make_exception_ptr(ValueError("")));
  EXPECT_THROW(co_await stream.read(2), ValueError);
}

CONFORMANCE(test_streams, StreamTests, test_invalid_limit) {
  const auto error = error_of_call([] { return StreamReader({.limit = 0}); });
  EXPECT_TRUE(contains(message_in<ValueError>(error), "imit"));
  co_return;
}

CONFORMANCE(test_streams, StreamTests, test_read_limit) {
  StreamReader stream({.limit = 3});
  stream.feed_data("chunk");
  EXPECT_EQ(co_await stream.read(5), "chunk");
  EXPECT_EQ(stream.buffered(), "");
}

CONFORMANCE(test_streams, StreamTests, test_readline) {
  StreamReader stream;
  stream.feed_data("chunk1 ");
  const auto read = create_task(stream.readline());
  get_running_loop().call_soon([&] {
    stream.feed_data("chunk2 ");
    stream.feed_data("chunk3 ");
    stream.feed_data("\n chunk4");
  });
  EXPECT_EQ(co_await read, "chunk1 chunk2 chunk3 \n");
  EXPECT_EQ(stream.buffered(), " chunk4");
}

CONFORMANCE(test_streams, StreamTests, test_readline_limit_with_existing_data) {
  StreamReader with_separator({.limit = 3});
  with_separator.feed_data("li");
  with_separator.feed_data("ne1\nline2\n");
  EXPECT_THROW(co_await with_separator.readline(), ValueError);
  EXPECT_EQ(with_separator.buffered(), "line2\n");

  StreamReader without({.limit = 3});
  without.feed_data("li");
  without.feed_data("ne1");
  without.feed_data("li");
  EXPECT_THROW(co_await without.readline(), ValueError);
  EXPECT_EQ(without.buffered(), "");
}

CONFORMANCE(test_streams, StreamTests, test_at_eof) {
  StreamReader stream;
  EXPECT_FALSE(stream.at_eof());
  stream.feed_data("some data\n");
  EXPECT_FALSE(stream.at_eof());
  co_await stream.readline();
  EXPECT_FALSE(stream.at_eof());
  stream.feed_data("some data\n");
  stream.feed_eof();
  co_await stream.readline();
  EXPECT_TRUE(stream.at_eof());
}

CONFORMANCE(test_streams, StreamTests, test_readline_limit) {
  StreamReader one_line({.limit = 7});
  get_running_loop().call_soon([&] {
    one_line.feed_data("chunk1");
    one_line.feed_data("chunk2");
    one_line.feed_data("chunk3\n");
    one_line.feed_eof();
  });
  EXPECT_THROW(co_await one_line.readline(), ValueError);
  EXPECT_EQ(one_line.buffered(), "");

  StreamReader two_lines({.limit = 7});
  get_running_loop().call_soon([&] {
    two_lines.feed_data("chunk1");
    two_lines.feed_data("chunk2\n");
    two_lines.feed_data("chunk3\n");
    two_lines.feed_eof();
  });
  EXPECT_THROW(co_await two_lines.readline(), ValueError);
  EXPECT_EQ(two_lines.buffered(), "chunk3\n");

  StreamReader strict({.limit = 7});
  strict.feed_data("1234567\n");
  EXPECT_EQ(co_await strict.readline(), "1234567\n");
  EXPECT_EQ(strict.buffered(), "");
  strict.feed_data("12345678\n");
  EXPECT_THROW(co_await strict.readline(), ValueError);
  EXPECT_EQ(strict.buffered(), "");
  strict.feed_data("12345678");
  EXPECT_THROW(co_await strict.readline(), ValueError);
  EXPECT_EQ(strict.buffered(), "");
}

CONFORMANCE(test_streams, StreamTests, test_readline_nolimit_nowait) {
  StreamReader stream;
  stream.feed_data(data.substr(0, 6));
  stream.feed_data(data.substr(6));
  EXPECT_EQ(co_await stream.readline(), "line1\n");
  EXPECT_EQ(stream.buffered(), "line2\nline3\n");
}

CONFORMANCE(test_streams, StreamTests, test_readline_eof) {
  StreamReader stream;
  stream.feed_data("some data");
  stream.feed_eof();
  EXPECT_EQ(co_await stream.readline(), "some data");
}

CONFORMANCE(test_streams, StreamTests, test_readline_empty_eof) {
  StreamReader stream;
  stream.feed_eof();
  EXPECT_EQ(co_await stream.readline(), "");
}

CONFORMANCE(test_streams, StreamTests, test_readline_read_byte_count) {
  StreamReader stream;
  stream.feed_data(data);
  co_await stream.readline();
  EXPECT_EQ(co_await stream.read(7), "line2\nl");
  EXPECT_EQ(stream.buffered(), "ine3\n");
}

CONFORMANCE(test_streams, StreamTests, test_readline_exception) {
  StreamReader stream;
  stream.feed_data("line\n");
  EXPECT_EQ(co_await stream.readline(), "line\n");
  stream.set_exception(std::make_exception_ptr(ValueError("")));
  EXPECT_THROW(co_await stream.readline(), ValueError);
  EXPECT_EQ(stream.buffered(), "");
}

CONFORMANCE(test_streams, StreamTests, test_readuntil_separator) {
  StreamReader stream;
  EXPECT_THROW(co_await stream.readuntil(""), ValueError);
  EXPECT_THROW(co_await stream.readuntil(std::vector<string>{}), ValueError);
}

CONFORMANCE(test_streams, StreamTests, test_readuntil_multi_chunks) {
  StreamReader stream;
  for (int i = 0; i < 2; ++i) {
    stream.feed_data("lineAAA");
    EXPECT_EQ(co_await stream.readuntil("AAA"), "lineAAA");
    EXPECT_EQ(stream.buffered(), "");
  }
  stream.feed_data("lineAAAxxx");
  EXPECT_EQ(co_await stream.readuntil("AAA"), "lineAAA");
  EXPECT_EQ(stream.buffered(), "xxx");
}

CONFORMANCE(test_streams, StreamTests, test_readuntil_multi_chunks_1) {
  StreamReader stream;
  const std::vector<std::pair<std::vector<string>, string>> cases{{{"QWEaa", "XYaa", "a"}, "QWEaaXYaaa"},
                                                                  {{"QWEaa", "XYa", "aa"}, "QWEaaXYaaa"},
                                                                  {{"aaa"}, "aaa"},
                                                                  {{"Xaaa"}, "Xaaa"},
                                                                  {{"QQQ", "a", "a", "a"}, "QQQaaa"}};
  for (const auto& [chunks, expected] : cases) {
    for (const auto& chunk : chunks) stream.feed_data(chunk);
    EXPECT_EQ(co_await stream.readuntil("aaa"), expected);
    EXPECT_EQ(stream.buffered(), "");
  }
}

CONFORMANCE(test_streams, StreamTests, test_readuntil_eof) {
  StreamReader stream;
  stream.feed_data("some dataAA");
  stream.feed_eof();
  try {
    co_await stream.readuntil("AAA");
    ADD_FAILURE() << "nothing was thrown";
  } catch (const IncompleteReadError& error) {
    EXPECT_EQ(error.partial(), "some dataAA");
    EXPECT_EQ(error.expected(), 0U);
  }
  EXPECT_EQ(stream.buffered(), "");
}

CONFORMANCE(test_streams, StreamTests, test_readuntil_limit_found_sep) {
  StreamReader stream({.limit = 3});
  stream.feed_data("some dataAA");
  const auto not_found = co_await error_of(stream.readuntil("AAA"));
  EXPECT_TRUE(contains(message_in<LimitOverrunError>(not_found), "not found"));
  EXPECT_EQ(stream.buffered(), "some dataAA");
  stream.feed_data("A");
  const auto found = co_await error_of(stream.readuntil("AAA"));
  EXPECT_TRUE(contains(message_in<LimitOverrunError>(found), "is found"));
  EXPECT_EQ(stream.buffered(), "some dataAAA");
}

CONFORMANCE(test_streams, StreamTests, test_readuntil_multi_separator) {
  StreamReader stream;
  stream.feed_data("line 1\nline 2\r");
  EXPECT_EQ(co_await stream.readuntil({"\r", "\n"}), "line 1\n");
  EXPECT_EQ(co_await stream.readuntil({"\r", "\n"}), "line 2\r");
  EXPECT_EQ(stream.buffered(), "");
  // The one that ends first matches, even if it is longer.
  stream.feed_data("ABCDEFG");
  EXPECT_EQ(co_await stream.readuntil({"DEF", "BCDE"}), "ABCDE");
  EXPECT_EQ(stream.buffered(), "FG");
}

CONFORMANCE(test_streams, StreamTests, test_readuntil_multi_separator_limit) {
  StreamReader stream({.limit = 3});
  stream.feed_data("some dataA");
  const std::vector<std::string> separators{"A", "ome dataA"};
  const auto error = co_await error_of(stream.readuntil(separators));
  EXPECT_TRUE(contains(message_in<LimitOverrunError>(error), "is found"));
  EXPECT_EQ(stream.buffered(), "some dataA");
}

CONFORMANCE(test_streams, StreamTests, test_readuntil_multi_separator_negative_offset) {
  StreamReader stream;
  stream.feed_data("data");
  const auto read = create_task(stream.readuntil({"A", "long sep"}));
  get_running_loop().call_soon([&] { stream.feed_data("Z"); });
  get_running_loop().call_soon([&] { stream.feed_data("Aaaa"); });
  EXPECT_EQ(co_await read, "dataZA");
  EXPECT_EQ(stream.buffered(), "aaa");
}

CONFORMANCE(test_streams, StreamTests, test_readexactly_zero_or_less) {
  StreamReader stream;
  stream.feed_data(data);
  EXPECT_EQ(co_await stream.readexactly(0), "");
  EXPECT_EQ(stream.buffered(), data);
}

CONFORMANCE(test_streams, StreamTests, test_readexactly) {
  StreamReader stream;
  const auto read = create_task(stream.readexactly(2 * data.size()));
  get_running_loop().call_soon([&] {
    for (int i = 0; i < 3; ++i) stream.feed_data(data);
  });
  EXPECT_EQ(co_await read, data + data);
  EXPECT_EQ(stream.buffered(), data);
}

CONFORMANCE(test_streams, StreamTests, test_readexactly_limit) {
  StreamReader stream({.limit = 3});
  stream.feed_data("chunk");
  EXPECT_EQ(co_await stream.readexactly(5), "chunk");
  EXPECT_EQ(stream.buffered(), "");
}

CONFORMANCE(test_streams, StreamTests, test_readexactly_eof) {
  StreamReader stream;
  const auto read = create_task(stream.readexactly(2 * data.size()));
  get_running_loop().call_soon([&] {
    stream.feed_data(data);
    stream.feed_eof();
  });
  try {
    co_await read;
    ADD_FAILURE() << "nothing was thrown";
  } catch (const IncompleteReadError& error) {
    EXPECT_EQ(error.partial(), data);
    EXPECT_EQ(error.expected(), 2 * data.size());
    EXPECT_TRUE(contains(error.what(), "18"));
    EXPECT_TRUE(contains(error.what(), "36"));
  }
  EXPECT_EQ(stream.buffered(), "");
}

CONFORMANCE(test_streams, StreamTests, test_readexactly_exception) {
  StreamReader stream;
  stream.feed_data("line\n");
  EXPECT_EQ(co_await stream.readexactly(2), "li");
  stream.set_exception(std::make_exception_ptr(ValueError("")));
  EXPECT_THROW(co_await stream.readexactly(2), ValueError);
}

CONFORMANCE(test_streams, StreamTests, test_exception) {
  StreamReader stream;
  EXPECT_EQ(stream.exception(), nullptr);
  const auto error = std::make_exception_ptr(ValueError(""));
  stream.set_exception(error);
  EXPECT_EQ(stream.exception(), error);
  co_return;
}

CONFORMANCE(test_streams, StreamTests, test_exception_waiter) {
  StreamReader stream;
  const auto read = create_task(stream.readline());
  const auto set = create_task([&]() -> Coro<> {
    stream.set_exception(std::make_exception_ptr(ValueError("")));
    co_return;
  });
  co_await set;
  EXPECT_THROW(co_await read, ValueError);
}

CONFORMANCE(test_streams, StreamTests, test_exception_cancel) {
  StreamReader stream;
  const auto read = create_task(stream.readline());
  co_await briefly();
  read.cancel();
  co_await briefly();
  stream.set_exception(std::make_exception_ptr(RuntimeError("message")));
  co_await briefly();
  EXPECT_TRUE(read.cancelled());
}

}  // namespace

// The separator may be any kind of bytes: a literal, a string, characters in a row.
CONFORMANCE(test_streams, StreamTests, test_readuntil_bytearray) {
  StreamReader stream;
  stream.feed_data("some data\r\n");
  const std::vector<char> separator{'\r', '\n'};
  EXPECT_EQ(co_await stream.readuntil(string(separator.begin(), separator.end())), "some data\r\n");
  EXPECT_EQ(stream.buffered(), "");
}

// One test of test_pep492 reads from a stream as well: the reader as an async iterator.
CONFORMANCE(test_pep492, StreamReaderTests, test_readline) {
  StreamReader stream;
  stream.feed_data("line1\nline2\nline3");
  stream.feed_eof();
  std::vector<string> lines;
  while (auto line = co_await stream.next()) lines.push_back(std::move(*line));
  EXPECT_EQ(lines, (std::vector<string>{"line1\n", "line2\n", "line3"}));
}

}  // namespace tutti::conformance
