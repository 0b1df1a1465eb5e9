// SPDX-License-Identifier: MIT
// A datagram protocol on a socket.
#pragma once

#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include <tutti/net/protocols.hpp>
#include <tutti/net/sockets.hpp>
#include <tutti/net/transports.hpp>
#include <tutti/task/future.hpp>

#include "io/flow.hpp"
#include "loop/loop_list.hpp"
#include "socket_file.hpp"

namespace tutti::detail {

/// Watches its socket as `add_reader` and `add_writer` do; the watches hold it.
class SocketDatagramTransport final : public DatagramTransport,
                                      public std::enable_shared_from_this<SocketDatagramTransport>,
                                      private LoopMember {
 public:
  /// `remote`: to whom everything is sent, whether the socket is connected or not.
  SocketDatagramTransport(EventLoop& loop, Socket socket, std::optional<Address> remote, SocketFile file,
                          std::shared_ptr<DatagramProtocol> protocol);
  ~SocketDatagramTransport() override;

  /// In the next iteration `connection_made` is called, then reading starts, then `made` is set.
  void start(Future<> made);

  void sendto(BytesView data, std::optional<Address> address) override;
  void close() override;
  void abort() override { end(nullptr); }
  [[nodiscard]] bool is_closing() const override { return closing_; }
  [[nodiscard]] Address peername() const override { return peer_; }
  [[nodiscard]] Address sockname() const override { return socket_ ? socket_.getsockname() : Address(); }
  [[nodiscard]] int fd() const noexcept override { return socket_.fd(); }

  void set_write_buffer_limits(std::optional<std::size_t> high, std::optional<std::size_t> low) override;
  [[nodiscard]] WriteBufferLimits get_write_buffer_limits() const override { return marks_.limits(); }
  [[nodiscard]] std::size_t get_write_buffer_size() const override { return queued_bytes_; }
  void set_protocol(std::shared_ptr<DatagramProtocol> protocol) override;
  [[nodiscard]] std::shared_ptr<DatagramProtocol> get_protocol() const override { return protocol_; }

  void loop_closes() noexcept override;

 private:
  struct Queued {
    std::string data;
    std::optional<Address> address;
  };
  // As asyncio counts, so that many empty datagrams are noticed too.
  static constexpr std::size_t kHeaderSize = 8;

  void read_ready();
  void write_ready();
  [[nodiscard]] int send_now(BytesView data, const std::optional<Address>& address) const noexcept;
  void tell_error(int error, const char* operation, const std::optional<Address>& address);
  void check_high();
  void check_low();
  void call_flow_control(const char* function, void (DatagramProtocol::*call)());
  void end(std::exception_ptr error);
  void call_connection_lost(std::exception_ptr error);
  void let_go() noexcept;

  EventLoop* loop_;
  Socket socket_;
  std::optional<Address> remote_;
  Address peer_;
  SocketFile file_;
  std::shared_ptr<DatagramProtocol> protocol_;
  std::deque<Queued> queue_;
  std::size_t queued_bytes_ = 0;
  WriteMarks marks_;
  bool closing_ = false;
  unsigned lost_ = 0;  // not 0: connection_lost is on its way; counts the writes since
};

}  // namespace tutti::detail
