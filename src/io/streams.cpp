// SPDX-License-Identifier: MIT
#include <tutti/io/streams.hpp>

#include <algorithm>
#include <cstring>

#include <tutti/base/error.hpp>
#include <tutti/task/sleep.hpp>

#include "stream_state.hpp"
#include "tls_transport.hpp"

namespace tutti {
namespace {

using State = detail::Ref<detail::StreamState>;
using detail::ReadHold;

// Each read is a coroutine that shares the state, so that it does not depend on its reader staying where it is. Bytes
// leave the buffer after the last suspension, all at once: so a cancellation loses none.

Coro<std::string> read_some(ReadHold state, std::size_t count) {
  state->check();
  if (count == 0) co_return std::string();
  if (state->buffer.empty() && !state->eof) co_await state->wait_for_data("read");
  std::string data = state->buffer.take(count);
  state->maybe_resume();
  co_return data;
}

Coro<std::size_t> read_some_into(ReadHold state, MutableBytes memory) {
  state->check();
  if (memory.empty()) co_return std::size_t{0};
  if (state->buffer.empty() && !state->eof) co_await state->wait_for_data("read_into");
  const std::size_t count = std::min(memory.size(), state->buffer.size());
  if (count != 0) std::memcpy(memory.data(), state->buffer.view().data(), count);
  state->buffer.consume(count);
  state->maybe_resume();
  co_return count;
}

Coro<std::string> read_all(ReadHold state) {
  state->check();
  while (!state->eof) co_await state->wait_for_data("read");
  co_return state->buffer.take(state->buffer.size());
}

Coro<std::string> read_exactly(ReadHold state, std::size_t count) {
  state->check();
  while (state->buffer.size() < count) {
    if (state->eof) throw IncompleteReadError(state->buffer.take(state->buffer.size()), count);
    co_await state->wait_for_data("readexactly");
  }
  std::string data = state->buffer.take(count);
  state->maybe_resume();
  co_return data;
}

Coro<BytesView> peek_at(ReadHold state, std::size_t count) {
  state->check();
  while (state->buffer.size() < count && !state->eof) co_await state->wait_for_data("peek");
  co_return state->buffer.view();
}

struct Match {
  std::size_t begin = std::string::npos;  // of the separator
  std::size_t end = std::string::npos;
  [[nodiscard]] bool found() const noexcept { return end != std::string::npos; }
};

Match find_first(BytesView data, const std::vector<std::string>& separators, std::size_t from) {
  Match first;
  for (const std::string& separator : separators) {
    const std::size_t at = data.find(separator, from);
    if (at != std::string::npos && at + separator.size() < first.end) first = {at, at + separator.size()};
  }
  return first;
}

std::string in_bytes(std::size_t limit) {
  return " of " + std::to_string(limit) + " bytes (`limit` of the call or the stream)";
}

Coro<std::string> read_until(ReadHold state, std::vector<std::string> separators,
                             std::optional<std::size_t> own_limit) {
  const std::size_t limit = own_limit.value_or(state->limit());
  if (separators.empty()) throw ValueError("readuntil: at least one separator is required");
  const auto shorter = [](const std::string& a, const std::string& b) { return a.size() < b.size(); };
  std::sort(separators.begin(), separators.end(), shorter);
  const std::size_t shortest = separators.front().size();
  const std::size_t longest = separators.back().size();
  if (shortest == 0) throw ValueError("readuntil: a separator has at least one byte");
  state->check();
  std::size_t searched = 0;  // no separator begins before here
  for (;;) {
    const BytesView data = state->buffer.view();
    if (data.size() - searched >= shortest) {
      const Match match = find_first(data, separators, searched);
      if (match.found()) {
        if (match.begin > limit) {
          throw LimitOverrunError("separator is found, but chunk is longer than limit" + in_bytes(limit), match.begin);
        }
        std::string chunk = state->buffer.take(match.end);
        state->maybe_resume();
        co_return chunk;
      }
      // The last bytes may be the beginning of a separator.
      searched = std::max(searched, data.size() + 1 - std::min(longest, data.size() + 1));
      if (searched > limit) {
        throw LimitOverrunError("separator is not found, and chunk exceeds the limit" + in_bytes(limit), searched);
      }
    }
    if (state->eof) throw IncompleteReadError(state->buffer.take(state->buffer.size()), 0);
    co_await state->wait_for_data("readuntil");
  }
}

Coro<std::string> read_line(ReadHold state, std::optional<std::size_t> limit) {
  std::vector<std::string> newline{"\n"};
  try {
    co_return co_await read_until(state.share(), std::move(newline), limit);
  } catch (const IncompleteReadError& error) {
    co_return error.partial();
  } catch (const LimitOverrunError& error) {
    if (state->buffer.view().substr(error.consumed()).starts_with('\n')) {
      state->buffer.consume(error.consumed() + 1);
    } else {
      state->buffer.clear();
    }
    state->maybe_resume();
    throw ValueError(std::string("readline: ") + error.what());
  }
}

Coro<std::optional<std::string>> next_line(ReadHold state) {
  std::string line = co_await read_line(std::move(state), {});
  if (line.empty()) co_return std::nullopt;
  co_return std::move(line);
}

/// Waits in one of the lists of a stream until it is woken or cancelled. `state` keeps the list alive.
Coro<> wait_in([[maybe_unused]] State state, std::vector<Future<>>& list) {
  const Future<> waiter;
  list.push_back(waiter);
  struct Leave {
    std::vector<Future<>>& waiters;
    const Future<>& own;
    ~Leave() {
      own.state()->mark_retrieved();
      std::erase(waiters, own);
    }
  } const leave{list, waiter};
  co_await waiter;
}

Coro<> drain_writer(State state) {
  state->check();
  // The loss of a connection that is closing is told in a later iteration: a loop of write and drain must come to know
  // it.
  if (state->transport()->is_closing()) co_await sleep(Duration::zero());
  if (state->must_drain()) co_await wait_in(state, state->drainers());
}

Coro<> change_to_tls(State state, SSLContext context, TLSOptions options) {
  co_await drain_writer(state);
  using detail::TLSTransport;
  auto tls = detail::Ref<TLSTransport>::adopt(new TLSTransport(state->transport(), context, std::move(options)));
  // Whatever is written from here on is for TLS, and waits for its handshake.
  tls->start(state->move_to(detail::Ref<lowlevel::Transport>(tls.get())), state->eof);
  co_await TLSTransport::handshake(std::move(tls));
}

Coro<> wait_until_closed(State state) {
  if (!state->lost()) co_return co_await wait_in(state, state->closers());
  state->check_lost();
}

}  // namespace

// ---- StreamReader ----

StreamReader::StreamReader(StreamReaderOptions options)
    : state_(State::adopt(new detail::StreamState(nullptr, options.limit))) {}
StreamReader::StreamReader(State state) noexcept : state_(std::move(state)) {}
StreamReader::StreamReader(StreamReader&& other) noexcept = default;
StreamReader& StreamReader::operator=(StreamReader&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
StreamReader::~StreamReader() {
  if (state_) state_->leave_reader();
}

Coro<std::string> StreamReader::read(std::size_t count) { return read_some(ReadHold(state_), count); }
Coro<std::string> StreamReader::read() { return read_all(ReadHold(state_)); }
Coro<std::size_t> StreamReader::read_into(MutableBytes memory) { return read_some_into(ReadHold(state_), memory); }
Coro<std::string> StreamReader::readexactly(std::size_t count) { return read_exactly(ReadHold(state_), count); }
Coro<std::string> StreamReader::readuntil(std::string separator, std::optional<std::size_t> limit) {
  std::vector<std::string> separators;
  separators.push_back(std::move(separator));
  return read_until(ReadHold(state_), std::move(separators), limit);
}
Coro<std::string> StreamReader::readuntil(std::vector<std::string> separators, std::optional<std::size_t> limit) {
  return read_until(ReadHold(state_), std::move(separators), limit);
}
Coro<std::string> StreamReader::readuntil(std::initializer_list<std::string_view> separators,
                                          std::optional<std::size_t> limit) {
  return read_until(ReadHold(state_), std::vector<std::string>(separators.begin(), separators.end()), limit);
}
Coro<std::string> StreamReader::readline(std::optional<std::size_t> limit) {
  return read_line(ReadHold(state_), limit);
}
Coro<std::optional<std::string>> StreamReader::next() { return next_line(ReadHold(state_)); }

Coro<BytesView> StreamReader::peek(std::size_t count) { return peek_at(ReadHold(state_), count); }
void StreamReader::consume(std::size_t count) {
  state_->buffer.consume(count);
  state_->maybe_resume();
}
BytesView StreamReader::buffered() const noexcept { return state_->buffer.view(); }

bool StreamReader::at_eof() const noexcept { return state_->eof && state_->buffer.empty(); }
std::exception_ptr StreamReader::exception() const noexcept { return state_->exception(); }

void StreamReader::feed_data(BytesView data) {
  ByteBuffer copy;
  copy.append(data);
  state_->feed(std::move(copy));
}
void StreamReader::feed_eof() { state_->feed_eof(); }
void StreamReader::set_exception(std::exception_ptr error) { state_->set_exception(std::move(error)); }
void StreamReader::set_transport(detail::Ref<lowlevel::Transport> transport) {
  state_->set_transport(std::move(transport));
}

// ---- StreamWriter ----

StreamWriter::StreamWriter(State state) noexcept : state_(std::move(state)) {}
StreamWriter::StreamWriter(StreamWriter&& other) noexcept = default;
StreamWriter& StreamWriter::operator=(StreamWriter&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
StreamWriter::~StreamWriter() {
  if (state_) state_->drop_writer();
}

void StreamWriter::write(BytesView data) { state_->transport()->write(data); }
void StreamWriter::writelines(std::span<const BytesView> pieces) { state_->transport()->writelines(pieces); }
Coro<> StreamWriter::drain() { return drain_writer(state_); }
void StreamWriter::write_eof() { state_->transport()->write_eof(); }
bool StreamWriter::can_write_eof() const noexcept { return state_->transport()->can_write_eof(); }
Coro<> StreamWriter::start_tls(SSLContext context, TLSOptions options) {
  return change_to_tls(state_, std::move(context), std::move(options));
}
void StreamWriter::close() { state_->transport()->close(); }
Coro<> StreamWriter::wait_closed() { return wait_until_closed(state_); }
void StreamWriter::abort() { state_->transport()->abort(); }
bool StreamWriter::is_closing() const noexcept { return state_->transport()->is_closing(); }
Address StreamWriter::peername() const { return state_->transport()->peername(); }
Address StreamWriter::sockname() const { return state_->transport()->sockname(); }
int StreamWriter::fd() const noexcept { return state_->transport()->fd(); }
const SSLObject* StreamWriter::ssl_object() const noexcept { return state_->transport()->ssl_object(); }
lowlevel::Transport& StreamWriter::transport() const noexcept { return *state_->transport(); }

Streams make_streams(detail::Ref<lowlevel::Transport> transport, StreamReaderOptions options) {
  auto state = State::adopt(new detail::StreamState(transport, options.limit));
  transport->set_receiver(detail::Ref<lowlevel::Receiver>(state.get()));
  transport->resume_reading();
  return {StreamReader(state), StreamWriter(std::move(state))};
}

}  // namespace tutti
