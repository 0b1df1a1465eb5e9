// SPDX-License-Identifier: MIT
// Reads that know that the last one took all there was, on every back end: they may wait untried, and must miss nothing.
#include "backend_fixture.hpp"

#include <array>
#include <string>

namespace tutti::tests {
namespace {

class DrainedReadTest : public BackendTest {
 protected:
  void SetUp() override {
    BackendTest::SetUp();
    if (IsSkipped()) return;
    const Bound listener = listening_socket(SOCK_STREAM);
    near_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(near_.get(), reinterpret_cast<const sockaddr*>(&listener.address), sizeof listener.address), 0);
    far_.reset(::accept(listener.fd.get(), nullptr, nullptr));
    // The first read is registered; from then on it is known when something comes.
    submit_read(false);
    send_far("first");
    ASSERT_EQ(finish_read(), "first");
  }

  void TearDown() override {
    backend().forget(near_.get());
    BackendTest::TearDown();
  }

  void submit_read(bool drained) {
    read_.emplace();
    read_->prepare_recv(near_.get(), buffer_);
    read_->drained = drained;
    backend().submit(*read_);
  }
  std::string finish_read() {
    const int count = finish(*read_);
    return count < 0 ? "error" : std::string(buffer_.data(), static_cast<std::size_t>(count));
  }
  void send_far(std::string_view text, int flags = 0) {
    ASSERT_EQ(::send(far_.get(), text.data(), text.size(), flags), static_cast<ssize_t>(text.size()));
  }

  Fd near_;
  Fd far_;
  std::array<char, 16> buffer_{};
  std::optional<CountedOperation> read_;
};
INSTANTIATE_TEST_SUITE_P(Each, DrainedReadTest, all_backends, backend_name);

TEST_P(DrainedReadTest, GivesWhatComesAfterIt) {
  submit_read(true);
  EXPECT_EQ(poll(), 0);
  send_far("later");
  EXPECT_EQ(finish_read(), "later");
}

TEST_P(DrainedReadTest, GivesWhatCameBeforeIt) {
  send_far("before");
  submit_read(true);
  EXPECT_EQ(finish_read(), "before");
}

TEST_P(DrainedReadTest, GivesWhatWasSeenWhileNobodyRead) {
  send_far("seen");
  // Something else waits, so that the back end asks the kernel.
  const Pair other = socket_pair();
  CountedOperation watch;
  watch.prepare_poll(other.left.get(), 1);
  backend().submit(watch);
  poll();
  submit_read(true);
  EXPECT_EQ(finish_read(), "seen");
  backend().cancel(watch);
  finish(watch);
}

TEST_P(DrainedReadTest, GivesTheEndThatCameWithTheLastBytes) {
  submit_read(true);
  send_far("last");
  far_.reset();
  EXPECT_EQ(finish_read(), "last");
  submit_read(true);
  EXPECT_EQ(finish_read(), "");
}

TEST_P(DrainedReadTest, GivesWhatStandsBehindUrgentData) {
  submit_read(true);
  send_far("ab");
  send_far("!", MSG_OOB);
  send_far("cd");
  std::string text = finish_read();
  while (text.size() < 4) {
    submit_read(true);
    text += finish_read();
  }
  EXPECT_EQ(text, "abcd");
}

}  // namespace
}  // namespace tutti::tests
