// SPDX-License-Identifier: MIT
// An echo server on Tutti's protocols, the lowest public API.
//   echo_protocol_tutti PORT|PATH
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include <tutti/net/endpoints.hpp>
#include <tutti/task/run.hpp>

using tutti::Coro;

namespace {

class Echo final : public tutti::Protocol {
 public:
  void connection_made(std::shared_ptr<tutti::Transport> transport) override { transport_ = std::move(transport); }
  void connection_lost(std::exception_ptr) override { transport_.reset(); }
  void data_received(tutti::BytesView data) override { transport_->write(data); }
  void pause_writing() override { transport_->pause_reading(); }
  void resume_writing() override { transport_->resume_reading(); }

 private:
  std::shared_ptr<tutti::Transport> transport_;
};

Coro<> serve(std::string where) {
  const auto factory = [] { return std::make_shared<Echo>(); };
  if (where.find('/') != std::string::npos) {
    auto server = co_await tutti::create_unix_server(factory, where, {.backlog = 4096});
    co_await server.serve_forever();
  } else {
    auto server = co_await tutti::create_server(factory, "127.0.0.1", static_cast<std::uint16_t>(std::stoi(where)),
                                                {.backlog = 4096, .reuse_port = true});
    co_await server.serve_forever();
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  tutti::run(serve(arguments[1]));
}
