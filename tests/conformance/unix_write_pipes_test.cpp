// SPDX-License-Identifier: MIT
// CPython's test_unix_events, the transports of pipes that write. There os.read and os.write are mocks that say what a test needs; here
// real pipes are in that state: full, empty, without the other end.
#include "conformance/unix_pipes_support.hpp"
#include "support/turns.hpp"

namespace tutti::conformance {
namespace {

using protocol_support::Events;
using protocol_support::make_recorder;
using std::string;
using test_support::turns;
using test_support::until;

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test_ctor) {
  auto pipe = co_await open_writing();
  EXPECT_EQ(pipe.protocol->events, Events{"made"});
  EXPECT_FALSE(pipe.transport->is_closing());
  co_await pipe.close();
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test_can_write_eof) {
  auto pipe = co_await open_writing();
  EXPECT_TRUE(pipe.transport->can_write_eof());
  co_await pipe.close();
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test_write) {
  auto pipe = co_await open_writing();
  pipe.transport->write("data");
  EXPECT_EQ(pipe.transport->get_write_buffer_size(), 0U);
  EXPECT_EQ(take(pipe.other), "data");
  co_await pipe.close();
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test_write_no_data) {
  auto pipe = co_await open_writing();
  pipe.transport->write("");
  EXPECT_EQ(pipe.transport->get_write_buffer_size(), 0U);
  EXPECT_EQ(take(pipe.other), "");
  co_await pipe.close();
}

/// More than a pipe holds; no two places are alike.
string flood() {
  string all;
  while (all.size() < std::size_t{256} * 1024) all += std::to_string(all.size()) + ' ';
  return all;
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test_write_partial) {
  auto pipe = co_await open_writing();
  const string data = flood();
  pipe.transport->write(data);
  const std::size_t buffered = pipe.transport->get_write_buffer_size();
  EXPECT_GT(buffered, 0U);
  const string sent = take(pipe.other, data.size() - buffered);
  EXPECT_TRUE(data.starts_with(sent));
  EXPECT_EQ(sent.size() + buffered, data.size());
  pipe.transport->abort();
  co_await pipe.close();
}

/// A pipe that has no room, and what fills it.
Coro<std::pair<Pipe, string>> open_full() {
  auto pipe = co_await open_writing();
  string filling = flood();
  pipe.transport->write(filling);
  EXPECT_GT(pipe.transport->get_write_buffer_size(), 0U);
  co_return std::pair(std::move(pipe), std::move(filling));
}

/// Reads until so many bytes have come.
Coro<string> take_all(const Fd& pipe, std::size_t size) {
  string all;
  while (all.size() < size) {
    all += take(pipe, size - all.size());
    co_await turn();
  }
  co_return all;
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test_write_buffer) {
  // What is buffered already goes first.
  auto [pipe, filling] = co_await open_full();
  const std::size_t before = pipe.transport->get_write_buffer_size();
  pipe.transport->write("data");
  EXPECT_EQ(pipe.transport->get_write_buffer_size(), before + 4);
  EXPECT_TRUE(co_await take_all(pipe.other, filling.size() + 4) == filling + "data");
  co_await pipe.close();
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test_write_again) {
  // No byte can be written now.
  auto [reading, writing] = make_pipe();
  (void)::fcntl(reading.get(), F_SETFL, O_NONBLOCK);
  (void)::fcntl(writing.get(), F_SETFL, O_NONBLOCK);
  std::size_t held = 0;
  for (const std::size_t piece : {std::size_t{4096}, std::size_t{1}}) {
    const string filling(piece, '-');
    while (::write(writing.get(), filling.data(), piece) > 0) held += piece;
  }
  const auto [transport, protocol] = co_await connect_write_pipe(make_recorder(), std::move(writing));
  transport->write("data");
  EXPECT_EQ(transport->get_write_buffer_size(), 4U);
  EXPECT_TRUE(co_await take_all(reading, held + 4) == string(held, '-') + "data");
  EXPECT_EQ(transport->get_write_buffer_size(), 0U);
  transport->close();
  co_await protocol->lost;
  protocol->transport.reset();
}

/// The reader has gone, and the transport has not noticed yet.
Coro<> expect_write_error() {
  auto pipe = co_await open_writing();
  pipe.other.reset();
  pipe.transport->write("data");
  EXPECT_TRUE(pipe.transport->is_closing());
  EXPECT_EQ(pipe.transport->get_write_buffer_size(), 0U);
  for (int i = 0; i < 5; ++i) pipe.transport->write("data");  // nothing
  EXPECT_EQ(pipe.protocol->events, Events{"made"});
  co_await pipe.protocol->lost;
  EXPECT_TRUE(holds<BrokenPipeError>(pipe.protocol->error)) << describe(pipe.protocol->error);
  EXPECT_EQ(pipe.transport->fd(), -1);
  EXPECT_EQ(pipe.transport->get_protocol(), nullptr);
}
CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test_write_err) { co_await expect_write_error(); }
CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test__call_connection_lost_with_err) {
  co_await expect_write_error();
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test_write_close) {
  auto pipe = co_await open_writing();
  pipe.other.reset();
  co_await pipe.protocol->lost;
  pipe.transport->write("data");
  pipe.transport->write("data");
  EXPECT_EQ(pipe.transport->get_write_buffer_size(), 0U);
  co_await turns(5);
  EXPECT_EQ(pipe.protocol->events, (Events{"made", "lost"}));
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test__read_ready) {
  // Something to read at this end means that nobody is at the other one.
  auto pipe = co_await open_writing();
  pipe.other.reset();
  co_await until([&] { return pipe.transport->is_closing(); });
  co_await pipe.protocol->lost;
  EXPECT_FALSE(pipe.protocol->error) << describe(pipe.protocol->error);
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test__write_ready) {
  auto [pipe, filling] = co_await open_full();
  EXPECT_TRUE(co_await take_all(pipe.other, filling.size()) == filling);
  EXPECT_EQ(pipe.transport->get_write_buffer_size(), 0U);
  EXPECT_FALSE(pipe.transport->is_closing());
  co_await pipe.close();
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test__write_ready_partial) {
  auto [pipe, filling] = co_await open_full();
  const std::size_t before = pipe.transport->get_write_buffer_size();
  const string first = take(pipe.other, 16 * 1024);
  co_await until([&, own = pipe.transport.get()] { return own->get_write_buffer_size() < before; });
  EXPECT_GT(pipe.transport->get_write_buffer_size(), 0U);
  EXPECT_TRUE(first + co_await take_all(pipe.other, filling.size() - first.size()) == filling);
  co_await pipe.close();
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test__write_ready_again) {
  // Still no room.
  auto [pipe, filling] = co_await open_full();
  const std::size_t before = pipe.transport->get_write_buffer_size();
  co_await turns(5);
  EXPECT_EQ(pipe.transport->get_write_buffer_size(), before);
  EXPECT_TRUE(co_await take_all(pipe.other, filling.size()) == filling);
  co_await pipe.close();
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test__write_ready_err) {
  auto [pipe, filling] = co_await open_full();
  pipe.other.reset();
  co_await pipe.protocol->lost;
  EXPECT_TRUE(holds<BrokenPipeError>(pipe.protocol->error)) << describe(pipe.protocol->error);
  EXPECT_TRUE(pipe.transport->is_closing());
  EXPECT_EQ(pipe.transport->get_write_buffer_size(), 0U);
}

/// Ends a transport that has something to send, by `end`.
template <class End>
Coro<> expect_all_sent_before_the_end(End end) {
  auto [pipe, filling] = co_await open_full();
  end(*pipe.transport);
  EXPECT_TRUE(pipe.transport->is_closing());
  co_await turns(5);
  EXPECT_FALSE(pipe.protocol->has("lost"));
  EXPECT_TRUE(co_await take_all(pipe.other, filling.size()) == filling);
  if (!pipe.protocol->lost.done()) co_await pipe.protocol->lost;
  EXPECT_FALSE(pipe.protocol->error) << describe(pipe.protocol->error);
  EXPECT_EQ(pipe.transport->fd(), -1);
}
CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test__write_ready_closing) {
  co_await expect_all_sent_before_the_end([](Transport& transport) { transport.close(); });
}
CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test_write_eof_pending) {
  co_await expect_all_sent_before_the_end([](Transport& transport) { transport.write_eof(); });
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test_abort) {
  auto [pipe, filling] = co_await open_full();
  pipe.transport->abort();
  EXPECT_TRUE(pipe.transport->is_closing());
  co_await pipe.protocol->lost;
  EXPECT_FALSE(pipe.protocol->error) << describe(pipe.protocol->error);
  EXPECT_EQ(pipe.transport->get_write_buffer_size(), 0U);
  EXPECT_LT(take(pipe.other).size(), filling.size());
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test__call_connection_lost) {
  auto pipe = co_await open_writing();
  EXPECT_EQ(pipe.transport->get_protocol(), pipe.protocol);
  co_await pipe.close();
  EXPECT_EQ(pipe.transport->fd(), -1);
  EXPECT_EQ(pipe.transport->get_protocol(), nullptr);
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test_close) {
  auto pipe = co_await open_writing();
  pipe.transport->write("data");
  pipe.transport->close();
  pipe.transport->close();
  co_await pipe.protocol->lost;
  EXPECT_EQ(take(pipe.other), "data");
  EXPECT_EQ(pipe.protocol->events, (Events{"made", "lost"}));
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test_close_closing) {
  auto pipe = co_await open_writing();
  pipe.transport->write_eof();
  pipe.transport->close();
  co_await pipe.protocol->lost;
  pipe.transport->close();
  co_await turns(5);
  EXPECT_EQ(pipe.protocol->events, (Events{"made", "lost"}));
}

CONFORMANCE_IO(test_unix_events, UnixWritePipeTransportTests, test_write_eof) {
  auto pipe = co_await open_writing();
  pipe.transport->write_eof();
  EXPECT_TRUE(pipe.transport->is_closing());
  co_await pipe.protocol->lost;
  EXPECT_FALSE(pipe.protocol->error) << describe(pipe.protocol->error);
}

}  // namespace
}  // namespace tutti::conformance
