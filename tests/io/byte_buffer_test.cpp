// SPDX-License-Identifier: MIT
#include <tutti/io/byte_buffer.hpp>

#include <algorithm>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace {

using tutti::ByteBuffer;

TEST(ByteBuffer, IsFilledAtTheEndAndEmptiedAtTheFront) {
  ByteBuffer buffer(8);
  const auto room = buffer.room();
  EXPECT_EQ(room.size(), 8U);
  std::copy_n("abcdef", 6, room.data());
  buffer.commit(6);
  buffer.consume(2);
  EXPECT_EQ(buffer.view(), "cdef");
  EXPECT_EQ(buffer.take(3), "cde");
  EXPECT_EQ(buffer.take(99), "f");
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.room().size(), 8U);
}

TEST(ByteBuffer, GrowsAndKeepsItsBytesInOrder) {
  ByteBuffer buffer;
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string piece = std::to_string(i);
    buffer.append(piece);
    expected += piece;
    if (i % 3 == 0) {
      buffer.consume(2);
      expected.erase(0, 2);
    }
    ASSERT_EQ(buffer.size(), expected.size());
  }
  EXPECT_EQ(buffer.view(), expected);
}

TEST(ByteBuffer, IsEmptyOnceItWasMoved) {
  ByteBuffer first;
  first.append("bytes");
  ByteBuffer second = std::move(first);
  EXPECT_EQ(first.size(), 0U);  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(first.capacity(), 0U);
  first.append("new");
  EXPECT_EQ(first.view(), "new");
  EXPECT_EQ(second.view(), "bytes");
}

}  // namespace
