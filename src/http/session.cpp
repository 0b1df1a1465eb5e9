// SPDX-License-Identifier: MIT
#include "session.hpp"

#include <exception>
#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/net/streams.hpp>

#include "response_state.hpp"
#include "within.hpp"

namespace tutti::http::detail {

namespace {

constexpr std::uint64_t kSmallBody = std::uint64_t{64} * 1024;

std::optional<TimePoint> after(std::optional<Duration> delay) {
  if (!delay) return std::nullopt;
  return get_running_loop().time() + *delay;
}

/// Reads the body of a redirect if it is short, so that the connection can serve again.
Coro<> discard(std::shared_ptr<ResponseState> state) {
  if (state->exchange.content_length().value_or(kSmallBody + 1) > kSmallBody) co_return state->exchange.release();
  try {
    (void)co_await state->content.read();
  } catch (const std::exception&) {
    // The connection is closed then, and nothing is missed.
  }
}

}  // namespace

Session::Session(ClientSessionOptions options)
    : options_(std::move(options)), pool_(std::make_shared<Pool>(options_.connector)) {}

Coro<ClientResponse> Session::request(std::shared_ptr<Session> self, std::string method, RequestUrl url,
                                      RequestOptions options) {
  Call call(self->options_, std::move(method), url, std::move(options));
  call.deadline = after(call.timeout.total);
  co_return co_await within(
      call.deadline, [&] { return self->follow(call); },
      [&] { return ServerTimeoutError(call.info(), "timed out after " + to_text(*call.timeout.total) + " in all"); });
}

/// Sends the request and those that redirects make of it.
Coro<ClientResponse> Session::follow(Call& call) {
  std::vector<ClientResponse> history;
  for (;;) {
    const std::shared_ptr<ResponseState> state = co_await send(call);
    ClientResponse response(state);
    const auto location = call.redirect(response);
    if (!location) {
      state->history = std::move(history);
      if (call.raise_for_status) response.raise_for_status();
      co_return response;
    }
    if (history.size() >= static_cast<std::size_t>(std::max(call.max_redirects, 0))) {
      throw TooManyRedirects(call.info(), response.status(),
                             "more than " + std::to_string(call.max_redirects) + " redirects", response.headers());
    }
    co_await discard(state);
    history.push_back(std::move(response));
    call.follow(state->head.status, *location);
  }
}

/// Sends one request, a second time if the connection that it took was no good any more.
Coro<std::shared_ptr<ResponseState>> Session::send(const Call& call) {
  const auto first = co_await try_once(call, false);
  if (first) co_return first;
  co_return co_await try_once(call, true);
}

/// Null: the server had closed the connection, and it may be tried again.
Coro<std::shared_ptr<ResponseState>> Session::try_once(const Call& call, bool fresh) {
  auto state = std::make_shared<ResponseState>(co_await acquire(call, fresh), call.info(), pool_, call.url);
  Exchange& exchange = state->exchange;
  exchange.set_sock_read(call.timeout.sock_read);
  state->max_read_size = call.max_read_size;
  std::exception_ptr error;
  bool broken = false;
  try {
    exchange.send(call.head(), call.body);
    state->head = co_await exchange.read_head();
    exchange.set_body_limit(call.max_body_size);
  } catch (const ServerDisconnectedError&) {
    broken = true;
    error = std::current_exception();
  } catch (const ClientOSError&) {
    broken = true;
    error = std::current_exception();
  }
  if (error) {
    if (broken && !fresh && exchange.was_stale() && call.idempotent() && call.body.repeatable()) co_return nullptr;
    std::rethrow_exception(error);
  }
  exchange.set_deadline(call.deadline, call.timeout.total);
  (void)state->content.take_ready();
  co_return state;
}

Coro<PoolSlot> Session::acquire(const Call& call, bool fresh) {
  co_return co_await within(
      after(call.timeout.connect),
      [&]() -> Coro<PoolSlot> {
        PoolSlot slot = co_await pool_->acquire(call.url.origin(), fresh);
        if (!slot) throw SessionClosedError(call.info());
        if (!slot.connection()) {
          auto connection = std::make_unique<ClientConnection>(co_await connect(call), options_.limits);
          if (pool_->closed()) throw SessionClosedError(call.info());
          slot.adopt(std::move(connection));
        }
        co_return slot;
      },
      [&] { return ConnectionTimeoutError(call.info(), "no connection within " + to_text(*call.timeout.connect)); });
}

Coro<Streams> Session::connect(const Call& call) {
  try {
    co_return co_await within(
        after(call.timeout.sock_connect),
        [&]() -> Coro<Streams> {
          const std::string host(call.url.host());
          if (options_.open_connection) return options_.open_connection(host, call.url.port());
          return open_connection(host, call.url.port());
        },
        [&] {
          const std::string where = call.url.host_header();
          return ConnectionTimeoutError(
              call.info(), "connect " + where + ": timed out after " + to_text(*call.timeout.sock_connect));
        });
  } catch (const ClientError&) {
    throw;
  } catch (const AddressLookupError& error) {
    throw ClientConnectorDNSError(call.info(), error.code(), error.what());
  } catch (const OSError& error) {
    throw ClientConnectorError(call.info(), error.code(), error.what());
  }
}

}  // namespace tutti::http::detail
