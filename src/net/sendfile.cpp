// SPDX-License-Identifier: MIT
#include <tutti/net/sendfile.hpp>

#include <cerrno>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/task/future.hpp>

#include "connection.hpp"
#include "file_sending.hpp"
#include "protocol_transport.hpp"

namespace tutti {
namespace {

using AnyTransport = detail::Ref<lowlevel::Transport>;

Coro<std::size_t> send_by_socket(detail::Ref<detail::Connection> connection, int file, SendfileOptions options) {
  const Future<> sent;
  const Fd socket = connection->begin_sendfile(sent);
  struct End {
    detail::Connection& connection;
    ~End() { connection.end_sendfile(); }
  } const end{*connection};
  co_await sent;
  try {
    const std::string context = "sendfile to " + connection->description();
    co_return co_await detail::send_file_natively(socket.get(), file, options, context);
  } catch (const ConnectionError&) {
    connection->fail(std::current_exception());
    throw;
  }
}

/// Stands before a transport's receiver, and sees when it may be written to.
class FlowWatch final : public lowlevel::Receiver {
 public:
  explicit FlowWatch(const AnyTransport& transport) : transport_(transport), receiver_(transport->receiver()) {}

  void data_received(ByteBuffer&& data) noexcept override {
    if (receiver_) receiver_->data_received(std::move(data));
  }
  bool eof_received() noexcept override { return receiver_ && receiver_->eof_received(); }
  void connection_lost(std::exception_ptr error) noexcept override {
    const bool in_order = !error && transport_->unsent_size() == 0;
    if (waiter_ && !waiter_->done()) {
      if (in_order && finishing_) {
        waiter_->set_result();
      } else {
        waiter_->set_exception(error ? error : lost());
      }
    }
    lost_error_ = error ? error : lost();
    lost_in_order_ = in_order;
    if (const auto receiver = std::move(receiver_)) receiver->connection_lost(std::move(error));
  }
  void pause_writing() noexcept override {
    if (receiver_) receiver_->pause_writing();
  }
  void resume_writing() noexcept override {
    if (waiter_ && !waiter_->done()) waiter_->set_result();
    if (receiver_) receiver_->resume_writing();
  }
  lowlevel::Transport* upper() noexcept override { return receiver_ ? receiver_->upper() : nullptr; }

  /// After the last piece: a peer that has taken everything may have ended in good order.
  Coro<> finish() {
    finishing_ = true;
    if (!lost_in_order_) co_await drain();
  }
  /// Waits while too much is written and not sent. *Errors*: what the connection was lost with.
  Coro<> drain() {
    if (lost_error_) std::rethrow_exception(lost_error_);
    if (transport_->write_buffer_size() <= transport_->get_write_buffer_limits().high) co_return;
    const Future<> waiter;
    waiter_ = waiter;
    co_await waiter;
  }
  /// Goes out of the way.
  void leave() noexcept {
    const auto receiver = std::move(receiver_);
    // A loop that has closed took the transport's receiver away: two that hold each other would never go.
    if (receiver && transport_->receiver().get() == this) transport_->set_receiver(receiver);
  }

 private:
  ~FlowWatch() override = default;
  [[nodiscard]] std::exception_ptr lost() const {
    return make_os_error(ECONNABORTED, "sendfile to " + transport_->description());
  }

  const AnyTransport transport_;
  detail::Ref<lowlevel::Receiver> receiver_;
  std::optional<Future<>> waiter_;
  std::exception_ptr lost_error_;
  bool lost_in_order_ = false;
  bool finishing_ = false;  // all is written
};

Coro<std::size_t> send_by_writing(AnyTransport transport, int file, SendfileOptions options) {
  const auto watch = detail::Ref<FlowWatch>::adopt(new FlowWatch(transport));
  transport->set_receiver(detail::Ref<lowlevel::Receiver>(watch.get()));
  struct Leave {
    FlowWatch& watch;
    ~Leave() { watch.leave(); }
  } const leave{*watch};
  struct Sender {
    FlowWatch& watch;
    lowlevel::Transport& transport;
    Coro<> operator()(std::string piece) const { return send(watch, transport, std::move(piece)); }
    static Coro<> send(FlowWatch& flow, lowlevel::Transport& to, std::string piece) {
      co_await flow.drain();
      to.write(piece);
    }
  };
  const std::size_t sent = co_await detail::send_file_by_copying(file, options, Sender{*watch, *transport});
  co_await watch->finish();
  co_return sent;
}

Coro<std::size_t> send(AnyTransport transport, int file, SendfileOptions options) {
  detail::check_sendfile_options(options, "sendfile");
  if (transport->is_closing()) throw RuntimeError("sendfile: the transport is closing");
  if (auto* const connection = dynamic_cast<detail::Connection*>(transport.get())) {
    try {
      co_return co_await send_by_socket(detail::Ref<detail::Connection>(connection), file, options);
    } catch (const SendfileNotAvailableError&) {
      if (!options.fallback) throw;
    }
  } else if (!options.fallback) {
    throw SendfileNotAvailableError("sendfile: fallback is disabled, and the transport has no sendfile(2)");
  }
  co_return co_await send_by_writing(std::move(transport), file, options);
}

}  // namespace

Coro<std::size_t> sendfile(StreamWriter& writer, int file, SendfileOptions options) {
  return send(AnyTransport(&writer.transport()), file, options);
}

Coro<std::size_t> sendfile(std::shared_ptr<Transport> transport, int file, SendfileOptions options) {
  const auto known = std::dynamic_pointer_cast<detail::ProtocolTransport>(transport);
  if (!known) throw ValueError("sendfile: the transport was not made by create_connection or its kin");
  return send(known->below(), file, options);
}

Coro<std::size_t> sendfile(detail::Ref<lowlevel::Transport> transport, int file, SendfileOptions options) {
  return send(std::move(transport), file, options);
}

}  // namespace tutti
