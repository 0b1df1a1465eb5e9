// SPDX-License-Identifier: MIT
#include <tutti/io/address.hpp>

#include <string>

#include <gtest/gtest.h>

#include <tutti/base/error.hpp>

namespace {

using tutti::Address;
using tutti::AddressFamily;

TEST(Address, ReadsAndWritesNumericHosts) {
  const auto four = Address::parse("127.0.0.1", 80);
  ASSERT_TRUE(four);
  EXPECT_EQ(four->family(), AddressFamily::ipv4);
  EXPECT_EQ(four->host(), "127.0.0.1");
  EXPECT_EQ(four->port(), 80);
  EXPECT_EQ(four->to_string(), "127.0.0.1:80");
  const auto six = Address::parse("2001:DB8::1", 65535);
  ASSERT_TRUE(six);
  EXPECT_EQ(six->family(), AddressFamily::ipv6);
  EXPECT_EQ(six->to_string(), "[2001:db8::1]:65535");
  EXPECT_EQ(Address::parse("fe80::1%lo", 1)->host(), "fe80::1%lo");
  EXPECT_EQ(*four, *Address::parse("127.0.0.1", 80));
  EXPECT_FALSE(*four == *Address::parse("127.0.0.1", 81));
}

TEST(Address, RefusesWhatIsNotNumeric) {
  for (const std::string host : {"", "localhost", "127.1", "256.0.0.1", "[::1]", "::1%nosuchinterface", " 1.2.3.4"}) {
    EXPECT_FALSE(Address::parse(host, 1)) << host;
  }
  EXPECT_FALSE(Address::parse(std::string("127.0.0.1\0x", 11), 1));
}

TEST(Address, NamesUnixSockets) {
  const Address file = Address::local("/run/x");
  EXPECT_EQ(file.family(), AddressFamily::local);
  EXPECT_EQ(file.path(), "/run/x");
  EXPECT_EQ(file.to_string(), "/run/x");
  EXPECT_EQ(file.port(), 0);
  const std::string name("\0hidden", 7);
  EXPECT_EQ(Address::local(name).path(), name);
  EXPECT_EQ(Address::local(name).to_string(), "@hidden");
  EXPECT_EQ(Address().to_string(), "unnamed");
}

TEST(Address, RefusesPathsThatDoNotFit) {
  EXPECT_THROW((void)Address::local(""), tutti::ValueError);
  EXPECT_THROW((void)Address::local(std::string(108, 'x')), tutti::ValueError);
  EXPECT_EQ(Address::local(std::string(107, 'x')).path(), std::string(107, 'x'));
  EXPECT_THROW((void)Address::local(std::string("a\0b", 3)), tutti::ValueError);
}

}  // namespace
