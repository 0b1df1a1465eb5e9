// SPDX-License-Identifier: MIT
// Datagrams and protocols with Python's sockets and asyncio at the other end.
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <tutti/net/datagram.hpp>
#include <tutti/net/endpoints.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/task/executor.hpp>
#include <tutti/testing/test.hpp>

#include "protocol_support.hpp"
#include "support/program.hpp"

namespace {

using namespace protocol_support;
using test_support::Program;

/// `call()` in another thread: the program that it waits for may wait for us.
template <class F>
auto elsewhere(F call) {
  return tutti::run_in_executor(std::move(call));
}

TUTTI_TEST(PythonPeers, ExchangeDatagrams) {
  auto server = co_await tutti::bind_udp("127.0.0.1", 0);
  const char* const script = R"(
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.connect(('127.0.0.1', int(sys.argv[1])))
    for data in (b'', b'x', bytes(range(256)) * 200):
        sock.send(data)
        assert sock.recv(65536) == data + b'!'
    print('fine')
)";
  Program python({"python3", "-c", script, std::to_string(server.port())});
  for (int i = 0; i < 3; ++i) {
    const tutti::Datagram datagram = co_await server.receive();
    co_await server.send_to(datagram.data + "!", datagram.address);
  }
  EXPECT_EQ(co_await elsewhere([&] { return python.rest(); }), "fine\n");
}

// The same protocol on both sides, one of them asyncio's.
TUTTI_TEST(PythonPeers, SpeakDatagramProtocolsWithAsyncio) {
  const char* const script = R"(
import asyncio, sys
class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, addr):
        self.transport.sendto(data.upper(), addr)
        if data == b'end':
            self.transport.close()
    def connection_lost(self, exc):
        done.set_result(exc)
async def main():
    global done
    done = asyncio.get_running_loop().create_future()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Echo, local_addr=('127.0.0.1', 0))
    print(transport.get_extra_info('sockname')[1], flush=True)
    await done
asyncio.run(main())
)";
  Program python({"python3", "-c", script});
  const auto port = static_cast<std::uint16_t>(std::stoi(co_await elsewhere([&] { return python.line(); })));
  auto client = co_await tutti::connect_udp("127.0.0.1", port);
  for (const char* text : {"one", "end"}) {
    co_await client.send(text);
    EXPECT_EQ((co_await client.receive()).data, text == std::string("one") ? "ONE" : "END");
  }
  EXPECT_EQ(co_await elsewhere([&] { return python.rest(); }), "");
}

TUTTI_TEST(PythonPeers, SpeakProtocolsWithAsyncio) {
  const auto peer = std::make_shared<Recorder>();
  peer->keep_open = true;
  peer->on_eof = [raw = peer.get()] {
    raw->transport->write(raw->data);
    raw->transport->close();
  };
  auto server = co_await tutti::create_server([peer] { return peer; }, "127.0.0.1", 0);
  const char* const script = R"(
import asyncio, sys
class Client(asyncio.Protocol):
    data = b''
    def connection_made(self, transport):
        transport.write(sent)
        transport.write_eof()
    def data_received(self, data):
        self.data += data
    def eof_received(self):
        print('eof')
    def connection_lost(self, exc):
        print(self.data == sent, exc)
        done.set_result(None)
async def main():
    global done, sent
    sent = bytes(range(250)) * 4000
    done = asyncio.get_running_loop().create_future()
    await asyncio.get_running_loop().create_connection(Client, '127.0.0.1', int(sys.argv[1]))
    await done
asyncio.run(main())
)";
  Program python({"python3", "-c", script, std::to_string(server.port())});
  co_await peer->lost;
  EXPECT_EQ(peer->events, (Events{"made", "data", "eof", "lost"}));
  EXPECT_EQ(co_await elsewhere([&] { return python.rest(); }), "eof\nTrue None\n");
  server.close();
  co_await server.wait_closed();
}

}  // namespace
