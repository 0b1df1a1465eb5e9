// SPDX-License-Identifier: MIT
// CPython's test_unix_events, the transports of pipes that read. There os.read and os.write are mocks that say what a test needs; here
// real pipes are in that state: full, empty, without the other end.
#include "conformance/unix_pipes_support.hpp"
#include "support/turns.hpp"

namespace tutti::conformance {
namespace {

using protocol_support::Events;
using test_support::turns;
using test_support::until;

CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test_ctor) {
  auto pipe = co_await open_reading();
  EXPECT_EQ(pipe.protocol->events, Events{"made"});
  EXPECT_TRUE(pipe.transport->is_reading());
  co_await pipe.close();
}

CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test__read_ready) {
  auto pipe = co_await open_reading();
  write_to(pipe.other, "data");
  co_await until([&] { return pipe.protocol->data == "data"; });
  co_await pipe.close();
}

CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test__read_ready_eof) {
  auto pipe = co_await open_reading();
  pipe.other.reset();
  co_await pipe.protocol->lost;
  EXPECT_EQ(pipe.protocol->events, (Events{"made", "eof", "lost"}));
  EXPECT_FALSE(pipe.protocol->error);
  EXPECT_FALSE(pipe.transport->is_reading());
}

CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test__read_ready_blocked) {
  auto pipe = co_await open_reading();
  co_await turns(5);
  EXPECT_EQ(pipe.protocol->events, Events{"made"});
  co_await pipe.close();
}

/// What is read from it is an error: the peer has gone and has not read what we sent.
Coro<> expect_read_error() {
  auto pipe = co_await open_reading_socket();
  pipe.transport->pause_reading();
  EXPECT_EQ(::send(pipe.transport->fd(), "x", 1, MSG_NOSIGNAL), 1);
  pipe.other.reset();
  pipe.transport->resume_reading();
  co_await pipe.protocol->lost;
  EXPECT_TRUE(holds<ConnectionResetError>(pipe.protocol->error)) << describe(pipe.protocol->error);
  EXPECT_EQ(pipe.protocol->events, (Events{"made", "lost"}));
  EXPECT_EQ(pipe.transport->fd(), -1);
  EXPECT_EQ(pipe.transport->get_protocol(), nullptr);
}
CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test__read_ready_error) { co_await expect_read_error(); }
CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test__call_connection_lost_with_err) {
  co_await expect_read_error();
}

CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test_pause_reading) {
  auto pipe = co_await open_reading();
  pipe.transport->pause_reading();
  EXPECT_FALSE(pipe.transport->is_reading());
  write_to(pipe.other, "data");
  co_await turns(5);
  EXPECT_EQ(pipe.protocol->data, "");
  co_await pipe.close();
}

CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test_resume_reading) {
  auto pipe = co_await open_reading();
  pipe.transport->pause_reading();
  write_to(pipe.other, "data");
  co_await turns(5);
  pipe.transport->resume_reading();
  EXPECT_TRUE(pipe.transport->is_reading());
  co_await until([&] { return pipe.protocol->data == "data"; });
  co_await pipe.close();
}

CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test_close) {
  auto pipe = co_await open_reading();
  pipe.transport->close();
  EXPECT_TRUE(pipe.transport->is_closing());
  EXPECT_EQ(pipe.protocol->events, Events{"made"});  // not inside the call
  co_await pipe.protocol->lost;
  EXPECT_FALSE(pipe.protocol->error);
}

CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test_close_already_closing) {
  auto pipe = co_await open_reading();
  pipe.transport->close();
  pipe.transport->close();
  co_await pipe.protocol->lost;
  pipe.transport->close();
  co_await turns(5);
  EXPECT_EQ(pipe.protocol->events, (Events{"made", "lost"}));
}

CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test__close) {
  auto pipe = co_await open_reading();
  pipe.transport->abort();
  EXPECT_TRUE(pipe.transport->is_closing());
  EXPECT_FALSE(pipe.transport->is_reading());
  write_to(pipe.other, "data");
  co_await pipe.protocol->lost;
  EXPECT_EQ(pipe.protocol->events, (Events{"made", "lost"}));
}

CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test__call_connection_lost) {
  auto pipe = co_await open_reading();
  EXPECT_EQ(pipe.transport->get_protocol(), pipe.protocol);
  co_await pipe.close();
  EXPECT_EQ(pipe.transport->fd(), -1);
  EXPECT_EQ(pipe.transport->get_protocol(), nullptr);
}

CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test_pause_reading_on_closed_pipe) {
  auto pipe = co_await open_reading();
  co_await pipe.close();
  EXPECT_NO_THROW(pipe.transport->pause_reading());
}

CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test_pause_reading_on_paused_pipe) {
  auto pipe = co_await open_reading();
  pipe.transport->pause_reading();
  EXPECT_NO_THROW(pipe.transport->pause_reading());
  EXPECT_FALSE(pipe.transport->is_reading());
  co_await pipe.close();
}

CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test_resume_reading_on_closed_pipe) {
  auto pipe = co_await open_reading();
  co_await pipe.close();
  EXPECT_NO_THROW(pipe.transport->resume_reading());
  EXPECT_FALSE(pipe.transport->is_reading());
}

CONFORMANCE_IO(test_unix_events, UnixReadPipeTransportTests, test_resume_reading_on_paused_pipe) {
  // It is not paused, in spite of the name.
  auto pipe = co_await open_reading();
  EXPECT_NO_THROW(pipe.transport->resume_reading());
  write_to(pipe.other, "data");
  co_await until([&] { return pipe.protocol->data == "data"; });
  co_await pipe.close();
}

}  // namespace
}  // namespace tutti::conformance
