// SPDX-License-Identifier: MIT
#include "protocol_transport.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/base/log.hpp>
#include <tutti/loop/event_loop.hpp>

namespace tutti::detail {
namespace {

// asyncio's number: a program that never looks whether its connection is there is told after so many writes.
constexpr unsigned kLostWrites = 5;

}  // namespace

/// What the transport below knows.
class ProtocolTransport::Bridge final : public lowlevel::Receiver {
 public:
  explicit Bridge(std::shared_ptr<ProtocolTransport> transport) noexcept : transport_(std::move(transport)) {}
  ~Bridge() override { transport_->forget_protocol(); }  // the loop may have closed first

  void data_received(ByteBuffer&& data) noexcept override { transport_->data_received(std::move(data)); }
  bool eof_received() noexcept override { return transport_->eof_received(); }
  void connection_lost(std::exception_ptr error) noexcept override { transport_->connection_lost(std::move(error)); }
  void pause_writing() noexcept override {
    transport_->guarded("pause_writing", [](BaseProtocol& protocol) { protocol.pause_writing(); });
  }
  void resume_writing() noexcept override {
    transport_->guarded("resume_writing", [](BaseProtocol& protocol) { protocol.resume_writing(); });
  }

 private:
  std::shared_ptr<ProtocolTransport> transport_;
};

ProtocolTransport::ProtocolTransport(Ref<lowlevel::Transport> below, std::shared_ptr<BaseProtocol> protocol)
    : below_(std::move(below)) {
  ProtocolTransport::set_protocol(std::move(protocol));
}

ProtocolTransport::~ProtocolTransport() = default;

void ProtocolTransport::set_protocol(std::shared_ptr<BaseProtocol> protocol) {
  if (!protocol) throw ValueError("a transport needs a protocol");
  protocol_of_data_ = dynamic_cast<Protocol*>(protocol.get());
  protocol_of_buffers_ = dynamic_cast<BufferedProtocol*>(protocol.get());
  protocol_ = std::move(protocol);
}

void ProtocolTransport::start(Future<> made) {
  const auto self = shared_from_this();
  below_->set_receiver(Ref<lowlevel::Receiver>::adopt(new Bridge(self)));
  EventLoop& loop = below_->loop();
  loop.call_soon([self] {
    self->made_ = true;
    self->protocol_->connection_made(self);
  });
  loop.call_soon([self] {
    if (self->is_reading()) self->below_->resume_reading();
  });
  loop.call_soon([made = std::move(made)] {
    if (!made.done()) made.set_result();
  });
}

void ProtocolTransport::go_on() {
  made_ = true;
  below_->set_receiver(Ref<lowlevel::Receiver>::adopt(new Bridge(shared_from_this())));
  below_->resume_reading();
}

// ---- reading ----

void ProtocolTransport::pause_reading() {
  if (!is_reading()) return;
  paused_ = true;
  below_->pause_reading();
}

void ProtocolTransport::resume_reading() {
  if (!paused_ || is_closing()) return;
  paused_ = false;
  if (held_.empty() && !held_eof_) return below_->resume_reading();
  below_->loop().call_soon([self = shared_from_this()] { self->deliver_held(); });
}

void ProtocolTransport::data_received(ByteBuffer&& data) noexcept {
  const auto self = shared_from_this();
  try {
    if (paused_ || !held_.empty()) return held_.append(data.view());
    deliver(data.view());
  } catch (...) {
    fail(protocol_of_buffers_ != nullptr ? "get_buffer or buffer_updated" : "data_received", std::current_exception());
  }
}

/// What the protocol did not take when it paused is held back.
void ProtocolTransport::deliver(BytesView data) {
  while (!data.empty() && !is_closing()) {
    if (paused_) return held_.append(data);
    if (protocol_of_data_ != nullptr) {
      const auto protocol = protocol_;  // it may be replaced meanwhile
      return protocol_of_data_->data_received(data);
    }
    if (protocol_of_buffers_ == nullptr) return;  // it does not read
    data = deliver_to_buffer(data);
  }
}

BytesView ProtocolTransport::deliver_to_buffer(BytesView data) {
  const auto protocol = protocol_;
  BufferedProtocol& receiver = *protocol_of_buffers_;
  const MutableBytes memory = receiver.get_buffer(data.size());
  if (memory.empty()) throw RuntimeError("get_buffer() returned an empty buffer");
  const std::size_t count = std::min(memory.size(), data.size());
  std::memcpy(memory.data(), data.data(), count);
  receiver.buffer_updated(count);
  return data.substr(count);
}

bool ProtocolTransport::eof_received() noexcept {
  if (!paused_ && held_.empty()) return deliver_eof();
  held_eof_ = true;
  return true;
}

bool ProtocolTransport::deliver_eof() noexcept {
  const auto self = shared_from_this();
  const auto protocol = protocol_;
  try {
    if (protocol_of_data_ != nullptr) return protocol_of_data_->eof_received();
    if (protocol_of_buffers_ != nullptr) return protocol_of_buffers_->eof_received();
    return false;
  } catch (...) {
    fail("eof_received", std::current_exception());
    return true;  // it is ending already
  }
}

void ProtocolTransport::deliver_held() {
  if (!is_reading()) return;
  const ByteBuffer held = std::exchange(held_, ByteBuffer());
  try {
    deliver(held.view());
  } catch (...) {
    fail("data_received", std::current_exception());
  }
  if (!is_reading()) return;
  if (!std::exchange(held_eof_, false)) return below_->resume_reading();
  if (!deliver_eof()) close();
}

// ---- writing ----

bool ProtocolTransport::can_write() {
  if (!is_closing()) return true;
  if (++lost_writes_ >= kLostWrites) {
    log(LogLevel::warning, "net", "write to " + below_->description() + ": the connection is lost");
  }
  return false;
}

void ProtocolTransport::write(BytesView data) {
  if (can_write()) below_->write(data);
}

void ProtocolTransport::writelines(std::span<const BytesView> pieces) {
  if (can_write()) below_->writelines(pieces);
}

// ---- the end, and errors ----

void ProtocolTransport::connection_lost(std::exception_ptr error) noexcept {
  const auto self = shared_from_this();
  if (!made_) {  // TLS may have ended before its protocol was there
    below_->loop().call_soon([self, error] { self->connection_lost(error); });
    return;
  }
  held_ = ByteBuffer();
  guarded("connection_lost", [&](BaseProtocol& protocol) { protocol.connection_lost(failure_ ? failure_ : error); });
  forget_protocol();
}

void ProtocolTransport::forget_protocol() noexcept {
  protocol_of_data_ = nullptr;
  protocol_of_buffers_ = nullptr;
  protocol_ = nullptr;
}

template <class Call>
void ProtocolTransport::guarded(const char* function, Call call) noexcept {
  const auto protocol = protocol_;
  if (!protocol) return;
  try {
    call(*protocol);
  } catch (...) {
    report(std::string("protocol.") + function + "() failed", std::current_exception());
  }
}

void ProtocolTransport::fail(const char* function, std::exception_ptr error) noexcept {
  if (leaves_loop(error)) return report(function, std::move(error));
  failure_ = error;
  // What went wrong with the network is told by connection_lost alone.
  if (!holds<OSError>(error)) report(std::string("fatal error: protocol.") + function + "() failed", std::move(error));
  below_->abort();
}

void ProtocolTransport::report(const std::string& message, std::exception_ptr error) const noexcept {
  EventLoop& loop = below_->loop();
  try {
    // A request to leave the loop must not be thrown through the transport below, which is in the middle of something.
    if (leaves_loop(error)) {
      loop.call_soon([error] { std::rethrow_exception(error); });
    } else {
      loop.call_exception_handler({message, std::move(error), "transport to " + below_->description(), {}});
    }
  } catch (...) {
    log(LogLevel::error, "net", message + ", and so did its report: " + describe(std::current_exception()));
  }
}

}  // namespace tutti::detail
