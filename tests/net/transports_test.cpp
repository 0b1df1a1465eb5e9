// SPDX-License-Identifier: MIT
// The abstract classes by themselves: CPython's test_transports and test_protocols.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <tutti/net/protocols.hpp>
#include <tutti/net/transports.hpp>

namespace {

using tutti::NotImplementedError;

// test_transports.TransportTests.test_not_implemented
TEST(Transports, SayWhatTheyHaveNot) {
  tutti::Transport transport;
  EXPECT_THROW(transport.set_write_buffer_limits(), NotImplementedError);
  EXPECT_THROW((void)transport.get_write_buffer_limits(), NotImplementedError);
  EXPECT_THROW((void)transport.get_write_buffer_size(), NotImplementedError);
  EXPECT_THROW(transport.write("data"), NotImplementedError);
  EXPECT_THROW(transport.write_eof(), NotImplementedError);
  EXPECT_THROW((void)transport.can_write_eof(), NotImplementedError);
  EXPECT_THROW(transport.pause_reading(), NotImplementedError);
  EXPECT_THROW(transport.resume_reading(), NotImplementedError);
  EXPECT_THROW((void)transport.is_reading(), NotImplementedError);
  EXPECT_THROW((void)transport.is_closing(), NotImplementedError);
  EXPECT_THROW(transport.close(), NotImplementedError);
  EXPECT_THROW(transport.abort(), NotImplementedError);
  EXPECT_THROW(transport.set_protocol(nullptr), NotImplementedError);
  EXPECT_THROW((void)transport.get_protocol(), NotImplementedError);
}

// test_dgram_not_implemented
TEST(Transports, OfDatagramsSayWhatTheyHaveNot) {
  tutti::DatagramTransport transport;
  EXPECT_THROW(transport.sendto("data"), NotImplementedError);
  EXPECT_THROW(transport.abort(), NotImplementedError);
  EXPECT_THROW(transport.set_protocol(nullptr), NotImplementedError);
  EXPECT_THROW((void)transport.get_protocol(), NotImplementedError);
  EXPECT_THROW(transport.set_write_buffer_limits(), NotImplementedError);
  EXPECT_THROW((void)transport.get_write_buffer_limits(), NotImplementedError);
  EXPECT_THROW((void)transport.get_write_buffer_size(), NotImplementedError);
}

// test_get_extra_info
TEST(Transports, KnowNothingByThemselves) {
  const tutti::Transport transport;
  EXPECT_EQ(transport.get_extra_info(tutti::extra_info::peername), tutti::Address());
  EXPECT_EQ(transport.get_extra_info(tutti::extra_info::sockname), tutti::Address());
  EXPECT_EQ(transport.get_extra_info(tutti::extra_info::socket), -1);
  EXPECT_EQ(transport.get_extra_info(tutti::extra_info::ssl_object), nullptr);
  EXPECT_EQ(transport.get_extra_info([](const tutti::BaseTransport&) { return 7; }), 7);
}

// test_writelines
TEST(Transports, WriteSeveralPiecesAsOneUnlessTheyKnowBetter) {
  class MyTransport : public tutti::Transport {
   public:
    std::string written;
    int calls = 0;
    void write(tutti::BytesView data) override {
      written += data;
      ++calls;
    }
  } transport;
  transport.writelines({"line1", "line2", "line3"});
  EXPECT_EQ(transport.written, "line1line2line3");
  EXPECT_EQ(transport.calls, 1);
}

// test_protocols.ProtocolsAbsTests: test_base_protocol, test_protocol, test_buffered_protocol
TEST(Protocols, DoNothingByThemselves) {
  tutti::BaseProtocol base;
  tutti::Protocol protocol;
  tutti::BufferedProtocol buffered;
  for (tutti::BaseProtocol* each :
       {&base, static_cast<tutti::BaseProtocol*>(&protocol), static_cast<tutti::BaseProtocol*>(&buffered)}) {
    each->connection_made(nullptr);
    each->connection_lost(nullptr);
    each->pause_writing();
    each->resume_writing();
  }
  protocol.data_received("data");
  EXPECT_FALSE(protocol.eof_received());
  EXPECT_TRUE(buffered.get_buffer(100).empty());
  buffered.buffer_updated(150);
  EXPECT_FALSE(buffered.eof_received());
}

// test_datagram_protocol
TEST(Protocols, OfDatagramsDoNothingByThemselves) {
  tutti::DatagramProtocol protocol;
  protocol.connection_made(nullptr);
  protocol.connection_lost(nullptr);
  protocol.error_received(nullptr);
  protocol.datagram_received("data", tutti::Address());
  protocol.pause_writing();
  protocol.resume_writing();
}

}  // namespace
