// SPDX-License-Identifier: MIT
// Random acts with protocols: each is told once that its connection is there, once that it is lost, and its bytes in between.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <tutti/io/pipe.hpp>
#include <tutti/net/endpoints.hpp>
#include <tutti/net/sendfile.hpp>
#include <tutti/sync/event.hpp>
#include <tutti/task/timeout.hpp>

#include "net/tls_support.hpp"
#include "outside_files.hpp"
#include "stress.hpp"

namespace stress {

/// What was said to all protocols of a run.
struct Tally {
  unsigned protocols = 0;    ///< that live
  unsigned connections = 0;  ///< that were made and not lost
};

/// Takes part in a tally.
class Told {
 public:
  explicit Told(std::shared_ptr<Tally> tally) : tally_(std::move(tally)) { ++tally_->protocols; }
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;

 protected:
  ~Told() { --tally_->protocols; }
  void note_made() {
    EXPECT_FALSE(made_) << "connection_made twice";
    made_ = true;
    ++tally_->connections;
  }
  void note_lost() {
    EXPECT_TRUE(made_ && !lost_) << "connection_lost without a connection";
    lost_ = true;
    --tally_->connections;
  }
  void note_call() const { EXPECT_TRUE(made_ && !lost_) << "told outside of the connection"; }

 private:
  std::shared_ptr<Tally> tally_;
  bool made_ = false, lost_ = false;
};

/// Sends back what comes, no faster than it goes.
class Echo final : public tutti::Protocol, Told {
 public:
  using Told::Told;
  void connection_made(std::shared_ptr<tutti::Transport> transport) override {
    note_made();
    transport_ = std::move(transport);
  }
  void connection_lost(std::exception_ptr) override {
    note_lost();
    transport_.reset();
  }
  void data_received(tutti::BytesView data) override {
    note_call();
    transport_->write(data);
  }
  void pause_writing() override { transport_->pause_reading(); }
  void resume_writing() override { transport_->resume_reading(); }

 private:
  std::shared_ptr<tutti::Transport> transport_;
};

/// Compares what comes with what is expected, as far as it does.
class Comparer final : public tutti::Protocol, Told {
 public:
  using Told::Told;
  void expect(std::string_view bytes) { expected_ += bytes; }
  /// Until all has come, or no more will.
  Coro<> all() {
    while (came_ < expected_.size() && !ended_) {
      changed_.clear();
      co_await changed_.wait();
    }
  }

  void connection_made(std::shared_ptr<tutti::Transport>) override { note_made(); }
  void connection_lost(std::exception_ptr) override {
    note_lost();
    ended_ = true;
    changed_.set();
  }
  void data_received(tutti::BytesView data) override {
    note_call();
    EXPECT_TRUE(std::string_view(expected_).substr(came_).starts_with(data)) << "something else came";
    came_ += data.size();
    changed_.set();
  }
  bool eof_received() override {
    note_call();
    return false;
  }

 private:
  std::string expected_;
  std::size_t came_ = 0;
  bool ended_ = false;
  tutti::Event changed_;
};

/// Of a pipe's writing end.
class PipeWriter final : public tutti::BaseProtocol, Told {
 public:
  using Told::Told;
  void connection_made(std::shared_ptr<tutti::Transport>) override { note_made(); }
  void connection_lost(std::exception_ptr) override { note_lost(); }
  void pause_writing() override { note_call(); }
  void resume_writing() override { note_call(); }
};

/// Of a socket that sends to itself.
class Numbers final : public tutti::DatagramProtocol, Told {
 public:
  using Told::Told;
  void connection_made(std::shared_ptr<tutti::DatagramTransport>) override { note_made(); }
  void connection_lost(std::exception_ptr) override {
    note_lost();
    sent.check_once("datagram of a protocol");
  }
  void datagram_received(tutti::BytesView data, const tutti::Address&) override {
    note_call();
    sent.note_got(std::stoi(std::string(data)));
  }
  Ledger sent;
};

class ProtocolActs {
  // Before who calls them: their types are what they return.
  auto echo() {
    return [tally = tally_] { return std::make_shared<Echo>(tally); };
  }
  auto comparer() {
    return [tally = tally_] { return std::make_shared<Comparer>(tally); };
  }

 public:
  ProtocolActs(Crowd& crowd, const SharedFile& file) : crowd_(crowd), random_(crowd.random), file_(file) {}

  Coro<> open() {
    server_ = co_await tutti::create_server(echo(), "127.0.0.1", 0);
    port_ = server_->port();
    tls_server_ = co_await tutti::create_server(echo(), "127.0.0.1", 0, {.ssl = tls_support::server_context()});
    tls_port_ = tls_server_->port();
  }

  Coro<> act() {
    switch (random_.below(9)) {
      case 0:
      case 1: return converse();
      case 2: return send_file();
      case 3: return send_file_by_stream();
      case 4: return serve();
      case 5:
      case 6: return pass_through_pipe();
      case 7: return pass_through_pipe_by_stream();
      default: return send_datagrams();
    }
  }

  Coro<> close() {
    for (auto* server : {&server_, &tls_server_}) {
      (*server)->close();
      if (random_.chance(50)) (*server)->abort_clients();
      co_await (*server)->wait_closed();
      server->reset();
    }
    for (int turns = 0; turns < 2'000 && tally_->protocols > 0; ++turns) {
      co_await tutti::sleep(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(tally_->connections, 0U) << "connection_lost was not called";
    EXPECT_EQ(tally_->protocols, 0U) << "protocols were left";
  }

 private:
  /// Closes a transport at the end of a scope, in one way or the other.
  class Leave {
   public:
    Leave(ProtocolActs& acts, std::shared_ptr<tutti::BaseTransport> transport)
        : acts_(acts), transport_(std::move(transport)) {}
    Leave(const Leave&) = delete;
    Leave& operator=(const Leave&) = delete;
    ~Leave() { acts_.random_.chance(60) ? transport_->close() : transport_->abort(); }

   private:
    ProtocolActs& acts_;
    std::shared_ptr<tutti::BaseTransport> transport_;
  };

  /// To one of the two servers, mostly without TLS.
  Coro<tutti::Connected<Comparer>> connect() {
    if (random_.chance(70)) return tutti::create_connection(comparer(), "127.0.0.1", port_);
    return tutti::create_connection(comparer(), "localhost", tls_port_, {.ssl = tls_support::client_context()});
  }

  Coro<> converse() {
    const auto [transport, protocol] = co_await connect();
    const Leave leave(*this, transport);
    co_await talk(*transport, *protocol);
    if (random_.chance(30) && transport->can_write_eof()) transport->write_eof();
    co_await protocol->all();
  }
  Coro<> talk(tutti::Transport& transport, Comparer& reads) {
    Pattern pattern;
    for (unsigned pieces = random_.below(5); pieces > 0; --pieces) {
      const std::string bytes = pattern.next(random_.below(40'000));
      reads.expect(bytes);
      transport.write(bytes);
      co_await crowd_.pause();
    }
  }

  Coro<> send_file() {
    const auto [transport, protocol] = co_await connect();
    const Leave leave(*this, transport);
    const tutti::Fd file = file_.open();
    const tutti::SendfileOptions options = file_.some_part(random_);
    protocol->expect(file_.part(options));
    EXPECT_EQ(co_await tutti::sendfile(transport, file.get(), options), file_.part(options).size());
    co_await protocol->all();
  }
  Coro<> send_file_by_stream() {
    auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", port_);
    const tutti::Fd file = file_.open();
    const tutti::SendfileOptions options = file_.some_part(random_);
    const auto send = [&]() -> Coro<> { co_await tutti::sendfile(writer, file.get(), options); };
    if (random_.chance(30)) {
      co_await tutti::wait_for(send(), crowd_.some_time());
    } else {
      co_await send();
      EXPECT_TRUE(co_await reader.readexactly(file_.part(options).size()) == file_.part(options));
    }
    writer.close();
    co_await writer.wait_closed();
  }

  /// A server of one's own.
  Coro<> serve() {
    tutti::Server server = co_await tutti::create_server(echo(), "127.0.0.1", 0, {.start_serving = random_.chance(70)});
    const auto port = server.port();
    if (random_.chance(30)) co_await tutti::wait_for(server.serve_forever(), crowd_.some_time());
    co_await server.start_serving();
    const auto [transport, protocol] = co_await tutti::create_connection(comparer(), "127.0.0.1", port);
    {
      const Leave leave(*this, transport);
      co_await talk(*transport, *protocol);
    }
    server.close();
    if (random_.chance(30)) server.close_clients();
    co_await server.wait_closed();
  }

  Coro<> pass_through_pipe() {
    auto [read_end, write_end] = tutti::make_pipe();
    const auto [in, reads] = co_await tutti::connect_read_pipe(comparer(), std::move(read_end));
    const Leave leave_in(*this, in);
    const auto [out, writes] = co_await tutti::connect_write_pipe(
        [tally = tally_] { return std::make_shared<PipeWriter>(tally); }, std::move(write_end));
    const Leave leave_out(*this, out);
    if (random_.chance(30)) in->pause_reading();
    co_await talk(*out, *reads);
    in->resume_reading();
    co_await reads->all();
  }
  Coro<> pass_through_pipe_by_stream() {
    auto [read_end, write_end] = tutti::make_pipe();
    auto reader = tutti::open_read_pipe(std::move(read_end));
    auto writer = tutti::open_write_pipe(std::move(write_end));
    const std::string bytes = Pattern().next(random_.below(200'000));
    writer.write(bytes);
    const auto read = [&]() -> Coro<> {
      EXPECT_TRUE(co_await reader.readexactly(bytes.size()) == bytes) << "something else came";
    };
    if (random_.chance(30)) {
      try {  // what was read is not lost
        co_await tutti::wait_for(read(), crowd_.some_time());
        co_return writer.close();
      } catch (const tutti::TimeoutError&) {
      }
    }
    co_await read();
    writer.close();
  }

  Coro<> send_datagrams() {
    const auto [transport, protocol] =
        co_await tutti::create_datagram_endpoint([tally = tally_] { return std::make_shared<Numbers>(tally); },
                                                 tutti::DatagramEndpointOptions{.local_address = {{"127.0.0.1", 0}}});
    const Leave leave(*this, transport);
    for (unsigned count = random_.below(20); count > 0; --count) {
      transport->sendto(std::to_string(protocol->sent.make()), transport->sockname());
      if (random_.chance(20)) co_await crowd_.pause();
    }
  }

  Crowd& crowd_;
  Random& random_;
  const SharedFile& file_;
  std::shared_ptr<Tally> tally_ = std::make_shared<Tally>();
  std::optional<tutti::Server> server_, tls_server_;
  std::uint16_t port_ = 0, tls_port_ = 0;
};

}  // namespace stress
