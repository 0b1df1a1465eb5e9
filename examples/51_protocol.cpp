// SPDX-License-Identifier: MIT
// A server of lines as a protocol: callbacks instead of coroutines, as in asyncio's transports and protocols.
//
//   make build && build/release/examples/example_51_protocol
#include <iostream>
#include <memory>
#include <string>

#include <tutti/tutti.hpp>

using tutti::BytesView;
using tutti::Coro;

// [region protocol]
/// Answers each line with its number. The same class would serve TLS, a Unix socket or a pipe.
class LineServer : public tutti::Protocol {
 public:
  void connection_made(std::shared_ptr<tutti::Transport> transport) override { transport_ = std::move(transport); }

  void data_received(BytesView data) override {  // any number of bytes: a line may come in pieces
    buffer_ += data;
    for (auto end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n')) {
      transport_->write(std::to_string(++count_) + ": " + buffer_.substr(0, end + 1));
      buffer_.erase(0, end + 1);
    }
  }

  bool eof_received() override {
    transport_->write(std::to_string(count_) + " lines, goodbye\n");
    return false;  // so it closes, once that was sent
  }

  // A client that does not read what it asked for holds back only itself.
  void pause_writing() override { transport_->pause_reading(); }
  void resume_writing() override { transport_->resume_reading(); }

  void connection_lost(std::exception_ptr) override { transport_ = nullptr; }

 private:
  std::shared_ptr<tutti::Transport> transport_;
  std::string buffer_;
  int count_ = 0;
};
// [endregion]

// [region main]
Coro<> async_main() {
  auto server = co_await tutti::create_server([] { return std::make_shared<LineServer>(); }, "127.0.0.1", 0);
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());  // the client has streams
  for (const char* piece : {"hel", "lo\nwor", "ld\n"}) writer.write(piece);
  writer.write_eof();
  std::cout << co_await reader.read();
  writer.close();
  server.close();
  co_await server.wait_closed();
}

int main() { tutti::run(async_main()); }
// [endregion]
