// SPDX-License-Identifier: MIT
// A protocol on any transport of the library.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <utility>

#include <tutti/base/ref.hpp>
#include <tutti/io/byte_buffer.hpp>
#include <tutti/io/transport.hpp>
#include <tutti/net/protocols.hpp>
#include <tutti/net/transports.hpp>
#include <tutti/task/future.hpp>

namespace tutti::detail {

/// Stands between the two: to the protocol it is the transport, to the transport below it is the receiver (through a
/// `Bridge`, which holds it until the connection is lost).
///
/// The transport below may still bring something after it was paused, where asyncio's does not: that is held back here.
class ProtocolTransport final : public Transport, public std::enable_shared_from_this<ProtocolTransport> {
 public:
  ProtocolTransport(Ref<lowlevel::Transport> below, std::shared_ptr<BaseProtocol> protocol);
  ~ProtocolTransport() override;

  /// Takes over the transport below. In the next iteration `connection_made` is called, then reading starts, then
  /// `made` is set.
  void start(Future<> made);
  /// The same for a protocol that has gone through `connection_made`, on another transport.
  void go_on();
  [[nodiscard]] const Ref<lowlevel::Transport>& below() const noexcept { return below_; }
  /// What came and was not delivered.
  [[nodiscard]] ByteBuffer take_held() noexcept { return std::exchange(held_, ByteBuffer()); }

  void close() override { below_->close(); }
  void abort() override { below_->abort(); }
  [[nodiscard]] bool is_closing() const override { return below_->is_closing(); }
  [[nodiscard]] Address peername() const override { return below_->peername(); }
  [[nodiscard]] Address sockname() const override { return below_->sockname(); }
  [[nodiscard]] int fd() const noexcept override { return below_->fd(); }
  [[nodiscard]] const SSLObject* ssl_object() const noexcept override { return below_->ssl_object(); }

  [[nodiscard]] bool is_reading() const override { return !paused_ && !is_closing(); }
  void pause_reading() override;
  void resume_reading() override;
  void write(BytesView data) override;
  void writelines(std::span<const BytesView> pieces) override;
  void write_eof() override { below_->write_eof(); }
  [[nodiscard]] bool can_write_eof() const override { return below_->can_write_eof(); }
  void set_write_buffer_limits(std::optional<std::size_t> high, std::optional<std::size_t> low) override {
    below_->set_write_buffer_limits(high, low);
  }
  [[nodiscard]] WriteBufferLimits get_write_buffer_limits() const override { return below_->get_write_buffer_limits(); }
  [[nodiscard]] std::size_t get_write_buffer_size() const override { return below_->write_buffer_size(); }
  void set_protocol(std::shared_ptr<BaseProtocol> protocol) override;
  [[nodiscard]] std::shared_ptr<BaseProtocol> get_protocol() const override { return protocol_; }

 private:
  class Bridge;

  void data_received(ByteBuffer&& data) noexcept;
  bool eof_received() noexcept;
  void connection_lost(std::exception_ptr error) noexcept;
  void forget_protocol() noexcept;
  void deliver(BytesView data);
  BytesView deliver_to_buffer(BytesView data);
  [[nodiscard]] bool deliver_eof() noexcept;
  void deliver_held();
  template <class Call>
  void guarded(const char* function, Call call) noexcept;
  void fail(const char* function, std::exception_ptr error) noexcept;
  void report(const std::string& message, std::exception_ptr error) const noexcept;
  [[nodiscard]] bool can_write();

  Ref<lowlevel::Transport> below_;
  std::shared_ptr<BaseProtocol> protocol_;
  Protocol* protocol_of_data_ = nullptr;  // what it is, of the two
  BufferedProtocol* protocol_of_buffers_ = nullptr;
  bool made_ = false;  // connection_made was called
  bool paused_ = false;
  bool held_eof_ = false;
  ByteBuffer held_;             // what came while it was paused
  std::exception_ptr failure_;  // of the protocol
  unsigned lost_writes_ = 0;
};

}  // namespace tutti::detail
