// SPDX-License-Identifier: MIT
#include <tutti/net/transports.hpp>

#include <string>

#include <tutti/net/protocols.hpp>

namespace tutti {
namespace {

[[noreturn]] void not_implemented(const char* function) {
  throw NotImplementedError(std::string(function) + ": this transport has no such function");
}

}  // namespace

NotImplementedError::~NotImplementedError() = default;

BaseTransport::~BaseTransport() = default;
void BaseTransport::close() { not_implemented("close"); }
void BaseTransport::abort() { not_implemented("abort"); }
bool BaseTransport::is_closing() const { not_implemented("is_closing"); }
Address BaseTransport::peername() const { return {}; }
Address BaseTransport::sockname() const { return {}; }
int BaseTransport::fd() const noexcept { return -1; }
const SSLObject* BaseTransport::ssl_object() const noexcept { return nullptr; }

bool Transport::is_reading() const { not_implemented("is_reading"); }
void Transport::pause_reading() { not_implemented("pause_reading"); }
void Transport::resume_reading() { not_implemented("resume_reading"); }
void Transport::write(BytesView) { not_implemented("write"); }
void Transport::writelines(std::span<const BytesView> pieces) {
  std::string all;
  for (const BytesView piece : pieces) all += piece;
  write(all);
}
void Transport::write_eof() { not_implemented("write_eof"); }
bool Transport::can_write_eof() const { not_implemented("can_write_eof"); }
void Transport::set_write_buffer_limits(std::optional<std::size_t>, std::optional<std::size_t>) {
  not_implemented("set_write_buffer_limits");
}
WriteBufferLimits Transport::get_write_buffer_limits() const { not_implemented("get_write_buffer_limits"); }
std::size_t Transport::get_write_buffer_size() const { not_implemented("get_write_buffer_size"); }
void Transport::set_protocol(std::shared_ptr<BaseProtocol>) { not_implemented("set_protocol"); }
std::shared_ptr<BaseProtocol> Transport::get_protocol() const { not_implemented("get_protocol"); }

void DatagramTransport::sendto(BytesView, std::optional<Address>) { not_implemented("sendto"); }
void DatagramTransport::set_write_buffer_limits(std::optional<std::size_t>, std::optional<std::size_t>) {
  not_implemented("set_write_buffer_limits");
}
WriteBufferLimits DatagramTransport::get_write_buffer_limits() const { not_implemented("get_write_buffer_limits"); }
std::size_t DatagramTransport::get_write_buffer_size() const { not_implemented("get_write_buffer_size"); }
void DatagramTransport::set_protocol(std::shared_ptr<DatagramProtocol>) { not_implemented("set_protocol"); }
std::shared_ptr<DatagramProtocol> DatagramTransport::get_protocol() const { not_implemented("get_protocol"); }

// ---- protocols, which do nothing ----

BaseProtocol::~BaseProtocol() = default;
void BaseProtocol::connection_made(std::shared_ptr<Transport>) {}
void BaseProtocol::connection_lost(std::exception_ptr) {}
void BaseProtocol::pause_writing() {}
void BaseProtocol::resume_writing() {}

void Protocol::data_received(BytesView) {}
bool Protocol::eof_received() { return false; }

MutableBytes BufferedProtocol::get_buffer(std::size_t) { return {}; }
void BufferedProtocol::buffer_updated(std::size_t) {}
bool BufferedProtocol::eof_received() { return false; }

DatagramProtocol::~DatagramProtocol() = default;
void DatagramProtocol::connection_made(std::shared_ptr<DatagramTransport>) {}
void DatagramProtocol::connection_lost(std::exception_ptr) {}
void DatagramProtocol::datagram_received(BytesView, const Address&) {}
void DatagramProtocol::error_received(std::exception_ptr) {}
void DatagramProtocol::pause_writing() {}
void DatagramProtocol::resume_writing() {}

}  // namespace tutti
