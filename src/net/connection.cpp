// SPDX-License-Identifier: MIT
#include "connection.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <new>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>

#include <tutti/base/error.hpp>

#include "socket.hpp"

namespace tutti::detail {
namespace {

// A read that is posted holds its buffer, also while the connection is idle: so that is small. When it comes back full,
// the rest is read at once into as much more as the connection's traffic has needed lately.
constexpr std::size_t kPostedRead = 1024;

// A receive that goes on is best for messages, and reading piece by piece into memory of one's own for bulk: so a connection
// changes over when so much comes at once, and back after so many reads of no more than a message.
constexpr std::size_t kBulk = std::size_t{16} * 1024;
constexpr std::uint8_t kFewReads = 16;

// A copy of more costs more than what putting it off saves.
constexpr std::size_t kMostPutOff = std::size_t{4} * 1024;

}  // namespace

Connection::Connection(EventLoop& loop, Fd socket, const Address& peer, Ref<ConnectionOwner> owner)
    : LoopMember(loop),
      in_kernel_(receives_in_kernel(loop.backend())),
      puts_off_(in_kernel_),
      receives_(receives_on(loop.backend())),
      reads_all_(is_internet(peer)),
      socket_(std::move(socket)),
      loop_(&loop),
      owner_(std::move(owner)),
      peer_(peer) {
  loop.claim_descriptor(socket_.get());
}

Connection::~Connection() { release_socket(); }

// ---- operations ----

template <class Operation>
void Connection::submit(Operation& operation) noexcept {
  try {
    loop_->submit(operation);
    this->*Operation::under_way = true;
    retain();  // the operation's, until it is done or dropped
  } catch (...) {
    end(std::current_exception());
  }
}

void Connection::resume_reading() noexcept {
  if (closing_ || eof_ || reading_) return;
  reading_ = true;
  if (!incoming_.empty()) {
    if (lowlevel::Ready* const arrival = announce()) loop_->make_ready(*arrival);
  } else if (!read_under_way_) {
    submit_read();
  }
}

void Connection::submit_read() noexcept {
  if (receives_) {
    read_.prepare(socket_.get());
    read_.drained = reads_all_;
    return submit(read_);
  }
  try {
    if (incoming_.capacity() != kPostedRead) incoming_ = ByteBuffer(kPostedRead);
  } catch (...) {
    return end(std::current_exception());
  }
  read_.prepare_recv(socket_.get(), incoming_.room());
  read_.drained = drained_;
  submit(read_);
}

/// Reads what else is there already; gives its error. The end is left to the next posted read, which finds it again; an
/// error would not be there any more.
int Connection::read_burst() {
  incoming_.reserve(burst_.size());
  const MutableBytes room = incoming_.room().first(burst_.size());
  const ssize_t got = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : errno;
  const auto count = static_cast<std::uint32_t>(got);
  incoming_.commit(count);
  drained_ = reads_all_ && count != 0 && count < burst_.size();
  burst_.adapt(count);
  return 0;
}

// ---- a receive that goes on ----

/// Inside the back end's poll, as is the next one. Much is read to where it is to stay, and that is made when it has come.
MutableBytes Connection::place(MutableBytes lent) noexcept {
  if (burst_.smallest()) return lent;
  // One byte more than usual messages have: if that stays empty, all was read, and nobody has to try again.
  const std::size_t size = std::size_t{burst_.size()} + 1;
  try {
    incoming_.reserve(size);
    return incoming_.room().first(size);
  } catch (...) {
    return lent;
  }
}

lowlevel::Ready* Connection::take(BytesView bytes) noexcept {
  if (closing_ || bytes.empty()) {
    if (incoming_.empty() && !closing_) incoming_ = ByteBuffer();
    return nullptr;
  }
  const auto count = static_cast<std::uint32_t>(bytes.size());
  try {
    if (bytes.data() == incoming_.room().data()) {
      incoming_.commit(count);
      burst_.adapt(std::min(count, burst_.size()));
    } else {
      incoming_.append(bytes);
      if (incoming_.size() >= kBulk) expect_much();
    }
  } catch (...) {
    end(std::current_exception());  // better an error than a stream with a hole
    return nullptr;
  }
  return announce();
}

void Connection::expect_much() noexcept {
  if (!in_kernel_) return burst_.adapt(burst_.size());
  if (!receives_) return;
  receives_ = false;
  read_.cancel({});
}

/// What is to stand in the ready queue; null if it does already.
lowlevel::Ready* Connection::announce() noexcept {
  if (std::exchange(arrival_queued_, true)) return nullptr;
  retain();
  return this;
}

void Connection::run() {
  const Ref<Connection> self = Ref<Connection>::adopt(this);
  arrival_queued_ = false;
  arrived();
}

void Connection::drop() noexcept {
  const Ref<Connection> self = Ref<Connection>::adopt(this);
  arrival_queued_ = false;
}

void Connection::arrived() {
  if (closing_) {
    // Too late: the receiver has closed. A read piece by piece that is under way still writes there.
    if (!ending_ && (!read_under_way_ || is_receiving(read_))) incoming_ = ByteBuffer();
    return;
  }
  if (!reading_) return static_cast<void>(read_.cancel({}));  // paused: no more is to come, and what has come is held
  deliver();
  if (reading_ && !closing_ && !read_under_way_) submit_read();
}

void Connection::deliver() {
  if (incoming_.empty()) return;
  const Ref<lowlevel::Receiver> receiver = receiver_;  // which may be replaced meanwhile
  receiver->data_received(std::exchange(incoming_, ByteBuffer()));
}

void Connection::receiving_done() {
  const int result = read_.result;
  small_reads_ = 0;
  if (result == -ENOBUFS || result == -EAGAIN) receives_ = false;
  const bool failed = result < 0 && result != -ENOBUFS && result != -EAGAIN && result != -ECANCELED;
  if (!closing_ && (failed || (result == 0 && reading_))) deliver();  // what came before
  if (failed) return end(error("read from", -result));
  if (!reading_ || closing_ || read_under_way_) return;  // an end that is not noticed now is found again
  if (result != 0 && arrival_queued_) return;
  if (result != 0) return submit_read();
  eof_ = true;
  reading_ = false;
  const Ref<lowlevel::Receiver> receiver = receiver_;
  if (!receiver->eof_received()) close();
}

// ---- reading piece by piece ----

void Connection::read_done() {
  if (ending_) return finish();
  if (is_receiving(read_)) return receiving_done();
  const int result = read_.result;
  if (closing_ && result >= 0) return;                 // too late: the receiver has closed
  const Ref<lowlevel::Receiver> receiver = receiver_;  // which may be replaced meanwhile
  if (result > 0) {
    incoming_.commit(static_cast<std::size_t>(result));
    drained_ = reads_all_ && !incoming_.room().empty();
    int failure = 0;
    try {
      const bool full = incoming_.room().empty();
      small_reads_ = full ? 0 : small_reads_ + 1;
      receives_ = small_reads_ >= kFewReads && receives_on(loop_->backend());
      if (full) failure = read_burst();
    } catch (const std::bad_alloc&) {
      // What was read is delivered; the rest waits for the next read.
    }
    receiver->data_received(std::move(incoming_));
    incoming_.clear();
    if (failure != 0) return end(error("read from", failure));
  } else if (result == 0) {
    eof_ = true;
    reading_ = false;
    incoming_ = ByteBuffer();
    if (!receiver->eof_received()) close();
    return;
  } else if (result != -EINTR && result != -EAGAIN && result != -ECANCELED) {
    return end(error("read from", -result));
  }
  if (reading_ && !closing_ && !read_under_way_) submit_read();
}

// ---- writing ----

bool Connection::can_write(const char* operation) const {
  if (sendfile_) throw RuntimeError(std::string(operation) + ": a sendfile is in progress");
  if (write_eof_) throw RuntimeError(std::string(operation) + ": write_eof was called before");
  return !closing_;
}

/// Sends what goes without waiting, in one call; gives how much that was. An error is told through the receiver.
std::size_t Connection::send_now(std::span<const BytesView> pieces) noexcept {
  Vectors vectors(pieces);
  const iovec& first = vectors.items[0];
  msghdr message{};
  message.msg_iov = vectors.items;
  message.msg_iovlen = vectors.count;
  ssize_t sent = -1;
  do {
    sent = vectors.count == 1 ? ::send(socket_.get(), first.iov_base, first.iov_len, MSG_NOSIGNAL | MSG_DONTWAIT)
                              : ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS) end(error("write to", errno));
  return 0;
}

void Connection::write(BytesView data) {
  const BytesView pieces[] = {data};
  writelines(pieces);
}

void Connection::writelines(std::span<const BytesView> pieces) {
  if (!can_write("write")) return;
  std::size_t skip = 0;
  if (idle_for_writing()) {
    const std::size_t total = total_size(pieces);
    if (total == 0) return;
    if (puts_off_ && total <= std::min(kMostPutOff, marks_.limits().high)) return put_off(pieces);
    skip = send_now(pieces);
    if (skip == total || closing_) return;
  } else if (put_off_ && sending_->put_off_in == loop_->iterations()) {
    puts_off_ = false;  // it writes piece by piece: the second one would have to wait for the first
  }
  ByteBuffer& to = write_under_way_ ? sending().queued : sending().bytes;
  append_rest(to, pieces, skip);
  if (!write_under_way_) submit_write();
  check_high();
}

Connection::Sending& Connection::sending() {
  if (!sending_) sending_ = std::make_unique<Sending>(*this);
  return *sending_;
}

/// The loop's next system call sends this, with what other connections write in this iteration: half the price of a call for
/// each.
void Connection::put_off(std::span<const BytesView> pieces) {
  append_rest(sending().bytes, pieces, 0);
  sending_->put_off_in = loop_->iterations();
  put_off_ = true;
  submit_write();
}

void Connection::submit_write() noexcept {
  // The result of an operation is 32 bits wide.
  sending_->prepare_send(socket_.get(), sending_->bytes.view().substr(0, INT_MAX));
  submit(*sending_);
}

void Connection::write_done() {
  put_off_ = false;
  if (ending_) return finish();
  const int result = sending_->result;
  if (result < 0 && result != -EINTR && result != -EAGAIN && result != -ECANCELED) {
    return end(error("write to", -result));
  }
  ByteBuffer& bytes = sending_->bytes;
  if (result > 0) bytes.consume(static_cast<std::size_t>(result));
  if (bytes.empty()) bytes = std::exchange(sending_->queued, ByteBuffer());  // the memory of what was sent is free
  if (!bytes.empty()) {
    submit_write();
  } else {
    sending_.reset();
  }
  check_low();
  if (!ending_ && nothing_written()) all_was_sent();
}

void Connection::all_was_sent() noexcept {
  if (sendfile_) {
    if (!sendfile_->done()) sendfile_->set_result();
    return;
  }
  if (closing_) return end(nullptr);
  if (write_eof_) shut_down_writing();
}

// ---- a file ----

Fd Connection::begin_sendfile(Future<> sent) {
  if (!can_write("sendfile")) throw RuntimeError("sendfile: the transport is closing");
  Fd socket(::fcntl(socket_.get(), F_DUPFD_CLOEXEC, 0));
  if (!socket) throw_os_error(errno, "sendfile to " + peername().to_string());
  sendfile_ = std::make_unique<Future<>>(std::move(sent));
  if (nothing_written()) all_was_sent();
  return socket;
}

void Connection::end_sendfile() noexcept {
  sendfile_.reset();
  if (!ending_ && nothing_written()) all_was_sent();
}

void Connection::write_eof() {
  if (closing_ || write_eof_) return;
  write_eof_ = true;
  if (idle_for_writing()) shut_down_writing();
}

void Connection::shut_down_writing() noexcept {
  // ENOTCONN: the peer has reset the connection, and reading tells so.
  if (::shutdown(socket_.get(), SHUT_WR) != 0 && errno != ENOTCONN) end(error("shut down", errno));
}

void Connection::set_write_buffer_limits(std::size_t high, std::size_t low) {
  marks_.set({high, low});
  if (sending_ && sending_->bytes.size() > high) put_off_ = false;  // who sets such limits waits until all is sent
  check_high();
}

void Connection::check_high() noexcept {
  if (!closing_ && marks_.must_pause(write_buffer_size())) receiver_->pause_writing();
}

void Connection::check_low() noexcept {
  if (marks_.may_resume(write_buffer_size())) receiver_->resume_writing();
}

// ---- the end ----

std::exception_ptr Connection::error(const char* operation, int number) const {
  return make_os_error(number, std::string(operation) + " " + peername().to_string());
}

void Connection::close() noexcept {
  if (closing_) return;
  if (idle_for_writing()) return end(nullptr);
  closing_ = true;
  reading_ = false;
  read_.cancel({});
}

void Connection::end(std::exception_ptr why) noexcept {
  if (ending_) return;
  closing_ = ending_ = true;
  reading_ = false;
  why_ = std::move(why);
  if (sendfile_) {
    ::shutdown(socket_.get(), SHUT_RDWR);  // it has the socket as well
    if (!sendfile_->done()) sendfile_->set_exception(why_ ? why_ : error("sendfile to", ECONNABORTED));
  }
  read_.cancel({});
  if (sending_) sending_->cancel({});
  if (read_under_way_ || write_under_way_) return;  // the last one that comes back goes on
  retain();
  loop_->make_ready(read_);  // which stands for the end, too
}

/// Goes on once nothing is in flight.
void Connection::finish() noexcept {
  if (read_under_way_ || write_under_way_ || !socket_) return;
  release_socket();
  leave_loop();
  incoming_ = ByteBuffer();
  // What was left unsent can be asked for until it was told.
  if (const Ref<lowlevel::Receiver> receiver = std::move(receiver_)) receiver->connection_lost(std::move(why_));
  sending_.reset();
  if (const Ref<ConnectionOwner> owner = std::move(owner_)) owner->connection_ended();
}

void Connection::release_socket() noexcept {
  if (!socket_) return;
  loop_->release_descriptor(socket_.get());
  socket_.reset();
}

void Connection::loop_closes() noexcept {
  const Ref<Connection> self(this);  // the receiver may have the last reference
  closing_ = ending_ = true;
  reading_ = false;
  receiver_ = nullptr;
  owner_ = nullptr;
  if (!read_under_way_ && !write_under_way_) release_socket();
}

/// The loop has closed and gives back what it held.
void Connection::dropped() noexcept {
  if (!read_under_way_ && !write_under_way_) release_socket();
}

lowlevel::Transport& Connection::uppermost() noexcept {
  lowlevel::Transport* const upper = receiver_ ? receiver_->upper() : nullptr;
  return upper != nullptr ? *upper : *this;
}

Address Connection::sockname() const {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (!socket_ || ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return Address::from_sockaddr(&address, size);
}

}  // namespace tutti::detail
