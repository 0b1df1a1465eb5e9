// SPDX-License-Identifier: MIT
#include <tutti/executors/serialize.hpp>

namespace tutti {

SerializationError::~SerializationError() = default;

void ByteReader::fail(const std::string& what) { throw SerializationError("cannot read " + what); }

void ByteReader::fail_truncated(std::uint64_t wanted) const {
  fail(std::to_string(wanted) + " where " + std::to_string(left_.size()) + " bytes are left");
}

void ByteReader::expect_end() const {
  if (!left_.empty()) fail("what is complete: " + std::to_string(left_.size()) + " bytes are left");
}

}  // namespace tutti
